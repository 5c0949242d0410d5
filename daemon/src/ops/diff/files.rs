//! The files of two frames, merged by path, and how their bytes differ.

use std::cmp::Ordering;
use std::collections::VecDeque;

use bytes::Bytes;
use dsp_protocol::api::{ChangeName, ContentDiff, FileChange, FileCounts, FileSide, Problem};
use dsp_protocol::id::ContextId;
use dsp_protocol::name::AttachmentPath;
use dsp_protocol::object::{Frame, Mode};

use super::super::Ops;
use super::super::content::File;
use super::{Side, table, text};
use crate::blobs::ReadError;

/// Files that are read of each side at a time.
const PAGE: usize = 1000;
/// Most files that differ and are named.
const FILES: usize = 1000;
/// Most files whose bytes are compared.
const COMPARED: usize = 100;
/// Most bytes of hunks in one answer.
const HUNKS_BYTES: usize = 4 << 20;
/// Most bytes of a text that is compared.
const TEXT_BYTES: u64 = 1 << 20;
/// Most bytes of a table that is compared.
const TABLE_BYTES: u64 = 64 << 20;

/// Whether bytes are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Compared,
    Left,
}

/// The files of a frame by path, a page at a time.
struct Listing<'a> {
    ops: &'a Ops,
    frame: Option<&'a Frame>,
    page: VecDeque<File>,
    last: Option<AttachmentPath>,
    ended: bool,
}

impl<'a> Listing<'a> {
    async fn new(ops: &'a Ops, side: &'a Side) -> Result<Listing<'a>, Problem> {
        let frame = side.frame();
        if let Some(frame) = frame {
            ops.check_size(frame).await?;
        }
        let (page, last) = (VecDeque::new(), None);
        Ok(Listing { ops, frame, page, last, ended: frame.is_none() })
    }

    /// Makes sure that the next file is there, unless there is none.
    async fn fill(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.frame.filter(|_| self.page.is_empty() && !self.ended) else {
            return Ok(());
        };
        let files = self.ops.files_after(frame, self.last.as_ref(), PAGE).await?;
        self.ended = files.len() < PAGE;
        self.last = files.last().map(|file| file.path.clone()).or(self.last.take());
        self.page = files.into();
        Ok(())
    }
}

impl Ops {
    /// Merges the files of two frames.
    pub(super) async fn diff_files(
        &self,
        from: &Side,
        to: &Side,
        content: Content,
    ) -> Result<(FileCounts, Vec<FileChange>), Problem> {
        let mut old = Listing::new(self, from).await?;
        let mut new = Listing::new(self, to).await?;
        let mut counts = FileCounts::default();
        let mut differ: Vec<(Option<File>, Option<File>)> = Vec::new();
        loop {
            old.fill().await?;
            new.fill().await?;
            let order = match (old.page.front(), new.page.front()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.path.cmp(&new.path),
            };
            // Only the side that comes first moves on.
            let pair = match order {
                Ordering::Less => (old.page.pop_front(), None),
                Ordering::Equal => (old.page.pop_front(), new.page.pop_front()),
                Ordering::Greater => (None, new.page.pop_front()),
            };
            let same = count(&mut counts, &pair);
            if !same && differ.len() < FILES {
                differ.push(pair);
            }
        }
        let mut files = Vec::with_capacity(differ.len());
        let mut left = HUNKS_BYTES;
        for (at, (old, new)) in differ.into_iter().enumerate() {
            let old = self.file_side(from.context, old).await?;
            let new = self.file_side(to.context, new).await?;
            let content = match (content, &old, &new) {
                (Content::Compared, Some(old), Some(new)) if at < COMPARED => {
                    let diff = self.content((from, old), (to, new), left).await?;
                    if let ContentDiff::Text { unified, .. } = &diff {
                        left = left.saturating_sub(unified.len());
                    }
                    Some(diff)
                }
                _ => None,
            };
            let change = match (&old, &new) {
                (None, _) => ChangeName::Added,
                (_, None) => ChangeName::Removed,
                (Some(_), Some(_)) => ChangeName::Changed,
            };
            let path = old.as_ref().or(new.as_ref()).map(|(file, _)| file.path.to_string());
            files.push(FileChange {
                path: path.unwrap_or_default(),
                change,
                from: old.map(|(_, side)| side),
                to: new.map(|(_, side)| side),
                content,
            });
        }
        Ok((counts, files))
    }

