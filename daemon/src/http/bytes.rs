//! Answers that are the bytes of a blob: ranges, tags, and headers that keep a browser from doing
//! anything with bytes that came from a stranger but show them.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use dsp_protocol::api::{Problem, ProblemCode};

use super::answer::Fault;
use crate::ops::{Opened, Ops, UNKNOWN_MEDIA};

/// What a page of these bytes may do: nothing.
pub(super) const SANDBOX: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Bytes of a file that are read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Media types that a browser shows; all others are saved.
const INLINE: &[&str] = &[
    "application/json",
    "application/pdf",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/svg+xml",
    "image/webp",
    "text/csv",
    "text/markdown",
    "text/plain",
    "text/tab-separated-values",
    "video/mp4",
    "video/ogg",
    "video/webm",
];

/// Further media types that are told as their author gave them.
const TOLD: &[&str] = &[
    "application/geo+json",
    "application/gzip",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
    "application/x-hdf5",
    "application/x-ipynb+json",
    "application/x-ndjson",
    "application/x-npy",
    "application/x-npz",
    "application/x-rds",
    "application/yaml",
    "application/zip",
];

/// Returns the media type that a browser is told, and whether it may show the bytes. A type that
/// could run something, or that nobody knows, becomes bytes to be saved.
pub(super) fn shown(media: &str) -> (&'static str, bool) {
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if let Some(known) = INLINE.iter().find(|known| **known == essence) {
        return match *known {
            text if text.starts_with("text/") => (with_charset(text), true),
            other => (other, true),
        };
    }
    if let Some(known) = TOLD.iter().find(|known| **known == essence) {
        return (known, false);
    }
    match essence.starts_with("text/x-") {
        true => (with_charset("text/plain"), true),
        false => (UNKNOWN_MEDIA, false),
    }
}

fn with_charset(text: &'static str) -> &'static str {
    match text {
        "text/csv" => "text/csv; charset=utf-8",
        "text/markdown" => "text/markdown; charset=utf-8",
        "text/tab-separated-values" => "text/tab-separated-values; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}

/// Answers with a blob, or the part of it that the caller asks for.
pub(super) async fn answer(
    ops: &Ops,
    headers: &HeaderMap,
    opened: &Opened,
) -> Result<Response, Fault> {
    let tag = format!("\"b3-{}\"", opened.hash);
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let same = headers.get(header::IF_RANGE).is_none_or(|value| value == tag.as_str());
        let range = headers.get(header::RANGE).filter(|_| same);
        let range = range.and_then(|value| value.to_str().ok());
        match range.map_or(Wanted::Whole, |text| wanted(text, opened.size)) {
            Wanted::Whole => bytes(ops, opened, 0..opened.size, StatusCode::OK).await?,
            Wanted::Part(range) => {
                let content = format!("bytes {}-{}/{}", range.start, range.end - 1, opened.size);
                let mut response = bytes(ops, opened, range, StatusCode::PARTIAL_CONTENT).await?;
                set(&mut response, header::CONTENT_RANGE, &content);
                response
            }
            Wanted::Outside => {
                let problem = Problem::new(
                    ProblemCode::BadRequest,
                    format!("the range lies outside the {} bytes", opened.size),
                );
                let status = StatusCode::RANGE_NOT_SATISFIABLE.as_u16();
                let mut response = Fault(Problem { status, ..problem }).into_response();
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", opened.size));
                return Ok(response);
            }
        }
    };
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    // A hash never names other bytes, but who may read them can change.
    set(&mut response, header::CACHE_CONTROL, "private, no-cache");
    Ok(response)
}

/// Tells whether the caller has the bytes of this tag already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let names_it = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        value.split(',').map(str::trim).any(|one| one == tag || one == "*")
    };
    headers.get(header::IF_NONE_MATCH).is_some_and(names_it)
}

/// Answers with a file that was made of a table, whole.
#[cfg(feature = "tables")]
pub(super) fn made(headers: &HeaderMap, made: crate::ops::MadeTable) -> Response {
    let mut response = match is_known(headers, &made.tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let mut response = file_body(made.file).into_response();
            dress(&mut response, made.media, Some(&made.name));
            set(&mut response, header::CONTENT_LENGTH, &made.size.to_string());
            response
        }
    };
    set(&mut response, header::ETAG, &made.tag);
    set(&mut response, header::CACHE_CONTROL, "private, no-cache");
    response
}

