//! Files of log lines, bounded in all: a new one every day and whenever one is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;
use time::macros::format_description;
use tracing_subscriber::fmt::MakeWriter;

use super::KEPT_FILES;

const PREFIX: &str = "dspd.log.";

/// Writes lines to `dspd.log.<date>`, then `dspd.log.<date>.001` and so on when that is full;
/// the names sort by time.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    file_bytes: u64,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    date: String,
    number: u32,
    file: File,
    bytes: u64,
}

impl Files {
    /// Goes on with the newest file of today, or begins one. A file takes `file_bytes` bytes.
    pub(super) fn open(folder: &Path, file_bytes: u64) -> io::Result<Files> {
        let date = today();
        let of_today = |name: &String| number(name, &date);
        let last = names(folder)?.iter().filter_map(of_today).max().unwrap_or(0);
        let open = Mutex::new(Open::at(folder, date, last)?);
        remove_old(folder)?;
        Ok(Files { folder: folder.to_owned(), file_bytes, open })
    }

    fn write_on(&self, date: String, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let full = open.bytes > 0 && open.bytes + line.len() as u64 > self.file_bytes;
        if full || open.date != date {
            let number = if open.date == date { open.number + 1 } else { 0 };
            *open = Open::at(&self.folder, date, number)?;
            remove_old(&self.folder)?;
        }
        open.bytes += line.len() as u64;
        open.file.write_all(line)
    }
}

impl Open {
    fn at(folder: &Path, date: String, number: u32) -> io::Result<Open> {
        let name = match number {
            0 => format!("{PREFIX}{date}"),
            number => format!("{PREFIX}{date}.{number:03}"),
        };
        let file = File::options().create(true).append(true).open(folder.join(name))?;
        let bytes = file.metadata()?.len();
        Ok(Open { date, number, file, bytes })
    }
}

/// One whole line is one write: the layer above formats it first.
impl Write for &Files {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_on(today(), line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Files {
    type Writer = &'a Files;

    fn make_writer(&'a self) -> &'a Files {
        self
    }
}

/// Returns the date in UTC.
fn today() -> String {
    let form = format_description!("[year]-[month]-[day]");
    OffsetDateTime::now_utc().format(form).expect("a date has its parts")
}

/// Returns the names of all log files, the oldest first.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Returns the number of a file among those of a date.
fn number(name: &str, date: &str) -> Option<u32> {
    match name.strip_prefix(PREFIX)?.strip_prefix(date)? {
        "" => Some(0),
        rest => rest.strip_prefix('.')?.parse().ok(),
    }
}

fn remove_old(folder: &Path) -> io::Result<()> {
    let names = names(folder)?;
    for name in &names[..names.len().saturating_sub(KEPT_FILES)] {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_is_logged_the_files_stay_small_and_few() {
        let folder = tempfile::tempdir().unwrap();
        for day in 10..30 {
            fs::write(folder.path().join(format!("dspd.log.2001-01-{day}")), b"").unwrap();
        }
        let files = Files::open(folder.path(), 100).unwrap();
        assert_eq!(names(folder.path()).unwrap().len(), KEPT_FILES, "old ones are removed");
        let line = [b'x'; 40];
        for _ in 0..100 {
            files.write_on("2099-12-30".to_owned(), &line).unwrap();
        }
        let kept = names(folder.path()).unwrap();
        assert_eq!(
            (kept.len(), kept.last().unwrap().as_str()),
            (KEPT_FILES, "dspd.log.2099-12-30.049")
        );
        for name in &kept {
            assert!(fs::metadata(folder.path().join(name)).unwrap().len() <= 100, "{name}");
        }
        files.write_on("2099-12-31".to_owned(), &[b'x'; 300]).unwrap();
        let newest = names(folder.path()).unwrap().pop().unwrap();
        assert_eq!(newest, "dspd.log.2099-12-31", "a line is never cut");
    }

    #[test]
    fn a_restart_goes_on_with_the_newest_file() {
        let folder = tempfile::tempdir().unwrap();
        let date = today();
        for (number, name) in [(0, ""), (7, ".007")] {
            let name = format!("{PREFIX}{date}{name}");
            fs::write(folder.path().join(&name), b"before\n").unwrap();
            let files = Files::open(folder.path(), 100).unwrap();
            files.write_on(date.clone(), b"after\n").unwrap();
            assert_eq!(fs::read(folder.path().join(&name)).unwrap(), b"before\nafter\n");
            assert_eq!(files.open.lock().unwrap().number, number);
        }
    }
}
