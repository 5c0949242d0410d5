//! The path of an attachment.

use super::rule::{self, NameRule, check_hidden, is_device_name};
use super::{NameError, text_forms};
use crate::limits::{PATH_BYTES, PATH_SEGMENT_BYTES};

/// The path of an attachment inside its frame: relative, with `/` between segments.
///
/// At most 1,024 bytes, segments at most 255; normal form NFC; no empty segment, no `.` or `..`,
/// no backslash, nothing invisible. So it never leaves the folder that it is written to. Names
/// that only some systems cannot hold are data like any other: [`portable`](Self::portable) tells.
///
/// Paths are ordered segment by segment, as a walk through folders meets them: `a/b` before
/// `a-b`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AttachmentPath(String);
text_forms!(AttachmentPath, "path", PATH_BYTES);

impl AttachmentPath {
    fn check(text: &str) -> Result<(), NameRule> {
        rule::check_length(text, PATH_BYTES)?;
        if text.starts_with('/') {
            return Err(NameRule::Absolute);
        }
        text.split('/').try_for_each(check_segment)
    }

    /// Parses a path that may be in another normal form than NFC, as some file systems give.
    ///
    /// # Errors
    /// Names the rule that broke.
    pub fn normalized(text: &str) -> Result<Self, NameError> {
        rule::normal(text).try_into()
    }

    /// Returns the segments in order; there is at least one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the last segment.
    pub fn file_name(&self) -> &str {
        self.segments().next_back().expect("a path has a segment")
    }

    /// Checks that every system in use can hold a file of this path.
    ///
    /// # Errors
    /// Names the first segment that some systems cannot hold, and why.
    pub fn portable(&self) -> Result<(), NotPortable> {
        self.segments().try_for_each(|segment| {
            let segment = segment.to_owned();
            if is_device_name(&segment) {
                Err(NotPortable::DeviceName(segment))
            } else if segment.ends_with(['.', ' ']) {
                Err(NotPortable::Ending(segment))
            } else if let Some(c) = segment.chars().find(|c| "<>:\"|?*".contains(*c)) {
                Err(NotPortable::Character(c, segment))
            } else {
                Ok(())
            }
        })
    }
}

/// Checks one segment of a path, which is also one name in a directory object.
pub(crate) fn check_segment(segment: &str) -> Result<(), NameRule> {
    match segment {
        "" => return Err(NameRule::EmptySegment),
        "." | ".." => return Err(NameRule::DotSegment),
        _ => {}
    }
    if segment.len() > PATH_SEGMENT_BYTES {
        let (limit, actual) = (PATH_SEGMENT_BYTES, segment.len());
        return Err(NameRule::SegmentTooLong { limit, actual });
    }
    if let Some(c) = segment.chars().find(|c| matches!(c, '\\' | '/')) {
        return Err(NameRule::Character(c));
    }
    check_hidden(segment)
}

impl Ord for AttachmentPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.segments().cmp(other.segments())
    }
}

impl PartialOrd for AttachmentPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Why a path cannot be written on every system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPortable {
    /// Windows takes it for a device.
    #[error("`{0}` is a device name on Windows")]
    DeviceName(String),
    /// Windows drops dots and spaces at the end of a name.
    #[error("`{0}` ends in a dot or a space, which Windows drops")]
    Ending(String),
    /// Windows has no such character in names.
    #[error("Windows allows no `{0}` in names such as `{1}`")]
    Character(char, String),
}
