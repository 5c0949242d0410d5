//! Stories over real stores in temporary directories, and streams in memory.

mod fetch;
mod serve;
mod store;
mod sync;

use std::collections::{HashMap, HashSet};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dsp_protocol::id::{BlobHash, DeviceId};
use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncWrite, FutureExt};
use tempfile::TempDir;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::*;

const HEADER: Header = Header { tag: [7; 16], generation: 2 };
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a test body with a deadline.
async fn within<T>(body: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, body).await.expect("the test ran into its deadline")
}

fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 32])
}

/// Bytes that differ by seed and do not repeat.
fn data(seed: u64, len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes.into()
}

/// An index of what to keep.
#[derive(Default)]
struct Index {
    kept: Mutex<HashSet<BlobHash>>,
    broken: Mutex<bool>,
    /// Runs once while the index is read, after it was.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Protect for Index {
    fn protected(&self, keep: &mut dyn FnMut(BlobHash)) -> Result<(), ProtectError> {
        if *self.broken.lock().unwrap() {
            return Err("the index is broken".into());
        }
        self.kept.lock().unwrap().iter().copied().for_each(keep);
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        Ok(())
    }
}

/// A store in a directory of its own.
struct Home {
    dir: TempDir,
    index: Arc<Index>,
    blobs: Blobs,
}

impl Home {
    async fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let index = Arc::new(Index::default());
        let blobs = Blobs::open(&dir.path().join("blobs"), index.clone()).await.unwrap();
        Home { dir, index, blobs }
    }

    /// Closes the store, and opens it again.
    async fn reopen(&mut self) {
        self.blobs.shutdown().await;
        self.blobs = Blobs::open(&self.dir.path().join("blobs"), self.index.clone()).await.unwrap();
    }

    /// Imports and lets the index keep it.
    async fn add(&self, bytes: Bytes) -> BlobHash {
        let imported = self.blobs.import_bytes(bytes).await.unwrap();
        self.index.kept.lock().unwrap().insert(imported.hash);
        imported.hash
    }

    /// Imports the file at a path, found just before.
    async fn import_file(
        &self,
        path: &Path,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Imported, ImportError> {
        let metadata = std::fs::metadata(path);
        let path = path.canonicalize().unwrap_or(path.to_owned());
        let id = metadata.unwrap_or(std::fs::metadata(self.dir.path()).unwrap());
        self.blobs.import_path(&path, FileId::of(&id), progress).await
    }

    /// Says that a blob's data file was last written a minute ago.
    fn written_before_now(&self, hash: BlobHash) {
        let file = std::fs::File::options().write(true).open(self.blobs.data_path(hash)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(60)).unwrap();
    }

    /// Flips one bit of a blob's data file.
    fn damage(&self, hash: BlobHash, offset: u64) {
        use std::os::unix::fs::FileExt;
        let path = self.blobs.data_path(hash);
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
    }
}

/// What a peer earned.
#[derive(Debug, Clone)]
enum Earned {
    Everything,
    Only(HashSet<BlobHash>),
}

impl Authorise for Earned {
    async fn earned(&self, _device: DeviceId, header: Header, hashes: &[BlobHash]) -> bool {
        header == HEADER
            && match self {
                Earned::Everything => true,
                Earned::Only(only) => hashes.iter().all(|hash| only.contains(hash)),
            }
    }
}

/// What goes wrong on the way from a provider, after so many bytes of it in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Nothing more comes.
    Stall(u64),
    /// A byte comes in each of these times, and it never ends.
    Drip(u64, Duration),
    /// The stream ends, and no other can be opened.
    Vanish(u64),
    /// One bit is wrong.
    Flip(u64),
    /// The size that stands before the first blob of each stream is larger by this.
    Size(u64),
}

/// A provider, seen from the asker.
struct Provider {
    blobs: Blobs,
    earned: Earned,
    fault: Fault,
    received: Arc<AtomicU64>,
    opened: AtomicUsize,
}

/// Providers within reach.
#[derive(Default)]
struct Net {
    providers: HashMap<DeviceId, Provider>,
    /// Streams still to be opened under a header of the past.
    stale: AtomicUsize,
}

