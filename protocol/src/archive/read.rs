//! Taking an archive apart, in pieces of any size.

use super::{About, BLOB_HASH_BYTES, END_BYTES, HEADER_BYTES, Item, Kind, MAGIC, PREFIX_BYTES};
use super::{VERSION, catalog};
use crate::cbor::{self, CborError, FieldError, Fields, Value};
use crate::context::{Genesis, GenesisError};
use crate::id::{BlobHash, DeviceId, Incarnation, UserId};
use crate::limits;
use crate::wire::{BoardKey, of_user};

/// Most bytes of a blob that are handed out at one time.
const PIECE_BYTES: u64 = 256 * 1024;

/// Why bytes are no archive, or not all of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It begins otherwise.
    #[error("it is no archive of dsp: it begins otherwise")]
    Magic,
    /// A version that this program does not know.
    #[error("it is an archive of version {found}, and this program reads up to {VERSION}")]
    Version {
        /// The version.
        found: u32,
    },
    /// A record of a kind that there is not.
    #[error("record {record} is of the unknown kind {kind}")]
    Kind {
        /// Its number, from 0.
        record: u64,
        /// The kind.
        kind: u8,
    },
    /// A record that does not stand where records of its kind do.
    #[error("record {record} stands out of order")]
    Order {
        /// Its number, from 0.
        record: u64,
    },
    /// A record that says to be longer, or shorter, than those of its kind can be.
    #[error("record {record} says to have {length} bytes, which none of its kind has")]
    Length {
        /// Its number, from 0.
        record: u64,
        /// What it says.
        length: u64,
    },
    /// The body of a record is not canonical CBOR.
    #[error("record {record}: {source}")]
    Cbor {
        /// Its number, from 0.
        record: u64,
        /// What is wrong.
        source: CborError,
    },
    /// A field of a record is missing or wrong.
    #[error("record {record}: {source}")]
    Field {
        /// Its number, from 0.
        record: u64,
        /// What is wrong.
        source: FieldError,
    },
    /// The genesis is none.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The number of records or the hash of all bytes is not what the end says.
    #[error("the bytes are not those that were written: the sum at the end differs")]
    Sum,
    /// Bytes stand behind the end.
    #[error("bytes stand behind the end of the archive")]
    Trailing,
    /// The bytes ended before the archive.
    #[error("it ends in the middle, after {bytes} bytes")]
    Truncated {
        /// How many there were.
        bytes: u64,
    },
}

/// Reads an archive: bytes in by [`push`](Self::push), items out by [`next_item`](Self::next_item).
///
/// Total: any bytes give items or an error. It holds at most one record and what was pushed last;
/// nothing is allocated for what a length promises.
#[derive(Debug)]
pub struct Reader {
    pub(super) buffer: Vec<u8>,
    /// How many bytes at the front of the buffer were used.
    used: usize,
    hasher: blake3::Hasher,
    records: u64,
    bytes: u64,
    part: u8,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    Prefix,
    Body { kind: Kind, length: usize },
    BlobHash { size: u64 },
    Blob { left: u64 },
    Ended,
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}

impl Reader {
    /// Returns a reader that saw nothing yet.
    pub fn new() -> Self {
        Reader {
            buffer: Vec::new(),
            used: 0,
            hasher: blake3::Hasher::new(),
            records: 0,
            bytes: 0,
            part: 0,
            state: State::Header,
        }
    }