    async fn file_side(
        &self,
        context: ContextId,
        file: Option<File>,
    ) -> Result<Option<(File, FileSide)>, Problem> {
        let Some(file) = file else { return Ok(None) };
        let hash = file.blob.hash;
        let here = self.store.earned_set(context, vec![hash]).await?.contains_key(&hash);
        let executable = file.mode == Mode::Executable;
        let side = FileSide { hash, size: file.blob.size, executable, here };
        Ok(Some((file, side)))
    }

    /// Tells how the bytes of a file differ; of hunks at most `most` bytes.
    async fn content(
        &self,
        (from, (old, old_side)): (&Side, &(File, FileSide)),
        (to, (new, new_side)): (&Side, &(File, FileSide)),
        most: usize,
    ) -> Result<ContentDiff, Problem> {
        if old.blob.hash == new.blob.hash {
            return Ok(ContentDiff::Same);
        }
        let sides = [(from, old, old_side), (to, new, new_side)];
        let missing = sides.iter().filter(|(_, _, side)| !side.here);
        let missing: Vec<String> =
            missing.map(|(side, file, _)| format!("{}#{}", side.reference, file.path)).collect();
        if !missing.is_empty() {
            return Ok(ContentDiff::NotHere { missing });
        }
        let delimiter = table::delimiter(new.path.as_str());
        let limit = if delimiter.is_some() { TABLE_BYTES } else { TEXT_BYTES };
        if old.blob.size > limit || new.blob.size > limit {
            return Ok(ContentDiff::TooLarge { most: limit });
        }
        let read = futures::future::try_join(
            self.blobs.read_all(old.blob.hash, limit),
            self.blobs.read_all(new.blob.hash, limit),
        );
        let (old, new) = match read.await {
            Ok(both) => both,
            Err(error @ (ReadError::Corrupt { .. } | ReadError::Missing(_))) => {
                return Ok(ContentDiff::Unreadable { reason: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        };
        // Comparing takes a while, and must not hold up others.
        let compared = tokio::task::spawn_blocking(move || compare(&old, &new, delimiter, most));
        Ok(compared.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())))
    }
}

fn compare(old: &Bytes, new: &Bytes, delimiter: Option<u8>, most: usize) -> ContentDiff {
    if let Some(delimiter) = delimiter {
        match table::compare(old, new, delimiter) {
            Ok(diff) => return ContentDiff::Table(diff),
            // What is called a table and is none is perhaps text.
            Err(_) if old.len().max(new.len()) as u64 <= TEXT_BYTES => {}
            Err(reason) => return ContentDiff::Unreadable { reason },
        }
    }
    text::compare(old, new, most)
}

/// Counts a pair of files, and tells whether they are the same.
fn count(counts: &mut FileCounts, pair: &(Option<File>, Option<File>)) -> bool {
    let size = |file: &Option<File>| {
        let size = file.as_ref().map_or(0, |file| file.blob.size);
        i64::try_from(size).unwrap_or(i64::MAX)
    };
    counts.bytes = counts.bytes.saturating_add(size(&pair.1)).saturating_sub(size(&pair.0));
    match pair {
        (Some(old), Some(new)) if old.blob.hash == new.blob.hash && old.mode == new.mode => {
            counts.same += 1;
            return true;
        }
        (Some(_), Some(_)) => counts.changed += 1,
        (Some(_), None) => counts.removed += 1,
        (None, _) => counts.added += 1,
    }
    false
}
