//! Changes of inputs that keep so much of their form that more than their beginning is read:
//! lengths stay right, and what is altered is a number of a footer, a header or a message.

use std::ops::Range;

use parquet::file::metadata::ParquetMetaDataReader;

use super::text::BETWEEN;
use super::{Any, panics};

/// Numbers that come from a seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Makes those of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Returns a number by splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below another, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).copied()
    }
}

/// Numbers at which code errs.
const ODD: [i64; 14] = [
    0,
    1,
    -1,
    2,
    7,
    127,
    128,
    1 << 16,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 32,
    i64::MAX,
    i64::MIN,
    1 << 53,
];

/// Bits of any bytes, which stay as many.
fn flipped(bytes: &mut [u8], dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if !bytes.is_empty() {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
    }
}

/// What ends a file of Parquet, behind the length of its footer.
const MARK: &[u8] = b"PAR1";
/// How deep what is in a footer is looked into.
const DEPTH: usize = 12;

/// Changes a file of Parquet: its footer, the headers of its pages, or what is in these.
pub(super) fn parquet(input: &[u8], dice: &mut Dice, any: &mut Any<'_>) -> Vec<u8> {
    let Some((body, footer)) = parts(input) else { return any(input) };
    let (mut body, mut footer) = (body.to_vec(), footer.to_vec());
    match dice.below(8) {
        0 => return any(input),
        1 => footer = any(&footer),
        2..=4 => footer = numbers(&footer, dice),
        5 | 6 => header(&mut body, &footer, dice),
        _ => flipped(&mut body, dice),
    }
    let length = (footer.len() as u32).to_le_bytes();
    [&body[..], &footer, &length, MARK].concat()
}

/// Parts a file into what is before its footer, and the footer.
fn parts(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, length) = input.strip_suffix(MARK)?.split_last_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    rest.split_at_checked(rest.len().checked_sub(length)?)
}

/// Alters some numbers of a struct of Thrift, which may grow.
fn numbers(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(3) {
        let Some(at) = dice.one_of(&Walk::through(&bytes).found) else { break };
        let value = match dice.below(3) {
            0 => ODD[dice.below(ODD.len())],
            1 => dice.below(24) as i64,
            _ => varint(&bytes[at.start..at.end]).wrapping_add(dice.below(9) as i64 - 4),
        };
        bytes.splice(at.start..at.end, written(value));
    }
    bytes
}

/// Alters a number in the header of a page, which stays as long.
fn header(body: &mut [u8], footer: &[u8], dice: &mut Dice) {
    if crate::footer::check(footer).is_err() {
        return;
    }
    let mut chunks = Vec::new();
    // Whether the reader panics is asked when the input is run.
    panics::watch(|| {
        let Ok(read) = ParquetMetaDataReader::decode_metadata(footer) else { return };
        let columns = read.row_groups().iter().flat_map(|group| group.columns());
        chunks.extend(columns.map(|chunk| chunk.byte_range()));
    });
    let Some((start, length)) = dice.one_of(&chunks) else { return };
    let (mut at, end) = (start as usize, body.len().min(start.saturating_add(length) as usize));
    // One of the first pages.
    for _ in 0..dice.below(3) {
        let Some(bytes) = body.get(at..end) else { return };
        let walk = Walk::through(bytes);
        // The third number of a header is how many bytes follow it.
        let packed = walk.found.get(2).map_or(0, |at| varint(&bytes[at.start..at.end]));
        let next = at.saturating_add(walk.at).saturating_add(packed.clamp(0, 1 << 20) as usize);
        if next >= end {
            break;
        }
        at = next;
    }
    let Some(bytes) = body.get_mut(at..end) else { return };
    let found = Walk::through(bytes).found;
    let Some(number) = dice.one_of(&found) else { return };
    let number = &mut bytes[number.start..number.end];
    let kept = number.len();
    let value = match dice.below(2) {
        0 => dice.below(24) as i64,
        _ => varint(number).wrapping_add(dice.below(9) as i64 - 4),
    };
    // A number may have zeros in front, or here behind.
    let mut short = written(value);
    short.resize(kept.max(1), 0x80);
    for (at, byte) in short.iter_mut().enumerate() {
        *byte = if at + 1 < kept { *byte | 0x80 } else { *byte & 0x7f };
    }
    number.copy_from_slice(&short[..kept]);
}

/// Where something is.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    end: usize,
}

/// Goes through a struct in the compact protocol of Thrift and finds its numbers.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    found: Vec<Place>,
}

