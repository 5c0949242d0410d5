//! Names that people give: parsed at the edge, trusted inside.
//!
//! A name is a label, never an identity. What a name may hold is decided here and nowhere else:
//! the grammar of [references](crate::reference) counts on it (no name holds the sign that would
//! end it), as do file systems (no name is a device of Windows or climbs out of its folder) and
//! readers (no name shows other text than it holds).

mod fold;
mod path;
mod rule;

use std::fmt;
use std::str::FromStr;

pub use self::fold::{Collision, Folded, fold_key};
pub(crate) use self::path::check_segment;
pub use self::path::{AttachmentPath, NotPortable};
pub use self::rule::{NameError, NameRule};
pub(crate) use self::rule::{check_hidden, is_device_name};
use crate::limits::{NAME_BYTES, STACK_NAME_BYTES};

/// Adds the text forms of a name that wraps a checked `String`.
macro_rules! text_forms {
    ($name:ident, $kind:literal, $limit:expr) => {
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::name::NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match Self::check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(rule) => Err($crate::name::NameError::new($kind, text, rule)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::name::NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                match Self::check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(rule) => Err($crate::name::NameError::new($kind, &text, rule)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                Self::try_from(text).map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .min_length(Some(1))
                    .max_length(Some($limit))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use text_forms;

/// The name of a stack: a path of ASCII segments, `sales/weekly`.
///
/// 1 to 255 of the letters, digits, `-`, `_`, `.` and `/`; each segment begins with a letter, a
/// digit or `_`, does not end in `.`, and is no device name of Windows. No two names of one user
/// in one context differ only in case; [`fold_key`] tells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackName(String);
text_forms!(StackName, "stack name", STACK_NAME_BYTES);

impl StackName {
    fn check(text: &str) -> Result<(), NameRule> {
        rule::check_length(text, STACK_NAME_BYTES)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if let Some(other) = text.chars().find(|c| !allowed(*c)) {
            return Err(match other.is_control() {
                true => NameRule::Hidden(other),
                false => NameRule::StackCharacter(other),
            });
        }
        for segment in text.split('/') {
            match segment.chars().next() {
                None => return Err(NameRule::EmptySegment),
                Some(c) if c.is_ascii_alphanumeric() || c == '_' => {}
                Some(c) => return Err(NameRule::SegmentBegins(c)),
            }
            if segment.ends_with('.') {
                return Err(NameRule::SegmentEndsInDot);
            }
            if is_device_name(segment) {
                return Err(NameRule::DeviceName(segment.to_owned()));
            }
        }
        Ok(())
    }

    /// Returns the segments in order; there is at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

/// A tag: a movable label on a frame, written `@v1`.
///
/// 1 to 64 bytes; none of `~ ^ @ # :`, which would end it in a reference; not `head` and not 6 to
/// 64 hexadecimal digits, which name other frames there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(String);
text_forms!(TagName, "tag", NAME_BYTES);

impl TagName {
    fn check(text: &str) -> Result<(), NameRule> {
        check_label(text, &['~', '^', '@', '#', ':'])?;
        if text.eq_ignore_ascii_case("head") {
            return Err(NameRule::Reserved("head"));
        }
        if is_id_prefix(text) {
            return Err(NameRule::LooksLikeId);
        }
        Ok(())
    }
}

/// Tells whether a text reads as the beginning of a frame's id: 6 to 64 hexadecimal digits.
pub(crate) fn is_id_prefix(text: &str) -> bool {
    (6..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The name of a context.
///
/// 1 to 64 bytes; none of `/ : #`, which would end it in a reference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextName(String);
text_forms!(ContextName, "context name", NAME_BYTES);

impl ContextName {
    fn check(text: &str) -> Result<(), NameRule> {
        check_label(text, &['/', ':', '#'])
    }
}

/// The name by which a user is known on this machine, and by no other.
///
/// 1 to 64 bytes; none of `/ : #`; not `me`, which is always oneself, nor the 64 digits of a
/// user's id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Petname(String);
text_forms!(Petname, "petname", NAME_BYTES);

impl Petname {
    fn check(text: &str) -> Result<(), NameRule> {
        check_label(text, &['/', ':', '#'])?;
        if text.eq_ignore_ascii_case("me") {
            return Err(NameRule::Reserved("me"));
        }
        if text.len() == 64 && is_id_prefix(text) {
            return Err(NameRule::LooksLikeId);
        }
        Ok(())
    }
}

/// Checks what tags, contexts and petnames have in common.
fn check_label(text: &str, ends_it: &[char]) -> Result<(), NameRule> {
    rule::check_length(text, NAME_BYTES)?;
    check_hidden(text)?;
    if let Some(c) = text.chars().find(|c| ends_it.contains(c)) {
        return Err(NameRule::Character(c));
    }
    if text.starts_with('-') {
        return Err(NameRule::LeadingDash);
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(NameRule::OuterSpace);
    }
    if text == "." || text == ".." {
        return Err(NameRule::DotSegment);
    }
    Ok(())
}

/// The user in a reference: oneself, someone by petname, or anyone by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserRef {
    /// The user of this daemon, written `me`.
    Me,
    /// A user by the name she has on this machine.
    Petname(Petname),
    /// A user by id; the only form that means the same on every machine.
    Id(crate::id::UserId),
}

impl FromStr for UserRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "me" {
            return Ok(UserRef::Me);
        }
        match text.parse() {
            Ok(id) => Ok(UserRef::Id(id)),
            Err(_) => text.parse().map(UserRef::Petname),
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserRef::Me => f.pad("me"),
            UserRef::Petname(name) => name.fmt(f),
            UserRef::Id(id) => id.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
