//! What the machine does at best: hashing and copying, plainly and over TCP.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::work::{Work, flush};

/// Bytes of a read or write.
const BUFFER_BYTES: usize = 1 << 20;

/// What hashing and copying took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    /// How long.
    pub(crate) took: Duration,
    /// Whether `b3sum` hashed; without it BLAKE3 on one core did, which is slower.
    pub(crate) b3sum: bool,
}

/// Hashes the files, then copies and flushes them.
///
/// # Errors
/// Where a file cannot be read or written.
pub(crate) fn hash_and_copy(work: Work, from: &Path, to: &Path) -> anyhow::Result<Copied> {
    let begun = Instant::now();
    let mut buffer = vec![0; BUFFER_BYTES];
    let b3sum = b3sum(work, from)?;
    if !b3sum {
        for path in work.paths() {
            let mut file = File::open(from.join(path))?;
            let mut hasher = blake3::Hasher::new();
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    n => hasher.update(&buffer[..n]),
                };
            }
            std::hint::black_box(hasher.finalize());
        }
    }
    for path in work.paths() {
        let mut source = File::open(from.join(&path))?;
        copy(&mut source, &mut create(&to.join(path))?, work.size_bytes, &mut buffer)?;
    }
    flush(to)?;
    Ok(Copied { took: begun.elapsed(), b3sum })
}

/// Hashes the files with the program `b3sum`; false where it is not installed.
fn b3sum(work: Work, from: &Path) -> anyhow::Result<bool> {
    let mut command = Command::new("b3sum");
    command.current_dir(from).args(work.paths()).stdout(Stdio::null());
    match command.status() {
        Ok(status) => {
            ensure!(status.success(), "b3sum failed: {status}");
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("b3sum"),
    }
}

/// Sends the files over a TCP connection on loopback and flushes what arrives.
///
/// # Errors
/// Where a file or the connection fails.
pub(crate) fn over_tcp(work: Work, from: &Path, to: &Path) -> anyhow::Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let from: PathBuf = from.to_owned();
    let begun = Instant::now();
    let sender = thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut buffer = vec![0; BUFFER_BYTES];
        for path in work.paths() {
            copy(&mut File::open(from.join(path))?, &mut stream, work.size_bytes, &mut buffer)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    for path in work.paths() {
        copy(&mut stream, &mut create(&to.join(path))?, work.size_bytes, &mut buffer)?;
    }
    sender.join().expect("the sender does not panic").context("could not send")?;
    flush(to)?;
    Ok(begun.elapsed())
}

fn create(path: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
    File::create(path).with_context(|| path.display().to_string())
}

/// Copies exactly `left` bytes.
fn copy(
    from: &mut impl io::Read,
    to: &mut impl io::Write,
    mut left: u64,
    buffer: &mut [u8],
) -> io::Result<()> {
    while left > 0 {
        let now = left.min(buffer.len() as u64) as usize;
        let read = from.read(&mut buffer[..now])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&buffer[..read])?;
        left -= read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_copy_every_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let work = Work { files: 3, size_bytes: 3 * BUFFER_BYTES as u64 / 2 };
        work.write(&path("from"), 1).unwrap();
        hash_and_copy(work, &path("from"), &path("copy")).unwrap();
        over_tcp(work, &path("from"), &path("tcp")).unwrap();
        for name in work.paths() {
            let bytes = fs::read(path("from").join(&name)).unwrap();
            assert_eq!(bytes.len() as u64, work.size_bytes);
            assert!(bytes == fs::read(path("copy").join(&name)).unwrap());
            assert!(bytes == fs::read(path("tcp").join(&name)).unwrap());
        }
    }
}
