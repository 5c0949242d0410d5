//! JSON lines: an object on each line, its names the columns. What is nested is told as JSON.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::TableError;
use crate::convert::Gathering;
use crate::infer::{Guess, Type};
use crate::limits::{COLUMNS, GLANCE_ROWS, JSON_LINE_BYTES, NAMES_BYTES};
use crate::source::Source;
use crate::utf8::{Place, Text};

/// The rows of a text.
struct Lines {
    text: Text,
    line: Vec<u8>,
}

impl Lines {
    fn new(source: &Arc<dyn Source>) -> Result<Lines, TableError> {
        Ok(Lines { text: Text::new(Arc::clone(source))?, line: Vec::new() })
    }

    /// Reads the next object; empty lines are passed over.
    fn row(&mut self) -> Result<Option<Map<String, Value>>, TableError> {
        loop {
            let place = self.text.place();
            self.line.clear();
            let mut ended = true;
            while let Some(byte) = self.text.next()? {
                ended = false;
                if byte == b'\n' {
                    break;
                }
                if self.line.len() >= JSON_LINE_BYTES {
                    let why = format!("the line is longer than {JSON_LINE_BYTES} bytes");
                    return Err(place.error(why));
                }
                self.line.push(byte);
            }
            if ended {
                return Ok(None);
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            if let Some(at) = too_long_a_number(&self.line) {
                let place = Place { column: at as u64 + 1, ..place };
                return Err(place.error("a whole number that 64 bits do not hold"));
            }
            let object = serde_json::from_slice(&self.line);
            return object.map(Some).map_err(|error| {
                let place = Place { column: error.column().max(1) as u64, ..place };
                let text = error.to_string();
                let why = text.split(" at line ").next().unwrap_or_default();
                place.error(format!("not a JSON object: {why}"))
            });
        }
    }
}

/// Finds a whole number that would lose digits: no type here holds it.
fn too_long_a_number(line: &[u8]) -> Option<usize> {
    let (mut quoted, mut at) = (false, 0);
    while at < line.len() {
        match line[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'0'..=b'9' if !quoted => {
                let part = |b: &u8| b.is_ascii_digit() || b".eE+-".contains(b);
                let length = line[at..].iter().take_while(|byte| part(byte)).count();
                let number = &line[at..at + length];
                let negative = at > 0 && line[at - 1] == b'-';
                if number.iter().all(u8::is_ascii_digit) {
                    let text = std::str::from_utf8(number).unwrap_or_default();
                    let held = match negative {
                        true => text.parse::<u64>().is_ok_and(|value| value <= 1 << 63),
                        false => text.parse::<u64>().is_ok(),
                    };
                    if !held {
                        return Some(at);
                    }
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns a value as text, and whether it is text already.
fn text(value: &Value) -> (String, bool) {
    match value {
        Value::Null => (String::new(), false),
        Value::String(text) => (text.clone(), true),
        other => (other.to_string(), matches!(other, Value::Array(_) | Value::Object(_))),
    }
}

/// Columns as they come.
#[derive(Default)]
struct Columns {
    at: HashMap<String, usize>,
    columns: Vec<(String, Guess)>,
    /// Bytes of all names.
    names: usize,
}

impl Columns {
    fn see(&mut self, row: &Map<String, Value>) -> Result<(), TableError> {
        for (name, value) in row {
            let column = match self.at.get(name) {
                Some(column) => *column,
                None => self.add(name)?,
            };
            let (text, quoted) = text(value);
            self.columns[column].1.see(&text, quoted);
        }
        Ok(())
    }

    fn add(&mut self, name: &str) -> Result<usize, TableError> {
        let column = self.columns.len();
        if column >= COLUMNS {
            let (what, limit) = ("the number of columns".into(), COLUMNS as u64);
            return Err(TableError::TooLarge { what, size: limit + 1, limit });
        }
        // Any line may bring a long one, and all stay to the end.
        self.names += name.len();
        if self.names > NAMES_BYTES {
            let what = "what the names of the columns take, in bytes,".into();
            let (size, limit) = (self.names as u64, NAMES_BYTES as u64);
            return Err(TableError::TooLarge { what, size, limit });
        }
        self.at.insert(name.to_owned(), column);
        self.columns.push((name.to_owned(), Guess::default()));
        Ok(column)
    }

    fn settle(self) -> Result<Vec<(String, Type)>, TableError> {
        if self.columns.is_empty() {
            return Err(Place::START.error("there is no object, so there are no columns"));
        }
        Ok(self.columns.into_iter().map(|(name, guess)| (name, guess.settle())).collect())
    }
}

/// Returns the columns of the first rows; where more of the text was `cut` off, its last row may
/// be half of one.
pub(crate) fn glance(
    source: &Arc<dyn Source>,
    cut: bool,
) -> Result<Vec<(String, Type)>, TableError> {
    let mut lines = Lines::new(source)?;
    let mut columns = Columns::default();
    for _ in 0..GLANCE_ROWS {
        match lines.row() {
            Ok(Some(row)) if !cut || lines.text.peek()?.is_some() => columns.see(&row)?,
            Ok(_) => break,
            Err(_) if cut => break,
            Err(error) => return Err(error),
        }
    }
    columns.settle()
}

pub(crate) fn to_parquet(
    source: &Arc<dyn Source>,
    out: impl Write + Send,
) -> Result<(), TableError> {
    let mut lines = Lines::new(source)?;
    let mut columns = Columns::default();
    while let Some(row) = lines.row()? {
        columns.see(&row)?;
    }
    let columns = columns.settle()?;
    let types: Vec<Type> = columns.iter().map(|(_, of)| *of).collect();
    let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let mut gathering = Gathering::new(out, names.iter().cloned(), &types)?;
    let mut lines = Lines::new(source)?;
    while let Some(row) = lines.row()? {
        let mut bytes = 0;
        for (column, name) in names.iter().enumerate() {
            let (text, quoted) = row.get(name).map_or_else(Default::default, text);
            gathering.add(column, &text, quoted);
            bytes += text.len();
        }
        gathering.end_row(bytes)?;
    }
    gathering.end()
}

#[cfg(test)]
mod tests {
    use super::too_long_a_number;

    #[test]
    fn numbers_that_would_lose_digits_are_found() {
        for fine in [
            r#"{"a":18446744073709551615}"#,
            r#"{"a":-9223372036854775808}"#,
            r#"{"a":1e30,"b":"99999999999999999999","c":0.12345678901234567890}"#,
            r#"{"a":"\"99999999999999999999"}"#,
        ] {
            assert_eq!(too_long_a_number(fine.as_bytes()), None, "{fine}");
        }
        assert_eq!(too_long_a_number(br#"{"a":18446744073709551616}"#), Some(5));
        assert_eq!(too_long_a_number(br#"{"a":-9223372036854775809}"#), Some(6));
    }
}
