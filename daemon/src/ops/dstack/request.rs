//! What dstack's clients send: the union of all versions. Fields that nobody needs are passed over.

use std::fmt;

use data_encoding::{BASE64, DecodeError};
use dsp_protocol::limits::FRAME_FILES;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// `POST /stacks/push`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PushRequest {
    /// `user/name`.
    #[serde(default)]
    pub stack: String,
    /// What the client calls the frame.
    #[serde(default)]
    pub id: String,
    /// Milliseconds since 1970; a number, or from R a text.
    #[serde(default, deserialize_with = "millis")]
    pub timestamp: Option<i64>,
    /// The message, of clients before 0.5 and of R.
    #[serde(default)]
    pub message: Option<String>,
    /// Parameters of the frame; may be null.
    #[serde(default, deserialize_with = "map")]
    pub params: Option<Map<String, Value>>,
    /// What made it.
    #[serde(default, deserialize_with = "map")]
    pub settings: Option<Map<String, Value>>,
    /// `private`, `internal` or `public`.
    #[serde(default)]
    pub access: Option<String>,
    /// The encryption, which no client ever had.
    #[serde(default)]
    pub encryption: Option<Value>,
    /// The attachments.
    #[serde(default, deserialize_with = "attachments")]
    pub attachments: Option<Vec<AttachmentRequest>>,
    /// Which attachment of the frame the only one here is.
    #[serde(default, deserialize_with = "whole")]
    pub index: Option<u64>,
    /// How many attachments the frame has: no more come.
    #[serde(default, deserialize_with = "whole")]
    pub size: Option<u64>,
    /// The application of attachments that name none.
    #[serde(default)]
    pub application: Option<String>,
    /// The media type of attachments that name none.
    #[serde(default)]
    pub content_type: Option<String>,
}

/// An attachment of a push.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AttachmentRequest {
    /// The media type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// What opens it.
    #[serde(default)]
    pub application: Option<String>,
    /// Both in one, of clients before 0.4 and of R.
    #[serde(default, rename = "type")]
    pub legacy: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// What tells it from the others.
    #[serde(default, deserialize_with = "map")]
    pub params: Option<Map<String, Value>>,
    /// How it was encoded.
    #[serde(default, deserialize_with = "map")]
    pub settings: Option<Map<String, Value>>,
    /// The bytes as base64; what is no base64 is an error of its attachment.
    #[serde(default, deserialize_with = "data")]
    pub data: Option<Result<Vec<u8>, DecodeError>>,
    /// How many bytes are uploaded later.
    #[serde(default, deserialize_with = "whole")]
    pub length: Option<u64>,
}

/// `POST /stacks/access`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AccessRequest {
    /// `user/name`.
    #[serde(default)]
    pub stack: String,
}

/// `POST /stacks/create`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CreateRequest {
    /// The user.
    #[serde(default)]
    pub user: String,
    /// The stack.
    #[serde(default)]
    pub name: String,
    /// Whether only I may read it.
    #[serde(default)]
    pub private: Option<bool>,
    /// Who may read it.
    #[serde(default)]
    pub access_level: Option<String>,
    /// A text about it.
    #[serde(default)]
    pub readme: Option<String>,
}

/// `POST /stacks/delete`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DeleteRequest {
    /// The user.
    #[serde(default)]
    pub user: String,
    /// The stack.
    #[serde(default)]
    pub name: String,
}

/// `POST /stacks/update`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct UpdateRequest {
    /// `user/name`.
    #[serde(default)]
    pub stack: String,
    /// Whether only I may read it.
    #[serde(default)]
    pub private: Option<bool>,
    /// Who may read it.
    #[serde(default)]
    pub access_level: Option<String>,
    /// The frame to go back to.
    #[serde(default)]
    pub head: Option<String>,
    /// A text about it.
    #[serde(default)]
    pub readme: Option<String>,
}

/// `POST /dashboards/create`, `/update` and `/delete`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DashboardRequest {
    /// The user.
    #[serde(default)]
    pub user: String,
    /// The dashboard; of a new one nothing.
    #[serde(default)]
    pub id: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether only I may read it.
    #[serde(default)]
    pub private: Option<bool>,
}

/// `POST /dashboards/cards/insert`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CardsRequest {
    /// The user.
    #[serde(default)]
    pub user: String,
    /// The dashboard.
    #[serde(default)]
    pub dashboard: String,
    /// Before which card; at the end where there is none.
    #[serde(default, deserialize_with = "whole")]
    pub index: Option<u64>,
    /// The cards.
    #[serde(default)]
    pub cards: Vec<NewCardRequest>,
}

/// A card that is put on a dashboard.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NewCardRequest {
    /// `user/name`.
    #[serde(default)]
    pub stack: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// What is said below the title.
    #[serde(default)]
    pub description: Option<String>,
    /// How wide it is: 1 or 2.
    #[serde(default, deserialize_with = "whole")]
    pub columns: Option<u64>,
}

/// `POST /dashboards/cards/update` and `/delete`, which takes no more than the first three.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CardRequest {
    /// The user.
    #[serde(default)]
    pub user: String,
    /// The dashboard.
    #[serde(default)]
    pub dashboard: String,
    /// The stack of the card, as `user/name`.
    #[serde(default)]
    pub stack: String,
    /// At which place it comes.
    #[serde(default, deserialize_with = "whole")]
    pub index: Option<u64>,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// What is said below the title.
    #[serde(default)]
    pub description: Option<String>,
    /// How wide it is: 1 or 2.
    #[serde(default, deserialize_with = "whole")]
    pub columns: Option<u64>,
}