/// Returns the bytes of a file, from where it stands.
pub(super) fn file_body(file: std::fs::File) -> Body {
    let file = tokio::fs::File::from_std(file);
    Body::from_stream(tokio_util::io::ReaderStream::with_capacity(file, PIECE_BYTES))
}

async fn bytes(
    ops: &Ops,
    opened: &Opened,
    range: Range<u64>,
    status: StatusCode,
) -> Result<Response, Fault> {
    let length = range.end - range.start;
    let pieces = ops.read_blob(opened, range).await?;
    let mut response = (status, Body::from_stream(pieces)).into_response();
    let media = opened.media.as_deref().unwrap_or(UNKNOWN_MEDIA);
    dress(&mut response, media, opened.path.as_ref().map(|path| path.file_name()));
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    Ok(response)
}

/// Says what the bytes are, and what a browser may do with them.
fn dress(response: &mut Response, media: &str, name: Option<&str>) {
    let (media, inline) = shown(media);
    set(response, header::CONTENT_TYPE, media);
    set(response, header::CONTENT_SECURITY_POLICY, SANDBOX);
    set(response, header::X_FRAME_OPTIONS, "SAMEORIGIN");
    let how = if inline { "inline" } else { "attachment" };
    let disposition = match name {
        Some(name) => format!("{how}; filename*=UTF-8''{}", encoded(name)),
        None => how.to_owned(),
    };
    set(response, header::CONTENT_DISPOSITION, &disposition);
}

/// Encodes a file name as RFC 8187 has it: all but letters, digits and a few signs.
fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    name.bytes().map(one).collect()
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("the value is visible ASCII");
    response.headers_mut().insert(name, value);
}

/// What of a blob a caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    Outside,
}

/// Reads `Range`; what is no single range of bytes is as if it was not there.
fn wanted(text: &str, size: u64) -> Wanted {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return Wanted::Whole;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Wanted::Whole,
        (Ok(first), _) if first >= size && (last.trim().is_empty() || !last.contains(',')) => {
            Wanted::Outside
        }
        (Ok(first), Ok(last)) => Wanted::Part(first..size.min(last.saturating_add(1))),
        (Ok(first), Err(_)) if last.trim().is_empty() => Wanted::Part(first..size),
        (Err(_), Ok(0)) if first.trim().is_empty() => Wanted::Outside,
        (Err(_), Ok(tail)) if first.trim().is_empty() && size > 0 => {
            Wanted::Part(size.saturating_sub(tail)..size)
        }
        _ => Wanted::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(wanted("bytes=0-4", 10), Wanted::Part(0..5));
        assert_eq!(wanted("bytes=5-", 10), Wanted::Part(5..10));
        assert_eq!(wanted("bytes=-3", 10), Wanted::Part(7..10));
        assert_eq!(wanted("bytes=-30", 10), Wanted::Part(0..10));
        assert_eq!(wanted("bytes=5-100", 10), Wanted::Part(5..10));
        assert_eq!(wanted("bytes=10-", 10), Wanted::Outside);
        assert_eq!(wanted("bytes=-0", 10), Wanted::Outside);
        assert_eq!(wanted("bytes=0-18446744073709551615", 10), Wanted::Part(0..10));
        for odd in ["bytes=4-2", "bytes=0-1,3-4", "lines=0-1", "bytes=x-y", "bytes=-"] {
            assert_eq!(wanted(odd, 10), Wanted::Whole, "{odd}");
        }
    }

    #[test]
    fn what_could_run_is_never_shown() {
        for risky in ["text/html", "application/xhtml+xml", "text/javascript", "", "x", "text/xml"]
        {
            assert_eq!(shown(risky), (UNKNOWN_MEDIA, false), "{risky}");
        }
        assert_eq!(shown("image/PNG"), ("image/png", true));
        assert_eq!(shown("text/csv; header=present"), ("text/csv; charset=utf-8", true));
        assert_eq!(shown("text/x-python"), ("text/plain; charset=utf-8", true));
        assert_eq!(
            shown("application/vnd.apache.parquet"),
            ("application/vnd.apache.parquet", false)
        );
    }

    #[test]
    fn names_cannot_leave_their_header() {
        assert_eq!(encoded("a b\"\r\n;ü.csv"), "a%20b%22%0D%0A%3B%C3%BC.csv");
    }
}
