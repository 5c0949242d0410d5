//! Bytes that are the same in every run, and what a process says of its memory.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// One mebibyte.
pub const MIB: u64 = 1 << 20;

/// Writes a file of `mebibytes` MiB, no two of which are the same.
///
/// # Errors
/// The file cannot be written.
pub fn large_file(path: &Path, mebibytes: u64) -> anyhow::Result<()> {
    let mut block = vec![0; MIB as usize];
    ChaCha8Rng::seed_from_u64(7).fill_bytes(&mut block);
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..mebibytes {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block)?;
    }
    file.flush()?;
    Ok(())
}

/// Returns the hash of a file's bytes in hexadecimal.
///
/// # Errors
/// The file cannot be read.
pub fn hash_of_file(path: &Path) -> anyhow::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).with_context(|| path.display().to_string())?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Returns the most memory that a process ever held, in bytes (`VmHWM`), where the system tells.
pub fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Begins the count of [`peak_memory`] anew, at what the process holds now.
///
/// # Errors
/// The system does not do that.
pub fn forget_peak_memory(pid: u32) -> anyhow::Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    std::fs::write(&path, "5").with_context(|| path)
}

/// Returns how long a process has been on a processor, in all its threads.
///
/// # Errors
/// The system does not tell.
pub fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path)?;
    // The name in brackets may hold anything; the 14th and 15th fields are hundredths of a second.
    let (_, rest) = stat.rsplit_once(')').context("no name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let [user, system] = [11, 12].map(|at| fields.get(at).and_then(|field| field.parse().ok()));
    let ticks: u64 =
        user.zip(system).map(|(user, system): (u64, u64)| user + system).context("no times")?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Copies a folder with all that is in it.
///
/// # Errors
/// Something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    // A home is private, and a daemon refuses keys that are not.
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