/// `POST /stacks/comments/create`, `/edit` and `/delete`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CommentRequest {
    /// The comment; of a new one nothing.
    #[serde(default)]
    pub id: String,
    /// The stack of a new one, as `user/name`.
    #[serde(default)]
    pub stack: String,
    /// What it says.
    #[serde(default)]
    pub text: String,
}

/// `POST /permissions/add` and `/permissions/delete`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PermissionRequest {
    /// `user/stack`, or `user/d/dashboard`.
    #[serde(default)]
    pub path: String,
    /// Whom, by name.
    #[serde(default)]
    pub user: Option<String>,
    /// Whom, by address.
    #[serde(default)]
    pub email: Option<String>,
}

/// `POST /users/update/settings`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SettingsRequest {
    /// The user.
    #[serde(default)]
    pub user: String,
    /// What is about stacks.
    #[serde(default)]
    pub general: Option<GeneralSettings>,
    /// What mail comes, by its name.
    #[serde(default)]
    pub notifications: Option<Map<String, Value>>,
}

/// The part of the settings that is about stacks.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct GeneralSettings {
    /// Who may read new stacks.
    #[serde(default)]
    pub default_access_level: Option<String>,
}

/// `POST /users/info` and `/users/update/token`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct InfoRequest {
    /// The user.
    #[serde(default)]
    pub user: String,
}

/// Reads attachments, no more of them than a frame has: each takes much more than it is written
/// with.
fn attachments<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<AttachmentRequest>>, D::Error> {
    struct Few;

    impl<'de> Visitor<'de> for Few {
        type Value = Option<Vec<AttachmentRequest>>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a list of attachments")
        }

        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = list.next_element()? {
                if all.len() == FRAME_FILES {
                    let why = format!("a frame has 1 to {FRAME_FILES} attachments");
                    return Err(A::Error::custom(why));
                }
                all.push(one);
            }
            Ok(Some(all))
        }
    }

    from.deserialize_any(Few)
}

/// Reads base64, and decodes it where it lies.
fn data<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Result<Vec<u8>, DecodeError>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| decoded(text.into_bytes())))
}

/// Decodes base64, which R breaks into lines, into the room that it takes itself.
fn decoded(mut text: Vec<u8>) -> Result<Vec<u8>, DecodeError> {
    /// Base64 is decoded four letters at a time.
    const PIECE: usize = 4 << 10;
    text.retain(|letter| !matches!(letter, b'\n' | b'\r'));
    let mut piece = [0; PIECE / 4 * 3];
    let (mut from, mut to) = (0, 0);
    while from < text.len() {
        let end = text.len().min(from + PIECE);
        let room = BASE64.decode_len(end - from).map_err(|error| at(error, from))?;
        let written = BASE64.decode_mut(&text[from..end], &mut piece[..room]);
        let written = written.map_err(|partial| at(partial.error, from))?;
        text[to..to + written].copy_from_slice(&piece[..written]);
        (from, to) = (end, to + written);
    }
    text.truncate(to);
    text.shrink_to_fit();
    Ok(text)
}

/// Says where in the whole text an error is.
fn at(error: DecodeError, from: usize) -> DecodeError {
    DecodeError { position: error.position + from, ..error }
}

/// Reads a number of things, which R writes as `6e+06` where that is shorter.
fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    /// Beyond it a float does not hold every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let Some(number) = Option::<serde_json::Number>::deserialize(from)? else { return Ok(None) };
    let float = number.as_f64().filter(|f| f.fract() == 0.0 && (0.0..=EXACT).contains(f));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was looked at")]
    let whole = number.as_u64().or_else(|| float.map(|f| f as u64));
    let wrong = || D::Error::custom(format!("`{number}` is no number of things"));
    whole.map(Some).ok_or_else(wrong)
}

/// Reads a map, which R writes as a list where it is empty.
fn map<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Map<String, Value>>, D::Error> {
    match Option::<Value>::deserialize(from)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(Value::Array(list)) if list.is_empty() => Ok(None),
        Some(_) => Err(D::Error::custom("`params` and `settings` are maps")),
    }
}

/// Reads a time that is a number, or a number in a text.
fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let number = |number: &serde_json::Number| {
        // R writes large numbers as floats; none of these is beyond what a float holds exactly.
        #[expect(clippy::cast_possible_truncation, reason = "a float is cut at the bounds")]
        let float = |f: f64| f as i64;
        number.as_i64().or_else(|| number.as_f64().map(float))
    };
    match Option::<Value>::deserialize(from)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(told)) => Ok(number(&told)),
        Some(Value::String(text)) => {
            let told: serde_json::Number = text
                .trim()
                .parse()
                .map_err(|_| D::Error::custom("`timestamp` is no number of milliseconds"))?;
            Ok(number(&told))
        }
        Some(_) => Err(D::Error::custom("`timestamp` is no number of milliseconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_where_it_lies() {
        let bytes: Vec<u8> = (0..20_000u32).map(|n| (n * 7 % 251) as u8).collect();
        for length in [0, 1, 2, 3, 3_071, 3_072, 3_073, 9_999, 20_000] {
            let mut text = BASE64.encode(&bytes[..length]).into_bytes();
            assert_eq!(decoded(text.clone()).expect("base64"), &bytes[..length]);
            // As R breaks it.
            for at in (0..text.len()).step_by(76).rev() {
                text.splice(at..at, *b"\r\n");
            }
            assert_eq!(decoded(text).expect("base64"), &bytes[..length]);
        }
        let mut wrong = BASE64.encode(&bytes).into_bytes();
        wrong[10_001] = b'!';
        assert_eq!(decoded(wrong).expect_err("no base64").position, 10_001);
        assert!(decoded(b"AAA".to_vec()).is_err());
    }
}
