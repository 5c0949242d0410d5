//! Counts what an automerge change holds before automerge may see it.
//!
//! A change is a few columns of run lengths, so 135 bytes can stand for a million operations, and
//! automerge unpacks all of them, panics on a counter above 32 bits or on an actor that is not
//! listed, and inflates without a bound. This module walks the same bytes and unpacks nothing: it
//! adds run lengths, in time linear in the bytes and without any memory of its own.
//!
//! It takes less than automerge does. Whatever automerge itself writes passes; another chunk
//! type, a deflated, unknown or repeated column, a number longer than it needs, a run beyond the
//! operations it belongs to and an id out of bounds do not. What the operations mean is judged
//! later: text is not checked for UTF-8 here, nor the checksum, nor any value.
//!
//! The format is that of the change chunk in the automerge storage specification.

use crate::limits::{CATALOG_KEY_BYTES, MAX_OP};

/// What a change asks a reader to unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Operations.
    pub ops: u64,
    /// Predecessors of all operations together.
    pub preds: u64,
}

/// Why bytes are not a change that automerge may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The bytes end where more are announced.
    #[error("cut short")]
    CutShort,
    /// The bytes do not begin as an automerge chunk.
    #[error("not an automerge chunk")]
    Magic,
    /// A chunk of another type: a document, a deflated change, a bundle.
    #[error("chunk type {0} instead of 1, a plain change")]
    ChunkType(u8),
    /// Bytes after the chunk.
    #[error("{0} bytes after the end of the change")]
    Trailing(usize),
    /// A number that is longer than it needs, or too large for its type.
    #[error("malformed number")]
    Number,
    /// A column that is compressed.
    #[error("column {0:#04x} is deflated")]
    Deflated(u32),
    /// A column that version 1 does not know, or one that stands at the wrong place or twice.
    #[error("unexpected column {0:#04x}")]
    Column(u32),
    /// Something inside a column that automerge never writes.
    #[error("column {column:#04x}: {reason}")]
    Content {
        /// The number of the column.
        column: u32,
        /// What is wrong.
        reason: &'static str,
    },
}

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const TYPE_CHANGE: u8 = 1;
const DEFLATED: u32 = 0b1000;

const OBJ_ACTOR: u32 = 0x01;
const OBJ_COUNTER: u32 = 0x02;
const KEY_ACTOR: u32 = 0x11;
const KEY_COUNTER: u32 = 0x13;
const KEY_TEXT: u32 = 0x15;
const INSERT: u32 = 0x34;
const ACTION: u32 = 0x42;
const VALUE_META: u32 = 0x56;
const VALUE: u32 = 0x57;
const PRED_GROUP: u32 = 0x70;
const PRED_ACTOR: u32 = 0x71;
const PRED_COUNTER: u32 = 0x73;
const EXPAND: u32 = 0x94;
const MARK_NAME: u32 = 0xa5;

/// Every column of a change, in the order in which they stand.
const COLUMNS: [u32; 14] = [
    OBJ_ACTOR,
    OBJ_COUNTER,
    KEY_ACTOR,
    KEY_COUNTER,
    KEY_TEXT,
    INSERT,
    ACTION,
    VALUE_META,
    VALUE,
    PRED_GROUP,
    PRED_ACTOR,
    PRED_COUNTER,
    EXPAND,
    MARK_NAME,
];

/// The largest action automerge knows (a mark).
const ACTION_MAX: u64 = 7;

/// Counts the operations and predecessors of a change.
///
/// Total: any bytes give counts or an error, without allocation. The counts are not compared
/// with a bound here; a run length may claim up to 2^63 operations.
///
/// # Errors
/// [`ScanError`] for everything that automerge must not see, whatever its counts.
pub fn scan(change: &[u8]) -> Result<Counts, ScanError> {
    let mut reader = Reader(change);
    if reader.take(MAGIC.len() as u64)? != MAGIC {
        return Err(ScanError::Magic);
    }
    reader.take(4)?; // the checksum: compared once automerge has computed the hash
    let kind = reader.byte()?;
    if kind != TYPE_CHANGE {
        return Err(ScanError::ChunkType(kind));
    }
    let len = reader.unsigned()?;
    let body = reader.take(len)?;
    if !reader.0.is_empty() {
        return Err(ScanError::Trailing(reader.0.len()));
    }
    let mut body = Reader(body);
    let actors = header(&mut body)?;
    Columns::read(&mut body)?.count(actors)
}

