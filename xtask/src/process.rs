//! What the system says of a process (Linux).

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Returns the processor time of the threads of a process so far, to the nanosecond.
///
/// # Errors
/// There is no such process.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds: u64 = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path().join("schedstat");
        let stat = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        nanoseconds += stat.split(' ').next().context("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Returns the memory of a process that is in use, in MiB, its program included as far as it was
/// read from the disk.
///
/// # Errors
/// There is no such process.
pub(crate) fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    status_mib(pid, "VmRSS:")
}

/// Returns the memory that a process took for itself, in MiB: what it allocated and its stacks, but
/// no pages of its program, which the system reads and forgets as it likes.
///
/// # Errors
/// There is no such process.
pub(crate) fn own_mib(pid: u32) -> anyhow::Result<f64> {
    status_mib(pid, "RssAnon:")
}

fn status_mib(pid: u32, field: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib: f64 =
        line.with_context(|| format!("no {field}"))?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// Returns how many files a process has open, sockets included.
///
/// # Errors
/// There is no such process, or it is another user's.
pub(crate) fn open_files(pid: u32) -> anyhow::Result<usize> {
    let path = format!("/proc/{pid}/fd");
    Ok(fs::read_dir(&path).context(path)?.count())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_time_memory_and_files() {
        let pid = std::process::id();
        let (own, all) = (own_mib(pid).unwrap(), resident_mib(pid).unwrap());
        assert!(0.1 < own && own < all);
        assert!(cpu_time(pid).unwrap() < Duration::from_secs(3600));
        assert!(open_files(pid).unwrap() > 2);
    }
}
