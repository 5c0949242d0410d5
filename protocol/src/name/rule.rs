//! The rules a name can break, and the checks that several kinds of names share.

use unicode_normalization::UnicodeNormalization as _;

/// A text is not such a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} `{text}`: {rule}")]
pub struct NameError {
    kind: &'static str,
    text: String,
    rule: NameRule,
}

impl NameError {
    /// Returns the error for a text; what cannot be seen is escaped, what is long is cut.
    pub(crate) fn new(kind: &'static str, text: &str, rule: NameRule) -> Self {
        const SHOWN: usize = 80;
        let mut shown: String = text.chars().take(SHOWN).flat_map(show).collect();
        if text.chars().nth(SHOWN).is_some() {
            shown.push_str("..");
        }
        NameError { kind, text: shown, rule }
    }

    /// Returns the rule that broke.
    pub fn rule(&self) -> &NameRule {
        &self.rule
    }
}

fn show(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = match is_hidden(c) {
        true => (None, Some(c.escape_unicode())),
        false => (Some(c), None),
    };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// The rule that a name breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRule {
    /// It has no characters.
    #[error("is empty")]
    Empty,
    /// It has too many bytes.
    #[error("{actual} bytes exceed the limit of {limit}")]
    TooLong {
        /// Most bytes.
        limit: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// It has another, composed form that looks the same.
    #[error("is not in Unicode normal form NFC")]
    NotNormal,
    /// A control character, a line separator or a mark that turns the direction of text.
    #[error("the invisible character {} is not allowed", .0.escape_unicode())]
    Hidden(char),
    /// A character that means something else where such names are written.
    #[error("the character `{0}` is not allowed")]
    Character(char),
    /// A character that names of stacks do not hold.
    #[error(
        "the character `{0}` is not allowed: a to z, A to Z, 0 to 9, `-`, `_`, `.` and `/` are"
    )]
    StackCharacter(char),
    /// It begins with `-`, as an option does.
    #[error("must not begin with `-`")]
    LeadingDash,
    /// It begins or ends with white space.
    #[error("must not begin or end with white space")]
    OuterSpace,
    /// It begins with `/`.
    #[error("must be relative")]
    Absolute,
    /// Two slashes in a row, or one at an end.
    #[error("a segment is empty (`/` stands at an end or twice)")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("`.` and `..` are not allowed")]
    DotSegment,
    /// A segment begins with something else than a letter, a digit or `_`.
    #[error("a segment must begin with a letter, a digit or `_`, not `{0}`")]
    SegmentBegins(char),
    /// A segment ends in `.`.
    #[error("a segment must not end in `.`")]
    SegmentEndsInDot,
    /// A segment has too many bytes.
    #[error("a segment of {actual} bytes exceeds the limit of {limit}")]
    SegmentTooLong {
        /// Most bytes.
        limit: usize,
        /// Bytes of the first segment that is too long.
        actual: usize,
    },
    /// A segment is a device on Windows and cannot be a file there.
    #[error("`{0}` is a device name on Windows")]
    DeviceName(String),
    /// It is a word of the grammar.
    #[error("`{0}` is reserved")]
    Reserved(&'static str),
    /// It reads as an id or as the beginning of one.
    #[error("hexadecimal digits read as an id; put a letter such as `v` before them")]
    LooksLikeId,
}

pub(super) fn check_length(text: &str, limit: usize) -> Result<(), NameRule> {
    match text.len() {
        0 => Err(NameRule::Empty),
        actual if actual > limit => Err(NameRule::TooLong { limit, actual }),
        _ => Ok(()),
    }
}

/// Checks that a text shows what it holds: normal form NFC, and nothing invisible that moves or
/// reverses what stands around it.
pub(crate) fn check_hidden(text: &str) -> Result<(), NameRule> {
    if let Some(c) = text.chars().find(|c| is_hidden(*c)) {
        return Err(NameRule::Hidden(c));
    }
    if !text.is_ascii() && !unicode_normalization::is_nfc(text) {
        return Err(NameRule::NotNormal);
    }
    Ok(())
}

fn is_hidden(c: char) -> bool {
    // The bidirectional controls of Unicode (UAX 9), and the two separators that break a line.
    let bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    bidi || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Tells whether Windows takes a file name for a device, with or without an extension.
pub(crate) fn is_device_name(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end();
    let upper = stem.to_uppercase();
    if matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let port = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
    // The superscript digits count too; `COM0` is taken by some versions only.
    port.is_some_and(|n| {
        let mut digits = n.chars();
        let one = matches!(digits.next(), Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'));
        one && digits.next().is_none()
    })
}

/// Returns a text in normal form NFC.
pub(super) fn normal(text: &str) -> String {
    text.nfc().collect()
}
