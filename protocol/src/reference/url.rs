//! `dsp://` URLs: what leaves the machine, with all parts.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{OwnerRef, ParseReferenceError, ParseRevError, Reference, Rev, Selector, as_text};
use crate::id::UserId;
use crate::name::{ContextName, NameError, StackName, UserRef};

const SCHEME: &str = "dsp://";

/// What is percent-encoded in a segment or a value: all but the unreserved characters of RFC 3986
/// and, for readers, `/`, which only occurs in values where it means nothing else.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A `dsp://<user>/<context>/<stack>?rev=v1&path=plot.svg` URL.
///
/// Printed, it has all parts, percent-encoded. Read, it also takes what people type: petnames or
/// `me` for the user, and `#attachment`, verbatim, instead of `path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DspUrl {
    /// The user who owns the stack.
    pub user: UserRef,
    /// The context it lies in.
    pub context: ContextName,
    /// The stack.
    pub stack: StackName,
    /// The frame of the stack.
    pub rev: Rev,
    /// The attachment of the frame, where one is meant.
    pub attachment: Option<Selector>,
}

impl DspUrl {
    /// Returns the user's id when the URL means the same on every machine.
    pub fn user_id(&self) -> Option<UserId> {
        match &self.user {
            UserRef::Id(id) => Some(*id),
            UserRef::Me | UserRef::Petname(_) => None,
        }
    }
}

/// Why a text is not a `dsp://` URL: the part that is wrong, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseUrlError {
    /// It begins otherwise.
    #[error("a dsp URL begins with `dsp://`")]
    Scheme,
    /// User, context or stack are missing.
    #[error("no {0} in the URL; write `dsp://user/context/stack`")]
    Missing(&'static str),
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("`{0}` is not percent-encoded UTF-8; write `%25` for a `%`")]
    Encoding(String),
    /// A part of the path is no such name.
    #[error("in the URL: {0}")]
    Name(#[from] NameError),
    /// A part of the query without `=`, or of another name than `rev` and `path`.
    #[error("`{0}` in the query; only `rev=` and `path=` are known")]
    Query(String),
    /// A part of the query stands twice.
    #[error("`{0}` stands twice in the URL")]
    Twice(&'static str),
    /// The revision is none.
    #[error("after `rev=`: {0}")]
    Rev(#[from] ParseRevError),
    /// The attachment is none.
    #[error("{0}")]
    Attachment(Box<ParseReferenceError>),
}

/// Tells whether a text begins as a `dsp://` URL.
pub(super) fn has_scheme(text: &str) -> bool {
    text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

fn decode(part: &str) -> Result<String, ParseUrlError> {
    let malformed = || ParseUrlError::Encoding(part.to_owned());
    let digits =
        |rest: &str| rest.as_bytes().iter().take(2).filter(|b| b.is_ascii_hexdigit()).count();
    if part.split('%').skip(1).any(|rest| digits(rest) != 2) {
        return Err(malformed());
    }
    percent_decode_str(part).decode_utf8().map(Into::into).map_err(|_| malformed())
}

fn selector(text: &str) -> Result<Selector, ParseUrlError> {
    text.parse().map_err(|e| ParseUrlError::Attachment(Box::new(e)))
}

impl FromStr for DspUrl {
    type Err = ParseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !has_scheme(text) {
            return Err(ParseUrlError::Scheme);
        }
        let rest = &text[SCHEME.len()..];
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parts = place.splitn(3, '/');
        let mut part = |name| match parts.next() {
            Some(part) if !part.is_empty() => decode(part),
            _ => Err(ParseUrlError::Missing(name)),
        };
        let user = part("user")?.parse()?;
        let context = part("context")?.parse()?;
        let stack = part("stack")?.parse()?;
        let (mut rev, mut attachment) = (None, fragment.map(selector).transpose()?);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let unknown = || ParseUrlError::Query(pair.to_owned());
            let (key, value) = pair.split_once('=').ok_or_else(unknown)?;
            match key {
                "rev" if rev.is_some() => return Err(ParseUrlError::Twice("rev")),
                "rev" => rev = Some(decode(value)?.parse()?),
                "path" if attachment.is_some() => return Err(ParseUrlError::Twice("path")),
                "path" => attachment = Some(selector(&decode(value)?)?),
                _ => return Err(unknown()),
            }
        }
        Ok(DspUrl { user, context, stack, rev: rev.unwrap_or_default(), attachment })
    }
}

impl fmt::Display for DspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.to_string();
        let rev = self.rev.to_string();
        let encode = |text| utf8_percent_encode(text, ENCODED);
        write!(f, "{SCHEME}{}/{}/{}", encode(&user), encode(self.context.as_str()), self.stack)?;
        let mut sign = '?';
        if self.rev != Rev::Head {
            write!(f, "?rev={}", encode(&rev))?;
            sign = '&';
        }
        match &self.attachment {
            Some(attachment) => write!(f, "{sign}path={}", encode(attachment.as_str())),
            None => Ok(()),
        }
    }
}

impl From<DspUrl> for Reference {
    fn from(url: DspUrl) -> Self {
        Reference {
            owner: Some(OwnerRef { user: url.user, context: Some(url.context) }),
            stack: url.stack,
            rev: url.rev,
            attachment: url.attachment,
        }
    }
}

as_text!(DspUrl);
