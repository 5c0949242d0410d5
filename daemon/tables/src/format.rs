//! Which format a file has.

use std::io;

use crate::source::Source;

/// A format of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Parquet.
    Parquet,
    /// Arrow IPC with a footer, which is Feather of version 2 too.
    ArrowFile,
    /// Arrow IPC as a stream.
    ArrowStream,
    /// Text with commas, semicolons, tabs or bars between the fields.
    Csv,
    /// Text with tabs between the fields.
    Tsv,
    /// A JSON object on each line.
    JsonLines,
}

impl Format {
    /// Returns the format of a file by its first bytes, else by the media type its author gave
    /// it, else by its name; none where it is no table.
    ///
    /// # Errors
    /// The bytes cannot be read.
    pub fn of(source: &dyn Source, media: &str, name: &str) -> io::Result<Option<Format>> {
        let first = source.read_at(0, source.size().min(6) as usize)?;
        if first.starts_with(b"PAR1") {
            return Ok(Some(Format::Parquet));
        }
        if first.starts_with(b"ARROW1") {
            return Ok(Some(Format::ArrowFile));
        }
        Ok(Format::named(media, name))
    }

    /// Returns the format that a media type tells, else the name of a file.
    pub fn named(media: &str, name: &str) -> Option<Format> {
        let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match essence.as_str() {
            "application/vnd.apache.parquet" => Some(Format::Parquet),
            "application/vnd.apache.arrow.file" => Some(Format::ArrowFile),
            "application/vnd.apache.arrow.stream" => Some(Format::ArrowStream),
            "text/csv" | "application/csv" => Some(Format::Csv),
            "text/tab-separated-values" => Some(Format::Tsv),
            "application/x-ndjson" | "application/jsonl" => Some(Format::JsonLines),
            _ => match extension.to_ascii_lowercase().as_str() {
                "parquet" => Some(Format::Parquet),
                "feather" | "arrow" => Some(Format::ArrowFile),
                "arrows" => Some(Format::ArrowStream),
                "csv" => Some(Format::Csv),
                "tsv" => Some(Format::Tsv),
                "jsonl" | "ndjson" => Some(Format::JsonLines),
                _ => None,
            },
        }
    }

    /// Returns the format that has a word in JSON.
    pub fn from_word(word: &str) -> Option<Format> {
        let all = [
            Format::Parquet,
            Format::ArrowFile,
            Format::ArrowStream,
            Format::Csv,
            Format::Tsv,
            Format::JsonLines,
        ];
        all.into_iter().find(|format| format.as_str() == word)
    }

    /// Returns its word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::ArrowFile => "arrow",
            Format::ArrowStream => "arrow_stream",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::JsonLines => "jsonl",
        }
    }
}