/// Walks to the columns and returns the number of other actors.
fn header(body: &mut Reader<'_>) -> Result<u64, ScanError> {
    let deps = body.unsigned()?;
    body.take(deps.checked_mul(32).ok_or(ScanError::CutShort)?)?;
    body.text()?; // actor
    body.unsigned()?; // seq
    body.unsigned()?; // start_op
    body.signed()?; // time
    body.text()?; // message
    let actors = body.unsigned()?;
    for _ in 0..actors {
        body.text()?;
    }
    Ok(actors)
}

/// The bytes of each column, in the order of [`COLUMNS`].
struct Columns<'a>([&'a [u8]; COLUMNS.len()]);

impl<'a> Columns<'a> {
    /// Reads the list of columns and cuts the data at their lengths. What follows them are the
    /// extra bytes, which are left to the caller of automerge.
    fn read(body: &mut Reader<'a>) -> Result<Self, ScanError> {
        let mut list = Reader(body.0);
        let number = body.unsigned()?;
        for _ in 0..number {
            body.unsigned()?;
            body.unsigned()?;
        }
        list.unsigned()?;
        let mut columns = [[].as_slice(); COLUMNS.len()];
        let mut next = 0;
        for _ in 0..number {
            let raw = list.unsigned()?;
            let column = u32::try_from(raw).map_err(|_| ScanError::Number)?;
            if column & DEFLATED != 0 {
                return Err(ScanError::Deflated(column));
            }
            let place = COLUMNS.iter().position(|known| *known == column);
            let place = place.filter(|p| *p >= next).ok_or(ScanError::Column(column))?;
            columns[place] = body.take(list.unsigned()?)?;
            next = place + 1;
        }
        Ok(Columns(columns))
    }

    fn get(&self, column: u32) -> Column<'a> {
        let place = COLUMNS.iter().position(|known| *known == column);
        Column { column, bytes: self.0[place.expect("a constant of the list")] }
    }

    fn count(&self, actors: u64) -> Result<Counts, ScanError> {
        let ops = self.get(ACTION).integers(|action| action <= ACTION_MAX, Nulls::Refused)?.rows;
        let preds = self.get(PRED_GROUP).integers(|_| true, Nulls::Refused)?;
        for (column, limit) in [(OBJ_ACTOR, ops), (KEY_ACTOR, ops), (PRED_ACTOR, preds.sum)] {
            let actor = self.get(column).integers(|actor| actor <= actors, Nulls::Taken)?;
            actor.within(limit)?;
        }
        self.get(OBJ_COUNTER).integers(|c| c < MAX_OP, Nulls::Taken)?.within(ops)?;
        self.get(KEY_COUNTER).deltas()?.within(ops)?;
        self.get(PRED_COUNTER).deltas()?.within(preds.sum)?;
        preds.within(ops)?;
        for column in [KEY_TEXT, MARK_NAME] {
            self.get(column).texts()?.within(ops)?;
        }
        for column in [INSERT, EXPAND] {
            self.get(column).booleans()?.within(ops)?;
        }
        let values = self.get(VALUE_META).lengths()?;
        values.within(ops)?;
        if values.sum > self.get(VALUE).bytes.len() as u64 {
            return Err(self.get(VALUE).content("shorter than its lengths"));
        }
        Ok(Counts { ops, preds: preds.sum })
    }
}

/// What was added up over a column.
struct Total {
    column: u32,
    rows: u64,
    /// Run length times value.
    sum: u64,
}

impl Total {
    /// Checks that a column has no more rows than what it belongs to.
    fn within(&self, limit: u64) -> Result<(), ScanError> {
        if self.rows > limit {
            return Err(ScanError::Content { column: self.column, reason: "too many rows" });
        }
        Ok(())
    }
}

/// Whether rows without a value may stand in a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Taken,
    Refused,
}

struct Column<'a> {
    column: u32,
    bytes: &'a [u8],
}

impl<'a> Column<'a> {
    fn content(&self, reason: &'static str) -> ScanError {
        ScanError::Content { column: self.column, reason }
    }

