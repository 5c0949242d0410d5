//! References: `[user[/context]:]stack[@rev][#attachment]`, one grammar parsed in one place.
//!
//! `#` ends the name, and the rest, verbatim, chooses an attachment; before it the first `:` ends
//! the user and context, and the first `@` after that begins the revision. No name holds the sign
//! that would end it, so a reference reads one way only. A single letter before `:` is a user like
//! any other here; whoever expects a file reads `C:` as a drive before coming here.
//!
//! What a reference without a user means (mine in the current context, else its first owner's) is
//! for the daemon to say: this module knows no contexts. Petnames and `me` mean something on one
//! machine only; whatever leaves it is a [`DspUrl`] with the id of the user.

mod url;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

pub use self::url::{DspUrl, ParseUrlError};
use crate::limits::PATH_BYTES;
use crate::name::{ContextName, NameError, StackName, TagName, UserRef, is_id_prefix};

/// A reference to a stack, a frame of it, or an attachment of that.
///
/// # Examples
/// ```
/// use dsp_protocol::reference::{Reference, Rev};
///
/// let r: Reference = "alice/research:model@head~2#weights.bin".parse().unwrap();
/// assert_eq!(r.stack.as_str(), "model");
/// assert_eq!(r.rev, Rev::Ancestor(2.try_into().unwrap()));
/// assert_eq!(r.attachment.unwrap().as_str(), "weights.bin");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Whose stack, where it is said.
    pub owner: Option<OwnerRef>,
    /// The stack.
    pub stack: StackName,
    /// The frame of the stack.
    pub rev: Rev,
    /// The attachment of the frame, where one is meant.
    pub attachment: Option<Selector>,
}

/// The user, and perhaps the context, that qualifies a stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerRef {
    /// The user who owns the stack.
    pub user: UserRef,
    /// The context it lies in.
    pub context: Option<ContextName>,
}

/// Which frame of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rev {
    /// The current head, which is meant when nothing is said.
    #[default]
    Head,
    /// `head~n`: the n-th ancestor of the head by first parents.
    Ancestor(NonZeroU32),
    /// `head^n`: the n-th of several current heads; the first is [`Head`](Rev::Head).
    OtherHead(NonZeroU32),
    /// The frame that carries a tag.
    Tag(TagName),
    /// The frame whose id begins so.
    Id(IdPrefix),
}

/// The first 6 to 64 digits of a frame's id, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdPrefix(String);

impl IdPrefix {
    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a frame's id begins so.
    pub fn matches(&self, id: &crate::id::FrameId) -> bool {
        id.to_string().starts_with(&self.0)
    }

    /// Returns the id when all 64 digits are there.
    pub fn whole(&self) -> Option<crate::id::FrameId> {
        self.0.parse().ok()
    }
}

impl From<crate::id::FrameId> for IdPrefix {
    fn from(id: crate::id::FrameId) -> Self {
        IdPrefix(id.to_string())
    }
}

/// What stands after `#`: the path of an attachment, else its index from zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(String);

impl Selector {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the position of the attachment that is meant: the one of this very path, else the
    /// one at this index.
    pub fn find<P: AsRef<str>>(&self, paths: impl IntoIterator<Item = P>) -> Option<usize> {
        let mut len = 0;
        for (i, path) in paths.into_iter().enumerate() {
            if path.as_ref() == self.0 {
                return Some(i);
            }
            len = i + 1;
        }
        self.index().filter(|i| *i < len)
    }

    /// Returns the index when the text can be read as one: decimal digits without leading zeros.
    pub fn index(&self) -> Option<usize> {
        self.0.parse().ok().filter(|i: &usize| i.to_string() == self.0)
    }
}

impl From<crate::name::AttachmentPath> for Selector {
    fn from(path: crate::name::AttachmentPath) -> Self {
        Selector(path.to_string())
    }
}

impl FromStr for Selector {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.len() {
            0 => Err(ParseReferenceError::EmptyAttachment),
            1..=PATH_BYTES => Ok(Selector(text.to_owned())),
            actual => Err(ParseReferenceError::LongAttachment { actual }),
        }
    }
}

