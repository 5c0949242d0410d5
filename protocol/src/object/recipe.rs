//! Recipes: how a blob falls into chunks, so that only what is not here has to travel.
//!
//! A recipe is a hint and trusted for nothing: what is put together by it is checked against the
//! hash of the attachment, and on a mismatch the blob is fetched whole.

use super::{BuildError, DecodeError, check_extra, check_label, open, seal, text};
use crate::cbor::{FieldError, Map, Value};
use crate::id::BlobHash;
use crate::limits::{KIND_BYTES, RECIPE_BYTES};

/// The chunker of version 1.
pub const FASTCDC_2020: &str = "fastcdc2020";

/// Bytes of a chunk in a recipe: its hash with the algorithm byte, and its length.
const CHUNK_BYTES: usize = 33 + 4;

/// How a blob falls into chunks.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The chunker: [`FASTCDC_2020`], or one of a later version, whose chunks serve as well.
    pub alg: String,
    /// Fewest bytes of a chunk, but for the last.
    pub min: u32,
    /// Bytes of a chunk that the chunker aims at.
    pub avg: u32,
    /// Most bytes of a chunk.
    pub max: u32,
    /// The seed of the chunker's table.
    pub seed: u64,
    /// The chunks in order.
    pub chunks: Vec<Chunk>,
    /// Keys of later versions.
    pub extra: Map,
}

/// One chunk of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The BLAKE3 of its bytes.
    pub hash: BlobHash,
    /// How many bytes, 1 to the recipe's `max`.
    pub size: u32,
}

impl Recipe {
    /// Decodes a recipe. Total: any bytes give one or an error.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = open(bytes, RECIPE_BYTES)?;
        let recipe = Recipe {
            alg: fields.required("alg", text)?,
            min: fields.required("min", into_u32)?,
            avg: fields.required("avg", into_u32)?,
            max: fields.required("max", into_u32)?,
            seed: fields.required("seed", Value::into_u64)?,
            chunks: fields.required("c", chunks_from_value)?,
            extra: fields.rest(),
        };
        recipe.check()?;
        Ok(recipe)
    }

    /// Encodes the recipe.
    ///
    /// # Errors
    /// [`BuildError`] for what is beyond a limit.
    pub fn encode(&self) -> Result<Vec<u8>, BuildError> {
        self.check()?;
        let mut chunks = Vec::with_capacity(self.chunks.len() * CHUNK_BYTES);
        for chunk in &self.chunks {
            chunks.extend_from_slice(&chunk.hash.to_tagged());
            chunks.extend_from_slice(&chunk.size.to_be_bytes());
        }
        let map = self.extra.clone().with("alg", self.alg.as_str()).with("min", self.min);
        let map = map.with("avg", self.avg).with("max", self.max).with("seed", self.seed);
        seal("recipe", map.with("c", chunks), RECIPE_BYTES)
    }

    /// Returns the size of the blob.
    pub fn size(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.size)).sum()
    }

    /// Iterates over the chunks with the offset of each.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, &Chunk)> {
        self.chunks.iter().scan(0, |end, chunk| {
            let start = *end;
            *end += u64::from(chunk.size);
            Some((start, chunk))
        })
    }

    fn check(&self) -> Result<(), FieldError> {
        check_label("alg", &self.alg, KIND_BYTES)?;
        if !(1 <= self.min && self.min <= self.avg && self.avg <= self.max) {
            let sizes = format!("{}, {} and {} do not rise from 1", self.min, self.avg, self.max);
            return Err(FieldError::invalid("min", sizes));
        }
        let wrong = |chunk: &&Chunk| chunk.size == 0 || chunk.size > self.max;
        if let Some(chunk) = self.chunks.iter().find(wrong) {
            let reason = format!("a chunk of {} bytes is outside 1 to {}", chunk.size, self.max);
            return Err(FieldError::invalid("c", reason));
        }
        check_extra(&self.extra, &["v", "alg", "min", "avg", "max", "seed", "c"])
    }
}

fn into_u32(value: Value) -> Result<u32, String> {
    let int = value.into_u64()?;
    int.try_into().map_err(|_| format!("{int} is out of range"))
}

fn chunks_from_value(value: Value) -> Result<Vec<Chunk>, String> {
    let bytes = value.into_bytes()?;
    let (chunks, rest) = bytes.as_chunks::<CHUNK_BYTES>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are no multiple of {CHUNK_BYTES}", bytes.len()));
    }
    let chunk = |bytes: &[u8; CHUNK_BYTES]| {
        let (hash, size) = bytes.split_last_chunk().expect("a chunk ends in its size");
        Ok(Chunk { hash: BlobHash::from_tagged(hash)?, size: u32::from_be_bytes(*size) })
    };
    chunks.iter().map(chunk).collect()
}
