//! The YAML of dstack's profile file, line by line: what is not about a profile stays as it is,
//! comments included.
//!
//! dstack's clients write two levels of maps below `profiles:`, in blocks, older ones each profile
//! on a line in braces. That much is read, and lines that mean anything else are refused, so that
//! nothing is guessed in a file that belongs to another program.

use super::scalar::{self, flow, is_nothing, split_key};

/// Longest file in bytes.
pub(super) const BYTES: usize = 1 << 20;
/// The key of all profiles.
const PROFILES: &str = "profiles";
/// How far the lines of a new profile and of its fields are indented.
const INDENT: usize = 2;

/// Why a file is not read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The line, counted from one.
    pub(crate) line: usize,
    /// What about it.
    pub(crate) reason: String,
}

/// What a profile says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The address of the API; a client's own default when left out.
    pub(crate) server: Option<String>,
    /// The token.
    pub(crate) token: Option<String>,
    /// The user.
    pub(crate) user: Option<String>,
    /// Whether certificates are not checked.
    pub(crate) unverified: bool,
}

impl Profile {
    /// Returns the fields with what stands behind their colons, in the order of dstack.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let texts = [("server", &self.server), ("token", &self.token), ("user", &self.user)];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?)));
        let mut fields: Vec<_> = texts.map(|(key, text)| (key, scalar::write(text))).collect();
        if self.unverified {
            fields.push(("verify", "false".to_owned()));
        }
        fields
    }

    fn take(&mut self, key: &str, value: Option<String>) {
        match key {
            "server" => self.server = value,
            "token" => self.token = value,
            "user" => self.user = value,
            "verify" => {
                let no = |word: &str| ["false", "no", "off"].contains(&word);
                self.unverified = value.is_some_and(|word| no(&word.to_ascii_lowercase()));
            }
            _ => {}
        }
    }
}

/// Tells whether a field is one that is read and written here.
fn is_ours(key: &str) -> bool {
    ["server", "token", "user", "verify"].contains(&key)
}

/// Where a profile stands, and what it says.
#[derive(Clone, Debug)]
struct Entry {
    name: String,
    profile: Profile,
    /// The line of its name.
    from: usize,
    /// The line behind its last one.
    to: usize,
    /// How far its name is indented.
    indent: usize,
    /// How far its fields are.
    fields_at: Option<usize>,
    /// The lines of fields that are ours.
    ours: Vec<(usize, String)>,
    /// Whether the last field is another's, which may go on in deeper lines.
    goes_on: bool,
    /// Fields that are not ours, where all stand in braces on the line of the name.
    braced: Option<Vec<(String, String)>>,
}