/// Why a text is not a reference: the part that is wrong, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseReferenceError {
    /// Nothing stands before `:`, or before the `/` in front of it.
    #[error("no user before `:`; write `me:` for yourself, or leave the `:` out")]
    NoUser,
    /// The user is none.
    #[error("in front of `:`: {0}")]
    User(NameError),
    /// The context is none.
    #[error("in front of `:`, after `/`: {0}; write `user/context:stack`")]
    Context(NameError),
    /// Nothing stands where the stack should.
    #[error("no stack; write `[user[/context]:]stack[@rev][#attachment]`")]
    NoStack,
    /// The stack is none.
    #[error("{0}")]
    Stack(NameError),
    /// The revision is none.
    #[error("after `@`: {0}")]
    Rev(#[from] ParseRevError),
    /// Nothing stands after `#`.
    #[error("no attachment after `#`; write its path or its index, or leave the `#` out")]
    EmptyAttachment,
    /// What stands after `#` is longer than any path.
    #[error("after `#`: {actual} bytes are longer than any path ({PATH_BYTES})")]
    LongAttachment {
        /// Bytes that came.
        actual: usize,
    },
    /// It begins as a URL and is none.
    #[error(transparent)]
    Url(Box<ParseUrlError>),
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if url::has_scheme(text) {
            let url = text.parse::<DspUrl>();
            return url.map(Into::into).map_err(|e| ParseReferenceError::Url(Box::new(e)));
        }
        let (name, attachment) = match text.split_once('#') {
            Some((name, attachment)) => (name, Some(attachment.parse()?)),
            None => (text, None),
        };
        let (owner, name) = match name.split_once(':') {
            Some((owner, name)) => (Some(owner.parse()?), name),
            None => (None, name),
        };
        let (stack, rev) = match name.split_once('@') {
            Some((stack, rev)) => (stack, rev.parse()?),
            None => (name, Rev::Head),
        };
        if stack.is_empty() {
            return Err(ParseReferenceError::NoStack);
        }
        let stack = stack.parse().map_err(ParseReferenceError::Stack)?;
        Ok(Reference { owner, stack, rev, attachment })
    }
}

impl FromStr for OwnerRef {
    type Err = ParseReferenceError;

    /// Parses `user` or `user/context`, without the `:`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, context) = match text.split_once('/') {
            Some((user, context)) => {
                (user, Some(context.parse().map_err(ParseReferenceError::Context)?))
            }
            None => (text, None),
        };
        if user.is_empty() {
            return Err(ParseReferenceError::NoUser);
        }
        let user = user.parse().map_err(ParseReferenceError::User)?;
        Ok(OwnerRef { user, context })
    }
}

/// Why a text is not a revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRevError {
    /// Nothing stands there.
    #[error("no revision; write `head`, `head~1`, a tag or the first digits of an id")]
    Empty,
    /// A number does not follow `head~` or `head^`.
    #[error("`{0}` needs a number from 1 after the sign, as in `head~1`")]
    Number(String),
    /// `~` or `^` stands behind something else than `head`.
    #[error("`{0}`: `~` and `^` follow `head` only, as in `head~1`")]
    NotHead(String),
    /// `head` in capitals.
    #[error("`{0}` is written `head`")]
    Capitals(String),
    /// It is no tag either.
    #[error("{0}")]
    Tag(#[from] NameError),
}

impl FromStr for Rev {
    type Err = ParseRevError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((base, number)) = text.split_once(['~', '^']) {
            if base != "head" {
                return Err(ParseRevError::NotHead(text.to_owned()));
            }
            let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            let number = number.parse().ok().filter(|_| plain);
            let number = number.ok_or_else(|| ParseRevError::Number(text.to_owned()))?;
            return Ok(match text.as_bytes()[base.len()] {
                b'~' => Rev::Ancestor(number),
                _ => Rev::OtherHead(number),
            });
        }
        match text {
            "" => Err(ParseRevError::Empty),
            "head" => Ok(Rev::Head),
            _ if text.eq_ignore_ascii_case("head") => Err(ParseRevError::Capitals(text.to_owned())),
            _ if is_id_prefix(text) => Ok(Rev::Id(IdPrefix(text.to_ascii_lowercase()))),
            _ => Ok(Rev::Tag(text.parse()?)),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(owner) = &self.owner {
            write!(f, "{owner}:")?;
        }
        write!(f, "{}", self.stack)?;
        if self.rev != Rev::Head {
            write!(f, "@{}", self.rev)?;
        }
        match &self.attachment {
            Some(attachment) => write!(f, "#{attachment}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for OwnerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.context {
            Some(context) => write!(f, "{}/{context}", self.user),
            None => write!(f, "{}", self.user),
        }
    }
}

impl fmt::Display for Rev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rev::Head => f.write_str("head"),
            Rev::Ancestor(n) => write!(f, "head~{n}"),
            Rev::OtherHead(n) => write!(f, "head^{n}"),
            Rev::Tag(tag) => write!(f, "{tag}"),
            Rev::Id(prefix) => f.write_str(&prefix.0),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds serde as text, and the schema of a text, to types with `FromStr` and `Display`.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    )*};
}
use as_text;
as_text!(Reference, Rev, OwnerRef, Selector);

#[cfg(test)]
mod tests;