    /// Takes the next bytes in. To be called when [`next_item`](Self::next_item) has nothing more, so that
    /// little is held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
    }

    /// Returns the next item, or nothing where it takes more bytes.
    ///
    /// # Errors
    /// [`ArchiveError`]; what came before it stands by itself and was judged by itself.
    pub fn next_item(&mut self) -> Result<Option<Item>, ArchiveError> {
        loop {
            match self.state {
                State::Header => {
                    let Some(header) = self.take(HEADER_BYTES) else {
                        let seen = self.buffer.len().min(MAGIC.len());
                        // A wrong beginning is told at once, not when it is long enough.
                        return match self.buffer[..seen] == MAGIC[..seen] {
                            true => Ok(None),
                            false => Err(ArchiveError::Magic),
                        };
                    };
                    self.read_header(&header)?;
                    self.state = State::Prefix;
                }
                State::Prefix => {
                    let Some(prefix) = self.peek(PREFIX_BYTES) else { return Ok(None) };
                    let length = u64::from_be_bytes(prefix[1..].try_into().expect("eight bytes"));
                    let kind = self.check_prefix(prefix[0], length)?;
                    if kind != Kind::End {
                        self.take(PREFIX_BYTES);
                        self.records += 1;
                    }
                    self.state = match kind {
                        Kind::Blob => State::BlobHash { size: length - BLOB_HASH_BYTES },
                        kind => State::Body { kind, length: length as usize },
                    };
                }
                State::Body { kind: Kind::End, .. } => return self.read_end(),
                State::Body { kind, length } => {
                    let Some(body) = self.take(length) else { return Ok(None) };
                    self.state = State::Prefix;
                    return self.read_body(kind, &body).map(Some);
                }
                State::BlobHash { size } => {
                    let Some(hash) = self.take(BLOB_HASH_BYTES as usize) else { return Ok(None) };
                    self.state = State::Blob { left: size };
                    let hash = BlobHash::from_bytes(hash.try_into().expect("32 bytes"));
                    return Ok(Some(Item::Blob { hash, size }));
                }
                State::Blob { left: 0 } => {
                    self.state = State::Prefix;
                    return Ok(Some(Item::BlobEnd));
                }
                State::Blob { left } => {
                    let here = (self.buffer.len() - self.used) as u64;
                    let most = left.min(here).min(PIECE_BYTES);
                    if most == 0 {
                        return Ok(None);
                    }
                    self.state = State::Blob { left: left - most };
                    let piece = self.take(most as usize).expect("they are here");
                    return Ok(Some(Item::Piece(piece)));
                }
                State::Ended if self.used < self.buffer.len() => {
                    return Err(ArchiveError::Trailing);
                }
                State::Ended => return Ok(None),
            }
        }
    }

    /// Tells that no more bytes come.
    ///
    /// # Errors
    /// [`ArchiveError::Truncated`] where the archive has not come to its end.
    pub fn finish(&self) -> Result<(), ArchiveError> {
        match self.state {
            State::Ended => Ok(()),
            _ => Err(ArchiveError::Truncated { bytes: self.bytes }),
        }
    }

    fn read_header(&self, header: &[u8]) -> Result<(), ArchiveError> {
        let (magic, version) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(ArchiveError::Magic);
        }
        let found = u32::from_be_bytes(version.try_into().expect("four bytes are left"));
        match found {
            VERSION => Ok(()),
            found => Err(ArchiveError::Version { found }),
        }
    }

    fn check_prefix(&mut self, kind: u8, length: u64) -> Result<Kind, ArchiveError> {
        let record = self.records;
        let kind = Kind::of(kind).ok_or(ArchiveError::Kind { record, kind })?;
        let first = record == 0;
        if kind.part() < self.part || first != (kind == Kind::About) {
            return Err(ArchiveError::Order { record });
        }
        self.part = kind.part();
        let least = match kind {
            Kind::Blob => BLOB_HASH_BYTES,
            Kind::End => END_BYTES as u64,
            _ => 0,
        };
        if length > kind.limit() || length < least {
            return Err(ArchiveError::Length { record, length });
        }
        Ok(kind)
    }

    fn read_body(&self, kind: Kind, body: &[u8]) -> Result<Item, ArchiveError> {
        let record = self.records - 1;
        let map = cbor::decode_map(body, body.len());
        let map = map.map_err(|source| ArchiveError::Cbor { record, source })?;
        let mut fields = Fields::new(map);
        if kind == Kind::About {
            return read_about(&mut fields, record);
        }
        let item = read_fields(&mut fields, kind);
        item.map_err(|source| ArchiveError::Field { record, source })
    }

    /// Reads the end, which is not part of the sum.
    fn read_end(&mut self) -> Result<Option<Item>, ArchiveError> {
        if self.peek(PREFIX_BYTES + END_BYTES).is_none() {
            return Ok(None);
        }
        let (records, hash) = (self.records, self.hasher.finalize());
        let end = self.take(PREFIX_BYTES + END_BYTES).expect("they are here");
        let sum = &end[PREFIX_BYTES..];
        if sum[..8] != records.to_be_bytes() || sum[8..] != hash.as_bytes()[..] {
            return Err(ArchiveError::Sum);
        }
        self.state = State::Ended;
        Ok(Some(Item::End))
    }

    fn peek(&self, count: usize) -> Option<&[u8]> {
        self.buffer.get(self.used..)?.get(..count)
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let bytes = self.peek(count)?.to_vec();
        self.hasher.update(&bytes);
        self.used += count;
        Some(bytes)
    }
}

fn read_about(fields: &mut Fields, record: u64) -> Result<Item, ArchiveError> {
    let field = |source| ArchiveError::Field { record, source };
    let genesis = fields.required("genesis", Value::into_bytes).map_err(field)?;
    let partial = fields.required("partial", Value::into_bool).map_err(field)?;
    let ticket = fields.optional("ticket", |v| v.into_text(limits::TICKET_BYTES * 2));
    let ticket = ticket.map_err(field)?;
    Ok(Item::About(About { genesis: Genesis::decode(&genesis)?, partial, ticket }))
}

fn read_fields(fields: &mut Fields, kind: Kind) -> Result<Item, FieldError> {
    let list = |value: Value| value.into_list_of(limits::ARCHIVE_RECORD_ITEMS, Value::into_bytes);
    match kind {
        Kind::Log => Ok(Item::Log {
            user: fields.required("user", UserId::from_value)?,
            entries: fields.required("entries", list)?,
        }),
        Kind::Envelopes => Ok(Item::Envelopes {
            catalog: catalog(
                fields.required("user", UserId::from_value)?,
                fields.required("device", DeviceId::from_value)?,
                fields.required("inc", Incarnation::from_value)?,
            ),
            envelopes: fields.required("envelopes", list)?,
        }),
        Kind::Fork => Ok(Item::Fork {
            user: fields.required("user", UserId::from_value)?,
            proof: fields.required("proof", Value::into_bytes)?,
        }),
        Kind::Board => Ok(Item::Board {
            board: fields.required("board", BoardKey::from_value)?,
            changes: fields
                .required("changes", |v| v.into_list_of(limits::ARCHIVE_RECORD_ITEMS, of_user))?,
        }),
        Kind::BoardFork => Ok(Item::BoardFork {
            board: fields.required("board", BoardKey::from_value)?,
            user: fields.required("user", UserId::from_value)?,
            proof: fields.required("proof", Value::into_bytes)?,
        }),
        Kind::Frames => Ok(Item::Frames(fields.required("frames", list)?)),
        Kind::About | Kind::Blob | Kind::End => {
            Err(FieldError::invalid("kind", "has no body of this form"))
        }
    }
}