impl Walk<'_> {
    fn through(bytes: &[u8]) -> Walk<'_> {
        let mut walk = Walk { bytes, at: 0, found: Vec::new() };
        // As far as it is one.
        let _ = walk.fields(0);
        walk
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<i64> {
        let start = self.at;
        while self.byte()? & 0x80 != 0 {}
        self.found.push(Place { start, end: self.at });
        Some(varint(&self.bytes[start..self.at]))
    }

    /// Passes over bytes of some length.
    fn pass(&mut self, length: usize) -> Option<()> {
        self.at = self.at.checked_add(length).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn fields(&mut self, depth: usize) -> Option<()> {
        loop {
            let byte = self.byte()?;
            if byte == 0 || depth > DEPTH {
                return Some(());
            }
            if byte >> 4 == 0 {
                self.number()?;
            }
            match byte & 15 {
                1 | 2 => {}
                kind => self.value(kind, depth)?,
            }
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1..=3 => self.pass(1),
            4..=6 => self.number().map(drop),
            7 => self.pass(8),
            8 => {
                // Lengths are not signed.
                let start = self.at;
                self.number()?;
                let length = unsigned(&self.bytes[start..self.at]);
                self.pass(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = match byte >> 4 {
                    15 => {
                        let start = self.at;
                        self.number()?;
                        unsigned(&self.bytes[start..self.at])
                    }
                    short => short.into(),
                };
                (0..count).try_for_each(|_| self.value(byte & 15, depth + 1))
            }
            12 => self.fields(depth + 1),
            _ => None,
        }
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    let parts = bytes.iter().take(10).enumerate();
    parts.fold(0, |sum, (at, byte)| sum | u64::from(byte & 0x7f).wrapping_shl(7 * at as u32))
}

fn varint(bytes: &[u8]) -> i64 {
    let value = unsigned(bytes);
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn written(value: i64) -> Vec<u8> {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while left >= 0x80 {
        bytes.push(left as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}

/// Changes a file or a stream of Arrow: what a message says, what is in one, or which there are.
pub(super) fn arrow(input: &[u8], dice: &mut Dice, any: &mut Any<'_>) -> Vec<u8> {
    let messages = messages(input);
    let Some(message) = messages.get(dice.below(messages.len())) else { return any(input) };
    let mut bytes = input.to_vec();
    let whole = message.start..message.body.end;
    match dice.below(8) {
        0 => return any(input),
        1..=3 => fields(&mut bytes[message.header.clone()], dice),
        4 => flipped(&mut bytes[message.header.clone()], dice),
        5 => flipped(&mut bytes[message.body.clone()], dice),
        6 => fields(&mut bytes[message.body.clone()], dice),
        _ => {
            let copy = bytes[whole.clone()].to_vec();
            let other = &messages[dice.below(messages.len())];
            match dice.below(2) {
                0 => drop(bytes.drain(whole)),
                _ => drop(bytes.splice(other.start..other.start, copy)),
            }
        }
    }
    bytes
}

struct Message {
    start: usize,
    header: Range<usize>,
    body: Range<usize>,
}

/// Finds the messages that are whole.
fn messages(input: &[u8]) -> Vec<Message> {
    let mut start = if input.starts_with(b"ARROW1") { 8 } else { 0 };
    let mut found = Vec::new();
    let number = |at: usize| -> Option<usize> {
        let bytes = input.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    while number(start) == Some(u32::MAX as usize) {
        let Some(length) = number(start + 4).filter(|length| *length > 0) else { break };
        let header = start + 8..(start + 8).saturating_add(length);
        let Some(bytes) = input.get(header.clone()) else { break };
        let body = arrow_ipc::root_as_message(bytes).map(|message| message.bodyLength());
        let Some(body) = body.ok().and_then(|body| usize::try_from(body).ok()) else { break };
        let body = header.end..header.end.saturating_add(body);
        if body.end > input.len() {
            break;
        }
        let next = body.end;
        found.push(Message { start, header, body });
        start = next;
    }
    found
}

/// Alters a number that stands where one of its width may stand.
fn fields(bytes: &mut [u8], dice: &mut Dice) {
    let width = [1, 2, 4, 8][dice.below(4)];
    if bytes.len() < width {
        return;
    }
    let at = dice.below(bytes.len() / width) * width;
    let field = &mut bytes[at..at + width];
    let mut value = [0; 8];
    value[..width].copy_from_slice(field);
    let value = match dice.below(3) {
        0 => ODD[dice.below(ODD.len())],
        1 => dice.below(24) as i64,
        _ => i64::from_le_bytes(value).wrapping_add(dice.below(9) as i64 - 4),
    };
    field.copy_from_slice(&value.to_le_bytes()[..width]);
}

/// What matters in texts.
const WORDS: [&str; 44] = [
    "\n",
    "\r\n",
    ",",
    ";",
    "\t",
    "|",
    "\"",
    "\"\"",
    "NA",
    "NaN",
    "-Inf",
    "1",
    "-0",
    "007",
    "1e400",
    "2.50",
    "9223372036854775808",
    "true",
    "FALSE",
    "2024-02-29",
    "2024-02-30",
    "12:30:00",
    "2024-02-29T12:30:00Z",
    "0000-01-01 00:00:00.000001",
    "%0D",
    "%25",
    "\u{feff}",
    "ß",
    "[1,2]",
    "{\"x\":1}",
    "null",
    "\"dsp:type\":",
    "\"dsp:levels\":[\"a\",\"b\"]",
    "\"dsp:units\":\"mins\"",
    "\"dsp:escape\":\"percent\"",
    "\"null\":[]",
    "\"titles\":\"a\"",
    "\"int32\"",
    "\"decimal(10, 2)\"",
    "\"list<struct<x: int8>>\"",
    "\"map<string, float64>\"",
    "\"time[ns]\"",
    "\"timestamp[us, Europe/Berlin]\"",
    "\"dsp:rows\":2",
];

/// Changes a text: the note or the rest, with words that matter there.
pub(super) fn text(input: &[u8], dice: &mut Dice, any: &mut Any<'_>) -> Vec<u8> {
    let mut bytes = input.to_vec();
    match dice.below(4) {
        0 | 1 => return any(input),
        2 => {
            let word = WORDS[dice.below(WORDS.len())].bytes();
            let at = dice.below(bytes.len() + 1);
            let end = bytes.len().min(at + dice.below(6));
            drop(bytes.splice(at..end, word));
        }
        _ => {
            // A line once more.
            let from = input.iter().position(|byte| *byte == BETWEEN).map_or(0, |at| at + 1);
            let lines: Vec<&[u8]> = input[from..].split_inclusive(|byte| *byte == b'\n').collect();
            if let Some(line) = dice.one_of(&lines) {
                bytes.extend_from_slice(line);
            }
        }
    }
    bytes
}
