//! What is said on a `/dsp/blobs/1` stream.
//!
//! The asker sends, and then closes its direction:
//!
//! ```text
//! u32, big-endian    length of the header, at most 1 KiB
//! header             canonical CBOR {gen: int, tag: bytes 16}
//! request            of iroh-blobs: Get of one blob, or GetMany
//! ```
//!
//! The provider answers with one byte: 0, and the answer of iroh-blobs follows, or 1, *not
//! here*, and nothing follows. Where a request has several blobs they come in its order, each
//! as its size (u64, little-endian) and the interleaved hash tree of the wanted ranges.
//!
//! The request is written and measured here, byte by byte, because its limits have to hold
//! before the decoder of iroh-blobs sees it: that one takes 1 MiB and time quadratic in the
//! number of ranges.

use std::io;

use bao_tree::ChunkRanges;
use bytes::Bytes;
use dsp_protocol::cbor::{self, Fields, Map, Value};
use dsp_protocol::id::BlobHash;
use dsp_protocol::limits::{BLOB_HEADER_BYTES, BLOB_RANGES_BYTES, BLOB_REQUEST_HASHES};
use futures::{AsyncRead, AsyncReadExt};
use iroh_blobs::protocol::{GetManyRequest, GetRequest, Request};

use super::from_hash;

/// The answer of iroh-blobs follows.
pub(super) const FOLLOWS: u8 = 0;
/// The one answer for unknown, unearned, forbidden and malformed.
pub(super) const NOT_HERE: u8 = 1;

const HASH_BYTES: usize = 32;
const GET: u8 = 0;
const GET_MANY: u8 = 9;
/// A varint of the request encoding is at most this long.
const VARINT_BYTES: usize = 10;
/// Nothing longer can be within the limits.
const REQUEST_BYTES: usize =
    1 + VARINT_BYTES + BLOB_REQUEST_HASHES * HASH_BYTES + BLOB_RANGES_BYTES;

/// Names the context of a request, in a way that tells a stranger nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The tag of the context, as agreed in the hello of this session.
    pub tag: [u8; 16],
    /// The generation of the interest key that the tag was made with.
    pub generation: u32,
}

/// Why what came is no request within the limits.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The peer went away, or was too slow.
    #[error("the stream failed")]
    Io(#[from] io::Error),
    /// The header is wrong.
    #[error("bad header: {0}")]
    Header(String),
    /// The request is outside what is served.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
}

/// Why a request is not even looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither Get nor GetMany; Observe and Push are among these.
    #[error("request type {0} is not served")]
    Kind(u8),
    /// It asks for the blobs whose hashes another blob holds; those would go unchecked.
    #[error("children of a blob are not served")]
    Children,
    /// Too many hashes.
    #[error("{0} hashes exceed the limit of {BLOB_REQUEST_HASHES}")]
    Hashes(u64),
    /// Too many ranges, or bytes after the request.
    #[error("ranges exceed {BLOB_RANGES_BYTES} bytes")]
    Ranges,
    /// Not a request.
    #[error("malformed request")]
    Malformed,
}

/// A request within the limits: its hashes are all it can touch.
#[derive(Debug)]
pub(super) enum Ask {
    /// One blob, or ranges of it.
    One(GetRequest),
    /// Several blobs.
    Many(GetManyRequest),
}

impl Ask {
    pub(super) fn hashes(&self) -> Vec<BlobHash> {
        match self {
            Ask::One(request) => vec![from_hash(request.hash)],
            Ask::Many(request) => request.hashes.iter().copied().map(from_hash).collect(),
        }
    }
}

/// Writes a whole request for ranges of one blob.
pub(super) fn ask_one(header: Header, hash: BlobHash, ranges: &ChunkRanges) -> Vec<u8> {
    let mut out = begin(header);
    out.push(GET);
    out.extend_from_slice(hash.as_bytes());
    // Blob 0 has the ranges, from blob 1 on nothing is wanted.
    put_varint(&mut out, 2);
    put_varint(&mut out, 0);
    put_ranges(&mut out, ranges);
    put_varint(&mut out, 1);
    put_varint(&mut out, 0);
    out
}

/// Writes a whole request for several whole blobs, at most [`BLOB_REQUEST_HASHES`].
pub(super) fn ask_many(header: Header, hashes: &[BlobHash]) -> Vec<u8> {
    let mut out = begin(header);
    out.push(GET_MANY);
    put_varint(&mut out, hashes.len() as u64);
    for hash in hashes {
        out.extend_from_slice(hash.as_bytes());
    }
    // From blob 0 on everything, after the last nothing.
    put_varint(&mut out, 2);
    put_varint(&mut out, 0);
    put_ranges(&mut out, &ChunkRanges::all());
    put_varint(&mut out, hashes.len() as u64);
    put_varint(&mut out, 0);
    out
}

fn begin(header: Header) -> Vec<u8> {
    let map = Map::new().with("tag", header.tag).with("gen", header.generation);
    let body = cbor::encode(&Value::Map(map));
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out.extend(body);
    out
}