impl Net {
    fn with(mut self, n: u8, blobs: &Blobs, fault: Fault) -> Net {
        let provider = Provider {
            blobs: blobs.clone(),
            earned: Earned::Everything,
            fault,
            received: Arc::default(),
            opened: AtomicUsize::new(0),
        };
        self.providers.insert(device(n), provider);
        self
    }

    fn received(&self, n: u8) -> u64 {
        self.providers[&device(n)].received.load(Ordering::SeqCst)
    }

    fn opened(&self, n: u8) -> usize {
        self.providers[&device(n)].opened.load(Ordering::SeqCst)
    }
}

impl Opener for Net {
    fn open(&self, provider: DeviceId) -> BoxFuture<'_, io::Result<Opened>> {
        let provider = &self.providers[&provider];
        provider.opened.fetch_add(1, Ordering::SeqCst);
        let gone = match provider.fault {
            Fault::Vanish(after) => provider.received.load(Ordering::SeqCst) >= after,
            Fault::None | Fault::Stall(_) | Fault::Drip(..) | Fault::Flip(_) | Fault::Size(_) => {
                false
            }
        };
        let once = |left: usize| left.checked_sub(1);
        let stale = self.stale.fetch_update(Ordering::SeqCst, Ordering::SeqCst, once).is_ok();
        let header = if stale { Header { tag: [6; 16], ..HEADER } } else { HEADER };
        async move {
            if gone {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (ours, theirs) = tokio::io::duplex(256 * 1024);
            let (blobs, earned) = (provider.blobs.clone(), provider.earned.clone());
            tokio::spawn(async move {
                let _ = blobs.serve(theirs.compat(), device(0), &earned).await;
            });
            let stream = Faulty {
                inner: ours.compat(),
                fault: provider.fault,
                received: provider.received.clone(),
                at: 0,
                drip: Box::pin(tokio::time::sleep(Duration::ZERO)),
            };
            Ok(Opened { stream: Box::new(stream), header })
        }
        .boxed()
    }

    fn header(&self, _: DeviceId) -> BoxFuture<'_, Option<Header>> {
        futures::future::ready(Some(HEADER)).boxed()
    }
}

/// A stream with a fault, which counts what comes.
struct Faulty<S> {
    inner: S,
    fault: Fault,
    received: Arc<AtomicU64>,
    /// Bytes that came on this stream.
    at: u64,
    /// Ends when the next byte may come, of those that drip.
    drip: Pin<Box<tokio::time::Sleep>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Faulty<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let before = self.received.load(Ordering::SeqCst);
        match self.fault {
            Fault::Stall(after) if before >= after => return Poll::Pending,
            Fault::Vanish(after) if before >= after => return Poll::Ready(Ok(0)),
            Fault::Drip(after, every) if before >= after => {
                std::task::ready!(self.drip.as_mut().poll(cx));
                self.drip.as_mut().reset(tokio::time::Instant::now() + every);
                let byte = &mut buf[..1];
                let read = std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, byte))?;
                self.received.fetch_add(read as u64, Ordering::SeqCst);
                self.at += read as u64;
                return Poll::Ready(Ok(read));
            }
            _ => {}
        }
        // The status and the size, of 9 bytes, come alone.
        let most = if self.at == 0 { 9.min(buf.len()) } else { buf.len() };
        let most = match self.fault {
            Fault::Drip(after, _) => most.min((after - before) as usize),
            _ => most,
        };
        let read = std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf[..most]))?;
        let read64 = read as u64;
        let sum = self.received.fetch_add(read64, Ordering::SeqCst);
        if let Fault::Flip(after) = self.fault
            && (sum..sum + read64).contains(&after)
        {
            buf[(after - sum) as usize] ^= 1;
        }
        if let Fault::Size(delta) = self.fault
            && self.at == 0
            && read == 9
        {
            let size = u64::from_le_bytes(buf[1..9].try_into().unwrap()).wrapping_add(delta);
            buf[1..9].copy_from_slice(&size.to_le_bytes());
        }
        self.at += read64;
        Poll::Ready(Ok(read))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Faulty<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
