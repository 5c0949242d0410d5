//! Text, checked to be UTF-8 as it is read, with the place where it is not.

use std::io::{self, Read};
use std::sync::Arc;

use crate::TableError;
use crate::source::{Pieces, Source};

/// Bytes that are read at a time.
const CHUNK: usize = 64 << 10;

/// A place in a text: a line and a column in bytes, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl Place {
    pub(crate) const START: Place = Place { line: 1, column: 1 };

    /// Returns the error that something is wrong here.
    pub(crate) fn error(self, why: impl Into<String>) -> TableError {
        TableError::Text { line: self.line, column: self.column, why: why.into() }
    }

    pub(crate) fn pass(&mut self, byte: u8) {
        match byte {
            b'\n' => *self = Place { line: self.line + 1, column: 1 },
            _ => self.column += 1,
        }
    }
}

/// The bytes of a text, one after the other.
pub(crate) struct Text {
    read: Pieces,
    chunk: Vec<u8>,
    at: usize,
    /// How much of the chunk is text that is whole.
    valid: usize,
    ended: bool,
    place: Place,
}

impl Text {
    /// Begins behind a byte order mark, if there is one.
    pub(crate) fn new(source: Arc<dyn Source>) -> Result<Text, TableError> {
        let first = source.read_at(0, source.size().min(3) as usize)?;
        if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
            return Err(Place::START.error("the text is UTF-16; only UTF-8 is read"));
        }
        let start = if first.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let read = Pieces::new(source, start);
        let (chunk, place) = (Vec::new(), Place::START);
        Ok(Text { read, chunk, at: 0, valid: 0, ended: false, place })
    }

    /// Returns where the next byte is.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Returns the next byte without passing it.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, TableError> {
        if self.at == self.valid && !self.ended {
            self.fill()?;
        }
        Ok(self.chunk[..self.valid].get(self.at).copied())
    }

    /// Returns the next byte.
    pub(crate) fn next(&mut self) -> Result<Option<u8>, TableError> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.at += 1;
            self.place.pass(byte);
        }
        Ok(byte)
    }

    fn fill(&mut self) -> Result<(), TableError> {
        self.chunk.drain(..self.valid);
        let kept = self.chunk.len();
        self.chunk.resize(kept + CHUNK, 0);
        let length = read_full(&mut self.read, &mut self.chunk[kept..])?;
        self.chunk.truncate(kept + length);
        self.ended = length < CHUNK;
        self.at = 0;
        self.valid = match std::str::from_utf8(&self.chunk) {
            Ok(text) => text.len(),
            // What the chunk cuts in two is looked at with the next one.
            Err(error) if error.error_len().is_none() && !self.ended => error.valid_up_to(),
            Err(error) => {
                let good = error.valid_up_to();
                let mut place = self.place;
                self.chunk[..good].iter().for_each(|byte| place.pass(*byte));
                let byte = self.chunk[good];
                return Err(place.error(format!(
                    "the byte 0x{byte:02x} is not UTF-8; save the file in that encoding"
                )));
            }
        };
        Ok(())
    }
}

fn read_full(read: &mut Pieces, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < into.len() {
        match read.read(&mut into[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}
