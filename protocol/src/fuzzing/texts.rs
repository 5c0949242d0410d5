//! What people and links write: names, references, tickets, parameters.

use data_encoding::BASE32_NOPAD;

use crate::name::{
    AttachmentPath, ContextName, Folded, Petname, StackName, TagName, UserRef, fold_key,
};
use crate::object::Param;
use crate::pair::PairingTicket;
use crate::policy::StackGlob;
use crate::reference::{DspUrl, OwnerRef, Reference, Rev, Selector};
use crate::ticket::Ticket;

/// Reads a text as a type; what is taken is written as something that reads as the same.
fn round<T>(text: &str) -> Option<T>
where
    T: std::str::FromStr + std::fmt::Display + PartialEq + std::fmt::Debug,
    T::Err: std::fmt::Display,
{
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            match written.parse::<T>() {
                Ok(again) => assert_eq!(again, value, "{written}"),
                Err(error) => panic!("`{text}` is written as `{written}`: {error}"),
            }
            Some(value)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Tells whether a path stays in the folder that it is written to, on any system of ours.
pub(super) fn stays_below(path: &str) -> bool {
    let inside = |part: &str| !matches!(part, "" | "." | "..");
    !path.contains(['\\', '\0']) && path.split('/').all(inside)
}

/// Any text as a name of each kind.
pub(super) fn name(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(stack) = round::<StackName>(text) {
        assert!(stays_below(stack.as_str()));
        assert!(stack.as_str().parse::<AttachmentPath>().is_ok());
    }
    round::<TagName>(text);
    round::<ContextName>(text);
    round::<Petname>(text);
    round::<UserRef>(text);
    let path = round::<AttachmentPath>(text);
    let normal = AttachmentPath::normalized(text);
    if let Some(path) = path {
        assert_eq!(normal.as_ref(), Ok(&path), "a path that was read is in normal form");
    }
    if let Ok(path) = normal {
        assert!(stays_below(path.as_str()));
        assert_eq!(round::<AttachmentPath>(path.as_str()), Some(path.clone()));
        let _ = path.portable();
    }
    let key = fold_key(text);
    assert_eq!(fold_key(&key), key, "folding twice changes nothing");
    let mut names = Folded::new();
    assert_eq!(names.insert(text), Ok(true));
    assert_eq!(names.insert(text), Ok(false));
    glob(text);
}

/// A pattern, and a name after the first space.
fn glob(text: &str) {
    let (pattern, name) = text.split_once(' ').unwrap_or((text, text));
    let Some(glob) = round::<StackGlob>(pattern) else { return };
    let matched = glob.matches(name);
    if !pattern.contains(['*', '?']) {
        assert_eq!(matched, pattern == name);
    }
    if name.contains(|c: char| !c.is_ascii()) {
        return;
    }
    let any: StackGlob = "**".parse().expect("a pattern");
    assert!(any.matches(name));
}

/// A reference, each of its parts, and an address.
pub(super) fn reference(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    round::<Rev>(text);
    round::<Selector>(text);
    round::<OwnerRef>(text);
    round::<Reference>(text);
    if let Some(url) = round::<DspUrl>(text) {
        let url: Reference = url.into();
        let written = url.to_string();
        assert_eq!(written.parse::<Reference>().as_ref(), Ok(&url), "{written}");
    }
}

/// The text of a ticket; and, as the four bytes of its sum are not to be guessed, what stands in
/// front of them.
pub(super) fn ticket(input: &[u8]) {
    for text in [std::str::from_utf8(input).ok().map(str::to_owned), Some(summed("dsp1", input))] {
        let Some(Ok(ticket)) = text.map(|text| text.parse::<Ticket>()) else { continue };
        assert_eq!(ticket.check(), Ok(()));
        let written = ticket.to_string();
        let again: Ticket = written.parse().expect("what was written is read");
        assert_eq!(again.to_string(), written);
        assert_eq!((again.context(), again.public()), (ticket.context(), ticket.public()));
    }
}

/// The text of a pairing ticket, or what stands in front of its sum.
pub(super) fn pair_ticket(input: &[u8]) {
    let text = std::str::from_utf8(input).ok().map(str::to_owned);
    for text in [text, Some(summed("dsppair1", input))] {
        let Some(Ok(ticket)) = text.map(|text| text.parse::<PairingTicket>()) else { continue };
        let written = ticket.to_string();
        let again: PairingTicket = written.parse().expect("what was written is read");
        assert_eq!(again.to_string(), written);
        assert_eq!(again.id(), ticket.id());
    }
}

fn summed(prefix: &str, bytes: &[u8]) -> String {
    let sum = blake3::hash(bytes);
    let bytes = [bytes, &sum.as_bytes()[..4]].concat();
    format!("{prefix}{}", BASE32_NOPAD.encode(&bytes))
}

/// A parameter as a person types it, as JSON, and as the CBOR of a frame.
pub(super) fn param(input: &[u8]) {
    if let Ok(value) = crate::cbor::decode(input, usize::MAX)
        && let Ok(param) = Param::from_value(value.clone())
    {
        assert_eq!(param.to_value(), value);
        same_json(&param);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(param) = Param::from_cli(text) {
        same_json(&param);
        let written = param.to_string();
        let again = Param::from_cli(&written);
        assert_eq!(again.as_ref(), Ok(&param), "`{text}` is written as `{written}`");
    }
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(text)
        && let Ok(param) = Param::from_json(&json)
    {
        same_json(&param);
    }
}

/// The JSON of what is within its limits is read as the same.
fn same_json(param: &Param) {
    if param.check().is_ok() {
        let json = param.to_json();
        assert_eq!(Param::from_json(&json).as_ref(), Ok(param), "{json}");
    }
}