/// A profile file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    lines: Vec<String>,
    /// The line of `profiles:`.
    key: Option<usize>,
    entries: Vec<Entry>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that means something else than profiles as dstack's clients write them.
    pub(crate) fn parse(text: &str) -> Result<Document, Fault> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let mut document = Document { lines, ..Document::default() };
        document.read()?;
        Ok(document)
    }

    /// Returns the file.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Returns the profiles in their order.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = (&str, &Profile)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), &entry.profile))
    }

    /// Tells whether a profile of another name has a token.
    pub(crate) fn another_has(&self, name: &str, token: &str) -> bool {
        self.profiles()
            .any(|(other, profile)| other != name && profile.token.as_deref() == Some(token))
    }

    /// Returns a profile.
    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| &entry.profile)
    }

    /// Writes a profile, in the place of the one of that name where there is one.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), of what would be written.
    pub(crate) fn set(&self, name: &str, profile: &Profile) -> Result<Document, Fault> {
        let mut lines = self.lines.clone();
        let known = self.entries.iter().find(|entry| entry.name == name);
        match (known, self.key) {
            (Some(entry), _) => {
                lines.splice(entry.from..entry.to, self.rewritten(entry, profile));
            }
            (None, Some(key)) => {
                let indent = self.entries.first().map_or(INDENT, |entry| entry.indent);
                let at = self.entries.last().map_or(key + 1, |entry| entry.to);
                lines.splice(at..at, self.block(name, profile, indent));
                lines[key] = self.ended(format!("{PROFILES}:"));
            }
            (None, None) => {
                lines.push(self.ended(format!("{PROFILES}:")));
                lines.extend(self.block(name, profile, INDENT));
            }
        }
        self.checked(lines, name, Some(profile))
    }

    /// Takes a profile out.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub(crate) fn without(&self, name: &str) -> Result<Document, Fault> {
        let mut lines = self.lines.clone();
        if let Some(entry) = self.entries.iter().find(|entry| entry.name == name) {
            lines.drain(entry.from..entry.to);
            if let (Some(key), 1) = (self.key, self.entries.len()) {
                // A key without a value is no map, and clients ask for one.
                lines[key] = self.ended(format!("{PROFILES}: {{}}"));
            }
        }
        self.checked(lines, name, None)
    }

    /// Reads what is to be written, and makes sure that it says what it is to say.
    fn checked(
        &self,
        lines: Vec<String>,
        name: &str,
        wanted: Option<&Profile>,
    ) -> Result<Document, Fault> {
        let mut document = Document { lines, ..Document::default() };
        document.read()?;
        let others = |document: &Document| -> Vec<(String, Profile)> {
            let others = document.entries.iter().filter(|entry| entry.name != name);
            others.map(|entry| (entry.name.clone(), entry.profile.clone())).collect()
        };
        match document.get(name) == wanted && others(&document) == others(self) {
            true => Ok(document),
            false => {
                let line = self.key.map_or(1, |key| key + 1);
                Err(Fault { line, reason: "the profiles can not be changed safely".to_owned() })
            }
        }
    }

    /// Returns the lines of a profile that stood there already, with what else it said.
    fn rewritten(&self, entry: &Entry, profile: &Profile) -> Vec<String> {
        if let Some(others) = &entry.braced {
            let mut block = self.block(&entry.name, profile, entry.indent);
            let pad = " ".repeat(entry.indent + INDENT);
            block.extend(others.iter().map(|(key, raw)| self.ended(format!("{pad}{key}: {raw}"))));
            return block;
        }
        let pad = " ".repeat(entry.fields_at.unwrap_or(entry.indent + INDENT));
        let mut new = profile.fields();
        let mut kept = Vec::new();
        for at in entry.from + 1..entry.to {
            let Some((_, key)) = entry.ours.iter().find(|(line, _)| *line == at) else {
                kept.push(self.lines[at].clone());
                continue;
            };
            if let Some(place) = new.iter().position(|(field, _)| field == key) {
                let (field, value) = new.remove(place);
                kept.push(self.ended(format!("{pad}{field}: {value}")));
            }
        }
        let mut block = vec![self.ended(format!(
            "{}{}:",
            " ".repeat(entry.indent),
            scalar::write(&entry.name)
        ))];
        block.extend(new.into_iter().map(|(key, raw)| self.ended(format!("{pad}{key}: {raw}"))));
        block.extend(kept);
        block
    }

    fn block(&self, name: &str, profile: &Profile, indent: usize) -> Vec<String> {
        let (pad, deeper) = (" ".repeat(indent), " ".repeat(indent + INDENT));
        let mut block = vec![self.ended(format!("{pad}{}:", scalar::write(name)))];
        let fields = profile.fields().into_iter();
        block.extend(fields.map(|(key, value)| self.ended(format!("{deeper}{key}: {value}"))));
        block
    }

    /// Ends a line as the others end.
    fn ended(&self, line: String) -> String {
        match self.lines.first().is_some_and(|first| first.ends_with('\r')) {
            true => line + "\r",
            false => line,
        }
    }

    fn read(&mut self) -> Result<(), Fault> {
        let mut inside = false;
        for at in 0..self.lines.len() {
            let line = self.lines[at].trim_end();
            let content = line.trim_start_matches(' ');
            let indent = line.len() - content.len();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let fault = |reason: &str| Fault { line: at + 1, reason: reason.to_owned() };
            if content.starts_with('\t') {
                return Err(fault("a tab indents it"));
            }
            if line.chars().any(|c| c.is_control() && c != '\t') {
                return Err(fault("it has a control character"));
            }
            if indent == 0 {
                let content = content.to_owned();
                inside = self.top(at, inside, &content).map_err(|reason| fault(&reason))?;
            } else if inside {
                let line = content.to_owned();
                self.below(at, indent, &line).map_err(|reason| fault(&reason))?;
            }
        }
        Ok(())
    }

    /// Reads a line that is not indented; tells whether profiles follow.
    fn top(&mut self, at: usize, inside: bool, content: &str) -> Result<bool, String> {
        // An item of a list may stand below its key without being indented.
        if content == "---" && at == 0 || content.starts_with("- ") && at > 0 && !inside {
            return Ok(false);
        }
        let (key, rest) = split_key(content)?;
        if key != PROFILES {
            return Ok(false);
        }
        if self.key.is_some() {
            return Err(format!("`{PROFILES}` stands there twice"));
        }
        self.key = Some(at);
        match is_nothing(rest) {
            true => Ok(true),
            false => Err(format!("`{PROFILES}` is no map in lines of its own")),
        }
    }

    /// Reads a line below `profiles:`.
    fn below(&mut self, at: usize, indent: usize, content: &str) -> Result<(), String> {
        let names_at = self.entries.first().map_or(indent, |entry| entry.indent);
        if indent == names_at {
            return self.named(at, indent, content);
        }
        let Some(entry) = self.entries.last_mut().filter(|_| indent > names_at) else {
            return Err("it is indented less than the profiles".to_owned());
        };
        if entry.braced.is_some() {
            return Err("it goes on behind a profile in braces".to_owned());
        }
        let fields_at = *entry.fields_at.get_or_insert(indent);
        entry.to = at + 1;
        if indent > fields_at && entry.goes_on {
            return Ok(());
        }
        if indent != fields_at {
            return Err("it is indented otherwise than the fields of its profile".to_owned());
        }
        let (key, rest) = split_key(content)?;
        entry.goes_on = !is_ours(&key);
        if is_ours(&key) {
            if entry.ours.iter().any(|(_, known)| *known == key) {
                return Err(format!("`{key}` stands there twice"));
            }
            entry.profile.take(&key, scalar::read(rest)?);
            entry.ours.push((at, key));
        }
        Ok(())
    }

    /// Reads the line that names a profile.
    fn named(&mut self, at: usize, indent: usize, content: &str) -> Result<(), String> {
        let (name, rest) = split_key(content)?;
        if self.entries.iter().any(|entry| entry.name == name) {
            return Err(format!("the profile `{name}` stands there twice"));
        }
        let mut profile = Profile::default();
        let braced = match is_nothing(rest) && !rest.trim_start().starts_with('{') {
            true => None,
            false => {
                let mut others = Vec::new();
                for (key, raw) in flow(rest)? {
                    match is_ours(&key) {
                        true => profile.take(&key, scalar::read(&raw)?),
                        false => others.push((scalar::write(&key), raw)),
                    }
                }
                Some(others)
            }
        };
        self.entries.push(Entry {
            name,
            profile,
            from: at,
            to: at + 1,
            indent,
            fields_at: None,
            ours: Vec::new(),
            goes_on: false,
            braced,
        });
        Ok(())
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
