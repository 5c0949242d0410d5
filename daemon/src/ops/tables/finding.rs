//! Which file of a frame a reference means, in which format it is, and the note of types beside it.

use std::sync::Arc;

use bytes::Bytes;
use dsp_protocol::api::{Problem, ProblemCode};
use dsp_tables::Format;
use futures::TryStreamExt as _;

use super::derived::Key;
use super::problem;
use super::source::BlobSource;
use crate::ops::content::file_info;
use crate::ops::problem::internal;
use crate::ops::resolve::parse;
use crate::ops::{Opened, Ops};

/// What the name of a note has behind that of its CSV.
pub(in crate::ops) const NOTED: &str = "-metadata.json";

/// A file that is a table.
pub(super) struct TableFile {
    pub(super) key: Key,
    pub(super) opened: Opened,
    pub(super) bytes: Arc<BlobSource>,
    /// The note beside a CSV.
    pub(super) note: Option<Opened>,
}

impl Ops {
    /// Finds the table that a reference means.
    pub(super) async fn table_file(&self, reference: &str) -> Result<TableFile, Problem> {
        let (context, frame, file) = self.file_in(reference).await?;
        let path = file.path.clone();
        let opened = self.open_file(file).await?;
        self.uses.touch(opened.hash);
        let recent = Arc::clone(&self.tables.recent);
        let bytes = Arc::new(BlobSource::new(self.blobs.clone(), &opened, recent));
        let format = format_of(&bytes, &opened, reference).await?;
        let mut note = None;
        if let (Format::Csv | Format::Tsv, Ok(selector)) =
            (format, format!("{path}{NOTED}").parse())
        {
            let mut beside = parse(reference)?;
            beside.attachment = Some(selector);
            if let Ok(found) = self.pick(&frame, &beside, reference).await? {
                let here = self.store.earned_set(context, vec![found.blob.hash]).await?;
                // Without it the columns would have other types: better none than those.
                note = Some(self.open_file(file_info(&found, &here)).await?);
            }
        }
        let key = Key { hash: opened.hash, format, note: note.as_ref().map(|note| note.hash) };
        Ok(TableFile { key, opened, bytes, note })
    }

    /// Reads a note whole.
    pub(super) async fn whole_note(&self, note: &Opened) -> Result<Bytes, Problem> {
        let (size, limit) = (note.size, dsp_tables::limits::NOTE_BYTES);
        if size > limit {
            let what = "the note of the CSV in bytes".to_owned();
            return Err(problem(&dsp_tables::TableError::TooLarge { what, size, limit }));
        }
        let mut pieces = self.blobs.reader(note.hash, 0..size);
        let mut whole = Vec::new();
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }
}

/// Returns the format of an attachment.
async fn format_of(
    bytes: &Arc<BlobSource>,
    opened: &Opened,
    reference: &str,
) -> Result<Format, Problem> {
    let media = opened.media.clone().unwrap_or_default();
    let name = opened.path.as_ref().map(|path| path.file_name().to_owned()).unwrap_or_default();
    let source = Arc::clone(bytes);
    let found = tokio::task::spawn_blocking(move || Format::of(source.as_ref(), &media, &name));
    let found = found.await.map_err(|error| internal(&error))?;
    let found = found.map_err(|error| bytes.fault().unwrap_or_else(|| problem(&error.into())))?;
    found.ok_or_else(|| {
        let detail = format!("`{reference}` is no table");
        Problem::new(ProblemCode::UnsupportedMediaType, detail)
            .with_hint("tables are Parquet, Arrow, Feather, CSV, TSV and JSON lines")
    })
}
