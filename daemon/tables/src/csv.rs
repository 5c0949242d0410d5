//! CSV and TSV: records with what was quoted and where they stand, so that a value that was
//! quoted stays text and one that is missing is told from one that is empty.

use std::sync::Arc;

use crate::TableError;
use crate::infer::{Guess, Type};
use crate::limits::{COLUMNS, LINE_BYTES};
use crate::source::Source;
use crate::utf8::{Place, Text};

/// What may stand between fields, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A record.
#[derive(Debug)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    /// Where each field ends, and whether it was quoted.
    fields: Vec<(usize, bool)>,
    /// Where the record begins.
    pub(crate) place: Place,
}

impl Default for Record {
    fn default() -> Self {
        Record { bytes: Vec::new(), fields: Vec::new(), place: Place::START }
    }
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns the bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns a field, and whether it was quoted.
    pub(crate) fn field(&self, at: usize) -> (&str, bool) {
        let start = at.checked_sub(1).map_or(0, |before| self.fields[before].0);
        let (end, quoted) = self.fields[at];
        // Delimiters and quotes are ASCII: no field begins or ends within a letter.
        (std::str::from_utf8(&self.bytes[start..end]).unwrap_or_default(), quoted)
    }

    /// Tells whether nothing stands on its line.
    fn is_blank(&self) -> bool {
        matches!(self.fields[..], [(0, false)])
    }
}

/// The records of a text.
pub(crate) struct Records {
    text: Text,
    delimiter: u8,
}

impl Records {
    /// Begins to read; without a delimiter, the one that is most frequent in the first record.
    pub(crate) fn new(
        source: &Arc<dyn Source>,
        delimiter: Option<u8>,
    ) -> Result<Records, TableError> {
        let delimiter = match delimiter {
            Some(delimiter) => delimiter,
            None => guess(&mut Text::new(Arc::clone(source))?)?,
        };
        Ok(Records { text: Text::new(Arc::clone(source))?, delimiter })
    }

    /// Reads the header: the names of the columns.
    pub(crate) fn header(&mut self) -> Result<Vec<String>, TableError> {
        let mut record = Record::default();
        if !self.read(&mut record)? || record.is_blank() {
            return Err(record.place.error("there is no header with the names of the columns"));
        }
        Ok((0..record.len()).map(|at| record.field(at).0.to_owned()).collect())
    }

    /// Reads the next row of `columns` fields; false at the end.
    pub(crate) fn row(&mut self, record: &mut Record, columns: usize) -> Result<bool, TableError> {
        loop {
            if !self.read(record)? {
                return Ok(false);
            }
            // An empty line is a missing value where there is but one column.
            if record.len() == columns {
                return Ok(true);
            }
            if !record.is_blank() {
                let fields = record.len();
                return Err(record
                    .place
                    .error(format!("the row has {fields} fields, the header has {columns}")));
            }
        }
    }

    /// Tells whether nothing follows.
    pub(crate) fn is_at_end(&mut self) -> Result<bool, TableError> {
        Ok(self.text.peek()?.is_none())
    }

    fn read(&mut self, record: &mut Record) -> Result<bool, TableError> {
        record.bytes.clear();
        record.fields.clear();
        record.place = self.text.place();
        if self.text.peek()?.is_none() {
            return Ok(false);
        }
        loop {
            let quoted = self.text.peek()? == Some(b'"');
            if quoted {
                self.quoted(record)?;
            }
            loop {
                check_length(record)?;
                match self.text.next()? {
                    Some(byte) if byte == self.delimiter => {
                        record.fields.push((record.bytes.len(), quoted));
                        break;
                    }
                    Some(b'\r') if self.text.peek()? == Some(b'\n') => {}
                    None | Some(b'\n') => {
                        record.fields.push((record.bytes.len(), quoted));
                        return Ok(true);
                    }
                    Some(byte) => record.bytes.push(byte),
                }
            }
            if record.fields.len() > COLUMNS {
                let (what, limit) = ("the number of columns".into(), COLUMNS as u64);
                return Err(TableError::TooLarge { what, size: limit + 1, limit });
            }
        }
    }

    /// Reads what stands between quotes, of which two stand for one.
    fn quoted(&mut self, record: &mut Record) -> Result<(), TableError> {
        let opened = self.text.place();
        self.text.next()?;
        loop {
            check_length(record)?;
            match self.text.next()? {
                None => return Err(opened.error("the quote that opens here is never closed")),
                Some(b'"') if self.text.peek()? == Some(b'"') => {
                    self.text.next()?;
                    record.bytes.push(b'"');
                }
                Some(b'"') => return Ok(()),
                Some(byte) => record.bytes.push(byte),
            }
        }
    }
}

/// Whether quotes around a value say anything of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// What is quoted is text.
    Tell,
    /// All values are quoted, whatever they are.
    Everywhere,
}

/// What the columns of a text can be, by the records so far.
pub(crate) struct Guesses {
    /// Of each column with what quotes tell, and without.
    columns: Vec<(Guess, Guess)>,
    /// Whether there was a value without quotes.
    plain: bool,
}

impl Guesses {
    pub(crate) fn of(columns: usize) -> Guesses {
        Guesses { columns: vec![Default::default(); columns], plain: false }
    }

    pub(crate) fn see(&mut self, record: &Record) {
        for (at, (told, bare)) in self.columns.iter_mut().enumerate() {
            let (text, quoted) = record.field(at);
            self.plain |= !quoted;
            told.see(text, quoted);
            // Once one stands without them, quotes tell, and nobody asks for the other guess.
            if !self.plain {
                bare.see(text, false);
            }
        }
    }

    /// Returns the types of the columns. Where all values are quoted, as some programs write them,
    /// they are those of what stands between the quotes.
    pub(crate) fn settle(&self) -> (Vec<Type>, Quotes) {
        match self.plain {
            true => (self.columns.iter().map(|(told, _)| told.settle()).collect(), Quotes::Tell),
            false => {
                (self.columns.iter().map(|(_, bare)| bare.settle()).collect(), Quotes::Everywhere)
            }
        }
    }
}

fn check_length(record: &Record) -> Result<(), TableError> {
    match record.bytes.len() > LINE_BYTES {
        true => {
            let why = format!("the row is longer than {LINE_BYTES} bytes; is a quote not closed?");
            Err(record.place.error(why))
        }
        false => Ok(()),
    }
}

fn guess(text: &mut Text) -> Result<u8, TableError> {
    let mut counts = [0u32; DELIMITERS.len()];
    let mut quoted = false;
    for _ in 0..LINE_BYTES {
        match text.next()? {
            None => break,
            Some(b'\n') if !quoted => break,
            Some(b'"') => quoted = !quoted,
            Some(byte) if !quoted => {
                if let Some(at) = DELIMITERS.iter().position(|delimiter| *delimiter == byte) {
                    counts[at] += 1;
                }
            }
            Some(_) => {}
        }
    }
    // The first of equals, which `max_by_key` would not give.
    let most = counts.iter().max().copied().unwrap_or_default();
    let at = counts.iter().position(|count| *count == most).unwrap_or_default();
    Ok(DELIMITERS[at])
}