/// Ranges as the widths of spans that are in turn unwanted and wanted.
fn put_ranges(out: &mut Vec<u8>, ranges: &ChunkRanges) {
    let boundaries = ranges.boundaries();
    put_varint(out, boundaries.len() as u64);
    let mut last = 0;
    for boundary in boundaries {
        put_varint(out, boundary.0 - last);
        last = boundary.0;
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a header and a request up to the end of what the peer sends, in memory that grows with
/// what came, at most 140 KiB.
pub(super) async fn read_ask<R>(stream: &mut R) -> Result<(Header, Ask), WireError>
where
    R: AsyncRead + Unpin,
{
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > BLOB_HEADER_BYTES {
        return Err(WireError::Header(format!(
            "{length} bytes exceed the limit of {BLOB_HEADER_BYTES}"
        )));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let header = parse_header(&body).map_err(WireError::Header)?;
    let mut request = Vec::new();
    stream.take(REQUEST_BYTES as u64 + 1).read_to_end(&mut request).await?;
    check_request(&request)?;
    Ok((header, parse_request(request).await?))
}

fn parse_header(body: &[u8]) -> Result<Header, String> {
    let map = cbor::decode_map(body, BLOB_HEADER_BYTES).map_err(|e| e.to_string())?;
    let mut fields = Fields::new(map);
    let tag = fields.required("tag", Value::into_array).map_err(|e| e.to_string())?;
    let generation = fields.required("gen", Value::into_u64).map_err(|e| e.to_string())?;
    let generation =
        u32::try_from(generation).map_err(|_| format!("generation {generation} is too large"))?;
    // Keys of later versions are left.
    Ok(Header { tag, generation })
}

/// Measures a request without decoding it.
fn check_request(request: &[u8]) -> Result<(), Refusal> {
    let (&kind, rest) = request.split_first().ok_or(Refusal::Malformed)?;
    let (hashes, rest) = match kind {
        GET => (1, rest),
        GET_MANY => take_varint(rest).ok_or(Refusal::Malformed)?,
        other => return Err(Refusal::Kind(other)),
    };
    if hashes > BLOB_REQUEST_HASHES as u64 {
        return Err(Refusal::Hashes(hashes));
    }
    let ranges = rest.get(hashes as usize * HASH_BYTES..).ok_or(Refusal::Malformed)?;
    if ranges.len() > BLOB_RANGES_BYTES {
        return Err(Refusal::Ranges);
    }
    Ok(())
}

fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(VARINT_BYTES).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

/// Decodes a request that [`check_request`] let through.
async fn parse_request(request: Vec<u8>) -> Result<Ask, Refusal> {
    let mut bytes = Bytes::from(request);
    let read = Request::read_async(&mut bytes).await;
    match read.map_err(|_| Refusal::Malformed)?.0 {
        Request::Get(request) if request.ranges.is_blob() => Ok(Ask::One(request)),
        Request::Get(_) => Err(Refusal::Children),
        Request::GetMany(request) => Ok(Ask::Many(request)),
        _ => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use bao_tree::ChunkNum;
    use iroh_blobs::Hash;
    use iroh_blobs::protocol::{ChunkRangesExt, ChunkRangesSeq};
    use proptest::prelude::*;

    use super::*;

    const HEADER: Header = Header { tag: [7; 16], generation: 3 };

    fn read(bytes: &[u8]) -> Result<(Header, Ask), WireError> {
        futures::executor::block_on(read_ask(&mut futures::io::Cursor::new(bytes)))
    }

    fn refusal(request: &[u8]) -> Refusal {
        let mut bytes = begin(HEADER);
        bytes.extend_from_slice(request);
        match read(&bytes) {
            Err(WireError::Refused(refusal)) => refusal,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn golden_request() {
        let bytes = ask_one(HEADER, BlobHash::from_bytes([0xda; 32]), &ChunkRanges::all());
        let hex = data_encoding::HEXLOWER.encode(&bytes);
        let header = format!("0000001ba26367656e036374616750{}", "07".repeat(16));
        assert_eq!(hex, format!("{header}00{}020001000100", "da".repeat(32)));
    }

    #[test]
    fn keys_of_a_later_header_are_left() {
        let map = Map::new().with("tag", [7; 16]).with("gen", 3u32).with("later", true);
        let body = cbor::encode(&Value::Map(map));
        let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
        bytes.extend(body);
        let whole = ask_one(HEADER, BlobHash::of(b""), &ChunkRanges::all());
        bytes.extend_from_slice(&whole[begin(HEADER).len()..]);
        assert_eq!(read(&bytes).unwrap().0, HEADER);
    }

    #[test]
    fn a_long_header_is_refused_before_it_is_read() {
        let bytes = (BLOB_HEADER_BYTES as u32 + 1).to_be_bytes();
        assert!(matches!(read(&bytes), Err(WireError::Header(_))));
    }

    #[test]
    fn an_endless_request_is_not_read_to_its_end() {
        let mut bytes = begin(HEADER);
        bytes.push(GET_MANY);
        let endless = futures::io::repeat(1).take(8 << 20);
        let mut stream = futures::io::Cursor::new(bytes).chain(endless);
        let refused = futures::executor::block_on(read_ask(&mut stream)).unwrap_err();
        assert!(matches!(refused, WireError::Refused(Refusal::Ranges)), "{refused}");
        assert!(stream.into_inner().1.limit() > 7 << 20);
    }

    #[test]
    fn other_requests_are_refused() {
        let hash = [1; 32];
        for kind in [1u8, 2, 7, 8, 10, 255] {
            let mut request = vec![kind];
            request.extend_from_slice(&hash);
            request.extend_from_slice(&[2, 0, 1, 0, 1, 0]);
            assert_eq!(refusal(&request), Refusal::Kind(kind));
        }
        assert_eq!(refusal(&[]), Refusal::Malformed);
    }

    #[test]
    fn children_are_refused() {
        let seqs = [
            ChunkRangesSeq::all(),
            ChunkRangesSeq::from_ranges([ChunkRanges::all(), ChunkRanges::all()]),
            ChunkRangesSeq::from_ranges([ChunkRanges::empty(), ChunkRanges::all()]),
            ChunkRangesSeq::verified_child_sizes(),
        ];
        for seq in seqs {
            let mut request = vec![GET];
            request.extend_from_slice(&[1; 32]);
            put_seq(&mut request, &seq);
            assert_eq!(refusal(&request), Refusal::Children, "{seq:?}");
        }
    }

    fn put_seq(out: &mut Vec<u8>, seq: &ChunkRangesSeq) {
        // The blobs from which on the ranges differ.
        let mut spans: Vec<(u64, ChunkRanges)> = Vec::new();
        for (i, ranges) in (0u64..).zip(seq.iter_infinite().take(4)) {
            if spans.last().map_or(&ChunkRanges::empty(), |(_, last)| last) != ranges {
                spans.push((i, ranges.clone()));
            }
        }
        put_varint(out, spans.len() as u64);
        let mut last = 0;
        for (offset, ranges) in spans {
            put_varint(out, offset - last);
            put_ranges(out, &ranges);
            last = offset;
        }
    }

    #[test]
    fn too_many_hashes_are_refused() {
        let hashes = vec![BlobHash::from_bytes([1; 32]); BLOB_REQUEST_HASHES + 1];
        let bytes = ask_many(HEADER, &hashes);
        let refused = read(&bytes).unwrap_err();
        assert!(matches!(refused, WireError::Refused(Refusal::Hashes(_))), "{refused}");
        read(&ask_many(HEADER, &hashes[1..])).unwrap();
    }

    #[test]
    fn many_ranges_are_refused_before_they_are_decoded() {
        let mut ranges = ChunkRanges::empty();
        for i in 0..BLOB_RANGES_BYTES as u64 / 2 + 1 {
            ranges |= ChunkRanges::from(ChunkNum(2 * i + 1)..ChunkNum(2 * i + 2));
        }
        let bytes = ask_one(HEADER, BlobHash::of(b"x"), &ranges);
        assert!(matches!(read(&bytes), Err(WireError::Refused(Refusal::Ranges))));
    }

    proptest! {
        #[test]
        fn iroh_blobs_reads_what_is_written(
            hashes in prop::collection::vec(any::<[u8; 32]>(), 1..300),
            cuts in prop::collection::btree_set(0u64..1 << 50, 1..40),
            generation: u32,
        ) {
            let header = Header { tag: [9; 16], generation };
            let ids: Vec<_> = hashes.iter().map(|h| BlobHash::from_bytes(*h)).collect();
            let (read_header, ask) = read(&ask_many(header, &ids)).unwrap();
            prop_assert_eq!(read_header, header);
            prop_assert_eq!(ask.hashes(), ids.clone());
            let Ask::Many(many) = ask else { panic!("expected GetMany") };
            let all = std::iter::repeat_n(ChunkRanges::all(), hashes.len());
            prop_assert_eq!(many.ranges, ChunkRangesSeq::from_ranges(all));

            let cuts: Vec<_> = cuts.into_iter().map(ChunkNum).collect();
            let ranges = ChunkRanges::new(cuts.into()).expect("the cuts are sorted");
            let (_, ask) = read(&ask_one(header, ids[0], &ranges)).unwrap();
            let Ask::One(one) = ask else { panic!("expected Get") };
            prop_assert_eq!(one, GetRequest::blob_ranges(Hash::from_bytes(hashes[0]), ranges));
            let last = read(&ask_one(header, ids[0], &ChunkRanges::last_chunk())).unwrap();
            prop_assert_eq!(last.1.hashes(), vec![ids[0]]);
        }

        #[test]
        fn reading_is_total(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let mut framed = begin(HEADER);
            framed.extend_from_slice(&bytes);
            let _ = read(&framed);
        }
    }
}
