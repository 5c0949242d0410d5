//! One request to one provider: what comes is checked as it comes, and only what is right and
//! has the declared size reaches the store.

use std::io;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use bao_tree::io::fsm::{ResponseDecoder, ResponseDecoderNext};
use bao_tree::io::{BaoContentItem, DecodeError};
use bao_tree::{BaoTree, ChunkNum, ChunkRanges};
use bytes::{Bytes, BytesMut};
use dsp_protocol::id::{BlobHash, DeviceId};
use futures::AsyncWriteExt;
use iroh_blobs::api::blobs::ImportBaoHandle;
use iroh_blobs::protocol::ChunkRangesExt;
use iroh_blobs::store::IROH_BLOCK_SIZE;
use iroh_blobs::util::RecvStreamAsyncStreamReader;

use super::super::stream::Incoming;
use super::super::wire::{self, FOLLOWS, Header, NOT_HERE};
use super::super::{Blobs, Lanes, to_hash};
use super::{BoxedStream, Opener};

/// Pieces on their way to the store, of at most 16 KiB each.
const PIECES: usize = 32;

/// Why a request brought less than was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("no answer in time")]
    Stalled,
    #[error("the stream failed")]
    Vanished(#[source] io::Error),
    #[error("not here")]
    NotHere,
    #[error("sent bytes that are not those of blob {0}")]
    Lied(BlobHash),
    /// What the provider says the size is; whether it lies is open.
    #[error("blob {hash} has {declared} bytes as declared, {claimed} as the provider says")]
    Size { hash: BlobHash, declared: u64, claimed: u64 },
    #[error("the store failed")]
    Store(#[source] io::Error),
}

impl AskError {
    fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => AskError::Stalled,
            _ => AskError::Vanished(error),
        }
    }

    fn from_decode(hash: BlobHash, error: DecodeError) -> Self {
        match error {
            DecodeError::ParentHashMismatch(_) | DecodeError::LeafHashMismatch(_) => {
                AskError::Lied(hash)
            }
            DecodeError::ParentNotFound(_) | DecodeError::LeafNotFound(_) => {
                AskError::Vanished(io::ErrorKind::UnexpectedEof.into())
            }
            DecodeError::Io(error) => AskError::from_io(error),
        }
    }
}

/// A provider and the way to it.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    pub(super) opener: &'a dyn Opener,
    pub(super) provider: DeviceId,
    pub(super) stall: Duration,
    pub(super) lanes: &'a Arc<Lanes>,
}

/// An answer that follows.
pub(super) struct Answer(Incoming<BoxedStream>);

impl Peer<'_> {
    /// Asks for several whole blobs.
    pub(super) async fn ask_many(&self, hashes: &[BlobHash]) -> Result<Answer, AskError> {
        self.ask(|header| wire::ask_many(header, hashes)).await
    }

    /// Asks for ranges of one blob.
    pub(super) async fn ask_one(
        &self,
        hash: BlobHash,
        ranges: &ChunkRanges,
    ) -> Result<Answer, AskError> {
        self.ask(|header| wire::ask_one(header, hash, ranges)).await
    }

    /// Asks for the end of a blob, and returns the size it proves.
    pub(super) async fn prove_size(&self, hash: BlobHash) -> Result<u64, AskError> {
        let mut answer = self.ask_one(hash, &ChunkRanges::last_chunk()).await?;
        let size = answer.size().await?;
        answer.check(hash, size, ChunkRanges::last_chunk(), |_| {}).await?;
        Ok(size)
    }

    async fn ask(&self, request: impl FnOnce(Header) -> Vec<u8>) -> Result<Answer, AskError> {
        let asking = async {
            let mut opened = self.opener.open(self.provider).await?;
            opened.stream.write_all(&request(opened.header)).await?;
            opened.stream.close().await?;
            Ok((
                Incoming::new(opened.stream, self.stall, Arc::clone(self.lanes), self.provider),
                opened.header,
            ))
        };
        let asked = tokio::time::timeout(self.stall, asking).await;
        let asked = asked.map_err(|_| AskError::Stalled)?.map_err(AskError::from_io)?;
        let (mut incoming, header) = asked;
        match incoming.read_u8().await.map_err(AskError::from_io)? {
            FOLLOWS => Ok(Answer(incoming)),
            NOT_HERE if self.opener.header(self.provider).await == Some(header) => {
                Err(AskError::NotHere)
            }
            // Under a header of the past nothing is here.
            NOT_HERE => Err(AskError::Vanished(io::Error::other("the session changed"))),
            other => Err(AskError::Vanished(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("unknown answer {other}"),
            ))),
        }
    }
}

impl Answer {
    /// Receives a whole blob of the declared size into memory.
    pub(super) async fn receive(
        &mut self,
        hash: BlobHash,
        declared: u64,
    ) -> Result<Bytes, AskError> {
        self.expect_size(hash, declared).await?;
        let mut bytes = BytesMut::with_capacity(declared as usize);
        let received = |leaf: &[u8]| bytes.extend_from_slice(leaf);
        self.check(hash, declared, ChunkRanges::all(), received).await?;
        Ok(bytes.freeze())
    }

