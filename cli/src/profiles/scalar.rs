//! Keys and values of YAML on a line of their own.

/// What begins something that is more than a plain value.
const SPECIAL: &[char] =
    &['&', '*', '!', '|', '>', '{', '}', '[', ']', '%', '@', '`', '?', ',', '"', '\''];

/// Words that mean something else than themselves where they stand without quotes.
const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Writes a text so that every reader of YAML reads a text.
pub(super) fn write(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let word = WORDS.contains(&text.to_ascii_lowercase().as_str());
    match first && text.chars().all(plain) && !text.ends_with(':') && !word {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// Splits a key from what stands behind its colon.
pub(super) fn split_key(content: &str) -> Result<(String, &str), String> {
    let none = || "it is no `key: value`".to_owned();
    let (key, rest) = match content.starts_with(['"', '\'']) {
        true => {
            let (key, rest) = quoted(content)?;
            (key, rest.trim_start().strip_prefix(':').ok_or_else(none)?)
        }
        false => {
            let ends = |at: &usize| {
                let behind = content[at + 1..].chars().next();
                behind.is_none_or(|c| c == ' ' || c == '\t')
            };
            let at = content.match_indices(':').map(|(at, _)| at).find(ends).ok_or_else(none)?;
            (content[..at].trim_end().to_owned(), &content[at + 1..])
        }
    };
    let plain = !content.starts_with(['"', '\'']);
    let special = key.starts_with(SPECIAL) || key.starts_with("- ") || key.contains(" #");
    match plain && special || key.is_empty() {
        true => Err(none()),
        false => Ok((key, rest)),
    }
}

/// Tells whether nothing stands behind a colon, or a map without anything.
pub(super) fn is_nothing(rest: &str) -> bool {
    ["", "{}", "null", "~"].contains(&uncommented(rest))
}

/// Reads a value.
///
/// # Errors
/// It is more than text on one line.
pub(super) fn read(rest: &str) -> Result<Option<String>, String> {
    let rest = rest.trim_start();
    if rest.starts_with(['"', '\'']) {
        let (text, behind) = quoted(rest)?;
        return match uncommented(behind).is_empty() {
            true => Ok(Some(text)),
            false => Err("something stands behind the quotes".to_owned()),
        };
    }
    let text = uncommented(rest);
    if text.starts_with(SPECIAL) || text.starts_with("- ") || text.contains(": ") {
        return Err("its value is more than a text".to_owned());
    }
    Ok(some(text))
}

/// Reads a map in braces, of plain and quoted values, which are returned as they stand there.
///
/// # Errors
/// It is more than that, or not on one line.
pub(super) fn flow(rest: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || "it is no map in braces on one line".to_owned();
    let mut rest = rest.trim_start().strip_prefix('{').ok_or_else(wrong)?.trim_start();
    let mut fields: Vec<(String, String)> = Vec::new();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return match uncommented(behind).is_empty() {
                true => Ok(fields),
                false => Err(wrong()),
            };
        }
        let (key, value) = split_key(rest)?;
        let value = value.trim_start();
        let end = match value.starts_with(['"', '\'']) {
            true => value.len() - quoted(value)?.1.len(),
            false => value.find([',', '}']).ok_or_else(wrong)?,
        };
        let (raw, behind) = (value[..end].trim_end(), value[end..].trim_start());
        if raw.contains(" #") && !raw.starts_with(['"', '\'']) || fields.iter().any(|f| f.0 == key)
        {
            return Err(wrong());
        }
        read(raw)?;
        fields.push((key, raw.to_owned()));
        rest = match behind.strip_prefix(',') {
            Some(behind) => behind.trim_start(),
            None if behind.starts_with('}') => behind,
            None => return Err(wrong()),
        };
    }
}

fn some(text: &str) -> Option<String> {
    (!["", "null", "~"].contains(&text)).then(|| text.to_owned())
}

/// Cuts a comment off, and spaces at both ends.
fn uncommented(text: &str) -> &str {
    let begins = |at: &usize| *at == 0 || text[..*at].ends_with([' ', '\t']);
    let at = text.match_indices('#').map(|(at, _)| at).find(begins);
    text[..at.unwrap_or(text.len())].trim()
}

/// Reads a text in quotes; returns what stands behind it too.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let quote = text.chars().next().unwrap_or('"');
    let mut read = String::new();
    let mut rest = &text[1..];
    loop {
        let Some(c) = rest.chars().next() else { return Err("the quotes do not end".to_owned()) };
        rest = &rest[c.len_utf8()..];
        match c {
            '\'' if quote == '\'' => match rest.strip_prefix('\'') {
                Some(behind) => {
                    read.push('\'');
                    rest = behind;
                }
                None => return Ok((read, rest)),
            },
            '"' if quote == '"' => return Ok((read, rest)),
            '\\' if quote == '"' => {
                let escaped = rest.chars().next();
                match escaped.filter(|c| ['"', '\\', '/'].contains(c)) {
                    Some(c) => {
                        read.push(c);
                        rest = &rest[1..];
                    }
                    None => return Err("it has an escape that is not known".to_owned()),
                }
            }
            c => read.push(c),
        }
    }
}
