//! Names of files that say what is in them: `plot-{region}.svg`.

use dsp_protocol::api::NewFile;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::value;

/// Most places of a pattern.
const PLACES: usize = 16;

/// What names of files look like: text, and places whose names are those of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    begins: String,
    /// Names of parameters, each with the text that comes after its place.
    places: Vec<(String, String)>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong: a brace alone, no place, two of one name or side by side, or too many.
    pub(crate) fn read(text: &str) -> std::result::Result<Pattern, String> {
        let (begins, mut rest) = match text.split_once('{') {
            Some((begins, rest)) => (begins.to_owned(), Some(rest)),
            None => return Err("a place such as {region} is missing".to_owned()),
        };
        let mut places: Vec<(String, String)> = Vec::new();
        while let Some(part) = rest {
            let (name, after) = part.split_once('}').ok_or("a `{` is not closed")?;
            let next = after.split_once('{');
            let then = next.map_or(after, |(then, _)| then);
            rest = next.map(|(_, rest)| rest);
            if name.is_empty() || name.contains('{') {
                return Err("a place has a name, such as {region}".to_owned());
            }
            if places.iter().any(|(known, _)| known == name) {
                return Err(format!("{{{name}}} is there twice"));
            }
            if then.is_empty() && rest.is_some() {
                return Err(format!("between {{{name}}} and the next place there is nothing"));
            }
            places.push((name.to_owned(), then.to_owned()));
        }
        if begins.contains('}') || places.iter().any(|(_, then)| then.contains('}')) {
            return Err("a `}` has no `{`".to_owned());
        }
        match places.len() > PLACES {
            true => Err(format!("there are more than {PLACES} places")),
            false => Ok(Pattern { text: text.to_owned(), begins, places }),
        }
    }

    /// Returns what a name says, if it looks so: each place is as short as it can be, the last one as
    /// long.
    fn params(&self, name: &str) -> Option<Map<String, Value>> {
        let mut rest = name.strip_prefix(&self.begins)?;
        let mut params = Map::new();
        for (at, (place, then)) in self.places.iter().enumerate() {
            let (found, after) = match at + 1 == self.places.len() {
                true => (rest.strip_suffix(then.as_str())?, ""),
                false => rest.split_once(then.as_str())?,
            };
            if found.is_empty() {
                return None;
            }
            let (place, value) = value::param(&format!("{place}={found}")).ok()?;
            params.insert(place, value);
            rest = after;
        }
        Some(params)
    }

    /// Gives files the parameters that their names say.
    ///
    /// # Errors
    /// No name of them looks so.
    pub(crate) fn set(&self, files: &mut [NewFile]) -> Result<()> {
        let mut fit = 0;
        for file in files.iter_mut() {
            if let Some(params) = self.params(&file.path) {
                file.params = params;
                fit += 1;
            }
        }
        match fit {
            0 => Err(Error::usage(format!("no file that is named looks like `{}`", self.text))
                .hint("name the files one by one: what is in folders is not looked at")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_say_parameters() {
        let pattern = Pattern::read("{kind}-by-{region}-{year}.svg").unwrap();
        let read = |name: &str| pattern.params(name).map(Value::from);
        let all = json!({ "kind": "sales", "region": "EU", "year": 2026 });
        assert_eq!(read("sales-by-EU-2026.svg"), Some(all));
        assert_eq!(read("sales-by--2026.svg"), None, "a place is empty");
        assert_eq!(read("sales-by-EU-2026.png"), None);
        assert_eq!(read("sales.svg"), None);
        let last = Pattern::read("a{x}").unwrap();
        assert_eq!(last.params("aa.b").map(Value::from), Some(json!({ "x": "a.b" })));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["a.svg", "{}", "{a", "a}{b}", "{a}{b}", "{a}-{a}", "{a}b}", "{{a}}"] {
            assert!(Pattern::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn files_of_other_names_are_left_alone_and_none_is_an_error() {
        let file = |path: &str| NewFile { path: path.to_owned(), ..NewFile::default() };
        let mut files = [file("p-EU.svg"), file("readme.md")];
        Pattern::read("p-{region}.svg").unwrap().set(&mut files).unwrap();
        assert_eq!(files[0].params.get("region"), Some(&json!("EU")));
        assert!(files[1].params.is_empty());
        assert!(Pattern::read("q-{region}.svg").unwrap().set(&mut files).is_err());
    }
}