    /// Receives ranges of a blob of the declared size into the store. `got` is told what the
    /// store has taken, also where the transfer breaks off; `progress` each piece's bytes.
    pub(super) async fn receive_into(
        &mut self,
        blobs: &Blobs,
        hash: BlobHash,
        declared: u64,
        ranges: ChunkRanges,
        progress: impl Fn(u64) + Send,
    ) -> (ChunkRanges, Result<(), AskError>) {
        if let Err(error) = self.expect_size(hash, declared).await {
            return (ChunkRanges::empty(), Err(error));
        }
        let Some(size) = NonZeroU64::new(declared) else {
            return (ChunkRanges::empty(), Err(AskError::Lied(hash)));
        };
        let store = blobs.store();
        let handle = match store.import_bao(to_hash(hash), size, PIECES).await {
            Ok(handle) => handle,
            Err(e) => return (ChunkRanges::empty(), Err(AskError::Store(blobs.live.failed(e)))),
        };
        let ImportBaoHandle { tx, rx } = handle;
        let mut got = ChunkRanges::empty();
        let mut decoder = self.decoder(hash, declared, ranges);
        let received = loop {
            let (rest, item) = match decoder.next().await {
                ResponseDecoderNext::More(more) => more,
                ResponseDecoderNext::Done(_) => break Ok(()),
            };
            decoder = rest;
            let item = match item {
                Ok(item) => item,
                Err(error) => break Err(AskError::from_decode(hash, error)),
            };
            let leaf = match &item {
                BaoContentItem::Leaf(leaf) => leaf.offset..leaf.offset + leaf.data.len() as u64,
                BaoContentItem::Parent(_) => 0..0,
            };
            if tx.send(item).await.is_err() {
                // The store says why below.
                break Ok(());
            }
            if !leaf.is_empty() {
                progress(leaf.end - leaf.start);
                got |= ChunkRanges::bytes(leaf);
            }
        };
        drop(tx);
        match rx.await {
            Ok(Ok(())) => (got, received),
            Ok(Err(error)) => {
                (ChunkRanges::empty(), Err(AskError::Store(blobs.live.failed(error))))
            }
            Err(error) => {
                let error = blobs.live.failed(io::Error::other(error));
                (ChunkRanges::empty(), Err(AskError::Store(error)))
            }
        }
    }

    /// Receives ranges of a blob of a known size, and keeps nothing of them.
    pub(super) async fn receive_proof(
        &mut self,
        hash: BlobHash,
        declared: u64,
        ranges: ChunkRanges,
    ) -> Result<(), AskError> {
        self.expect_size(hash, declared).await?;
        self.check(hash, declared, ranges, |_| {}).await
    }

    /// Reads the size that stands before each blob and compares it with the declared one,
    /// before a byte of the blob is read.
    async fn expect_size(&mut self, hash: BlobHash, declared: u64) -> Result<(), AskError> {
        let claimed = self.size().await?;
        if claimed != declared {
            return Err(AskError::Size { hash, declared, claimed });
        }
        Ok(())
    }

    async fn size(&mut self) -> Result<u64, AskError> {
        let mut size = [0; 8];
        self.0.read_exact(&mut size).await.map_err(AskError::from_io)?;
        Ok(u64::from_le_bytes(size))
    }

    /// Checks what comes against the hash and hands on the bytes that are right.
    async fn check(
        &mut self,
        hash: BlobHash,
        size: u64,
        ranges: ChunkRanges,
        mut leaf: impl FnMut(&[u8]),
    ) -> Result<(), AskError> {
        let mut decoder = self.decoder(hash, size, ranges);
        loop {
            match decoder.next().await {
                ResponseDecoderNext::Done(_) => return Ok(()),
                ResponseDecoderNext::More((rest, item)) => {
                    decoder = rest;
                    match item.map_err(|e| AskError::from_decode(hash, e))? {
                        BaoContentItem::Leaf(item) => leaf(&item.data),
                        BaoContentItem::Parent(_) => {}
                    }
                }
            }
        }
    }

    fn decoder(&mut self, hash: BlobHash, size: u64, ranges: ChunkRanges) -> Decoder<'_> {
        let tree = BaoTree::new(size, IROH_BLOCK_SIZE);
        let reader = RecvStreamAsyncStreamReader::new(&mut self.0);
        ResponseDecoder::new(to_hash(hash).into(), ranges, tree, reader)
    }
}

type Decoder<'a> = ResponseDecoder<RecvStreamAsyncStreamReader<&'a mut Incoming<BoxedStream>>>;

/// The ranges that `bytes` of a blob stand for, to whole chunk groups.
pub(super) fn chunks(bytes: std::ops::Range<u64>) -> ChunkRanges {
    ChunkRanges::from(ChunkNum::full_chunks(bytes.start)..ChunkNum::chunks(bytes.end))
}