    /// Walks the runs of a column; `see` gets each run length with its value.
    fn runs<T>(
        &self,
        nulls: Nulls,
        read: impl Fn(&mut Reader<'a>) -> Result<T, ScanError>,
        mut see: impl FnMut(u64, T) -> Result<u64, ScanError>,
    ) -> Result<Total, ScanError> {
        let mut total = Total { column: self.column, rows: 0, sum: 0 };
        let overflow = || self.content("too many rows");
        let mut reader = Reader(self.bytes);
        while !reader.0.is_empty() {
            let head = reader.signed()?;
            let rows = match head {
                0 => reader.unsigned()?,
                _ => head.unsigned_abs(),
            };
            if rows == 0 || i64::try_from(rows).is_err() {
                return Err(self.content("a run of no or too many rows"));
            }
            total.rows = total.rows.checked_add(rows).ok_or_else(overflow)?;
            let mut add = |sum: u64| -> Result<(), ScanError> {
                total.sum = total.sum.checked_add(sum).ok_or_else(overflow)?;
                Ok(())
            };
            match head {
                0 if nulls == Nulls::Refused => return Err(self.content("a row without a value")),
                0 => {}
                1.. => add(see(rows, read(&mut reader)?)?)?,
                // Each value takes a byte at least, so this ends with the bytes.
                _ => (0..rows).try_for_each(|_| add(see(1, read(&mut reader)?)?))?,
            }
        }
        Ok(total)
    }

    /// Walks unsigned integers that all satisfy `valid`, and adds them up.
    fn integers(&self, valid: impl Fn(u64) -> bool, nulls: Nulls) -> Result<Total, ScanError> {
        self.runs(nulls, Reader::unsigned, |rows, value| {
            if !valid(value) {
                return Err(self.content("a value out of bounds"));
            }
            rows.checked_mul(value).ok_or_else(|| self.content("values out of bounds"))
        })
    }

    /// Walks differences whose running sum is a counter below [`MAX_OP`] at each row.
    fn deltas(&self) -> Result<Total, ScanError> {
        let mut counter = 0i128;
        let mut step = |rows: u64, delta: i64| {
            // A run goes one way, so all of it is in bounds if what is before and its end are.
            counter += i128::from(rows) * i128::from(delta);
            if (0..i128::from(MAX_OP)).contains(&counter) {
                return Ok(0);
            }
            Err(self.content("a counter out of bounds"))
        };
        self.runs(Nulls::Taken, Reader::signed, &mut step)
    }

    /// Walks texts of bounded length: automerge copies one for each row of its run.
    fn texts(&self) -> Result<Total, ScanError> {
        self.runs(Nulls::Taken, Reader::text, |_, text| {
            if text.len() > CATALOG_KEY_BYTES {
                return Err(self.content("a key that is too long"));
            }
            Ok(0)
        })
    }

    /// Walks the types and lengths of values, and adds up the lengths.
    fn lengths(&self) -> Result<Total, ScanError> {
        self.runs(Nulls::Refused, Reader::unsigned, |rows, meta| {
            rows.checked_mul(meta >> 4).ok_or_else(|| self.content("values out of bounds"))
        })
    }

    /// Walks the alternating run lengths of truth values.
    fn booleans(&self) -> Result<Total, ScanError> {
        let mut total = Total { column: self.column, rows: 0, sum: 0 };
        let mut reader = Reader(self.bytes);
        while !reader.0.is_empty() {
            let rows = total.rows.checked_add(reader.unsigned()?);
            total.rows = rows.ok_or_else(|| self.content("too many rows"))?;
        }
        Ok(total)
    }
}

/// The bytes not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, ScanError> {
        let (first, rest) = self.0.split_first().ok_or(ScanError::CutShort)?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], ScanError> {
        let len = usize::try_from(len).map_err(|_| ScanError::CutShort)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(ScanError::CutShort)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Reads bytes behind their length.
    fn text(&mut self) -> Result<&'a [u8], ScanError> {
        let len = self.unsigned()?;
        self.take(len)
    }

    /// Reads an unsigned LEB128 number of at most 64 bits in its shortest form.
    fn unsigned(&mut self) -> Result<u64, ScanError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                return Err(ScanError::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(ScanError::Number);
                }
                return Ok(number);
            }
        }
        Err(ScanError::Number)
    }

    /// Reads a signed LEB128 number of at most 64 bits in its shortest form.
    fn signed(&mut self) -> Result<i64, ScanError> {
        let mut number = 0i64;
        let mut previous = 0u8;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(ScanError::Number);
            }
            number |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let sign = byte & 0x40 != 0;
                let repeated =
                    (byte == 0 && previous & 0x40 == 0) || (byte == 0x7f && previous & 0x40 != 0);
                if shift > 0 && repeated {
                    return Err(ScanError::Number);
                }
                if sign && shift + 7 < 64 {
                    number |= -1 << (shift + 7);
                }
                return Ok(number);
            }
            previous = byte;
        }
        Err(ScanError::Number)
    }
}

#[cfg(test)]
mod tests;
