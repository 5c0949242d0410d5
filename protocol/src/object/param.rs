//! Parameters: the small typed values by which frames and attachments are told apart.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::BASE64_NOPAD;
use serde_json::Value as Json;

use super::metric::{float_value, special_float};
use super::{Date, DateTime, MomentError, Time, check_label, check_value};
use crate::cbor::{self, FieldError, Map, Value};
use crate::limits::{CBOR_DEPTH, PARAM_NAME_BYTES, PARAM_TEXT_BYTES, PARAMS, SETTINGS_DEPTH};

/// Parameters by name.
pub type Params = BTreeMap<String, Param>;

/// The value of a parameter.
///
/// Text, integers, finite floats, truth values and null are themselves, in CBOR and in JSON; the
/// others are `{t, v}` maps. Two are equal when they are written the same, so `NaN` equals `NaN`
/// and 1 is not 1.0.
#[derive(Clone, Debug)]
pub enum Param {
    /// Nothing, which is not the same as no parameter.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float; those that are no finite number are written `{t:"f", v:"nan"|"inf"|"-inf"}`.
    Float(f64),
    /// Text of at most 4 KiB.
    Text(String),
    /// A day, `{t:"date", v}`.
    Date(Date),
    /// A time of day, `{t:"time", v}`.
    Time(Time),
    /// A moment with its offset, `{t:"datetime", v}`.
    DateTime(DateTime),
    /// A tab of the viewer, `{t:"tab", v}`: its title, else null, and the parameter's name shows.
    Tab(Option<String>),
    /// Anything that JSON can say, `{t:"json", v}`, of at most 4 KiB in CBOR and eight levels.
    Json(Json),
    /// A kind of a later version, kept as it came.
    Unknown(Unknown),
}

/// A parameter whose `t` is not known here: kept, shown as it is, and passed on.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown(Map);

impl Unknown {
    /// Returns what the parameter says it is.
    pub fn kind(&self) -> &str {
        match self.0.get("t") {
            Some(Value::Text(kind)) => kind,
            _ => unreachable!("a parameter with an unknown kind has one"),
        }
    }

    /// Returns the whole map, `t` included.
    pub fn as_map(&self) -> &Map {
        &self.0
    }
}

/// A value is no parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// More bytes than a parameter may have.
    #[error("{actual} bytes exceed the limit of {PARAM_TEXT_BYTES}; push it as a file instead")]
    TooLong {
        /// Bytes that came.
        actual: usize,
    },
    /// Of no kind that a parameter can be.
    #[error("{0}")]
    Kind(String),
    /// No such date or time.
    #[error("{0}")]
    Moment(#[from] MomentError),
}

impl PartialEq for Param {
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}

impl Param {
    /// Returns the CBOR value.
    pub fn to_value(&self) -> Value {
        let typed = |t: &str, v: Value| Map::new().with("t", t).with("v", v).into();
        match self {
            Param::Null => Value::Null,
            Param::Bool(bool) => Value::Bool(*bool),
            Param::Int(int) => Value::from(*int),
            Param::Float(float) => float_value(*float),
            Param::Text(text) => text.as_str().into(),
            Param::Date(date) => typed("date", date.as_str().into()),
            Param::Time(time) => typed("time", time.as_str().into()),
            Param::DateTime(moment) => typed("datetime", moment.as_str().into()),
            Param::Tab(title) => typed("tab", title.as_deref().map_or(Value::Null, Value::from)),
            // A number that CBOR cannot hold does not come out of a parser of JSON.
            Param::Json(json) => typed("json", from_json(json).unwrap_or(Value::Null)),
            Param::Unknown(unknown) => unknown.0.clone().into(),
        }
    }

    /// Reads a parameter out of a CBOR value.
    ///
    /// # Errors
    /// [`ParamError`], also for a known kind whose value does not fit it.
    pub fn from_value(value: Value) -> Result<Self, ParamError> {
        let param = match value {
            Value::Null => Param::Null,
            Value::Bool(bool) => Param::Bool(bool),
            Value::Int(_) => Param::Int(value.into_i64().map_err(ParamError::Kind)?),
            Value::Float(float) => Param::Float(float),
            Value::Text(text) => Param::Text(text),
            Value::Map(map) => Param::from_typed(map)?,
            Value::Bytes(_) | Value::List(_) => {
                return Err(ParamError::Kind(format!("{} is no parameter", value.type_name())));
            }
        };
        param.check()?;
        Ok(param)
    }

    fn from_typed(map: Map) -> Result<Self, ParamError> {
        let Some(Value::Text(kind)) = map.get("t") else {
            return Err(ParamError::Kind("a map without a text `t` is no parameter".to_owned()));
        };
        // A known kind with more keys than `v` is one of a later version.
        let v = match map.get("v") {
            Some(v) if map.len() == 2 => v,
            _ => return Ok(Param::Unknown(Unknown(map))),
        };
        let text = || v.clone().into_text(PARAM_TEXT_BYTES).map_err(ParamError::Kind);
        Ok(match kind.as_str() {
            "f" => Param::Float(special_float(&map).map_err(ParamError::Kind)?),
            "date" => Param::Date(text()?.parse()?),
            "time" => Param::Time(text()?.parse()?),
            "datetime" => Param::DateTime(text()?.parse()?),
            "tab" if *v == Value::Null => Param::Tab(None),
            "tab" => Param::Tab(Some(text()?)),
            "json" if has_bytes(v) => {
                return Err(ParamError::Kind("JSON holds no bytes".to_owned()));
            }
            "json" => {
                let json = to_json(v);
                if from_json(&json).as_ref() != Ok(v) {
                    return Err(ParamError::Kind("an integer is too large for JSON".to_owned()));
                }
                Param::Json(json)
            }
            _ => Param::Unknown(Unknown(map)),
        })
    }

    /// Checks the limits.
    ///
    /// # Errors
    /// [`ParamError`] with the size, or the depth.
    pub fn check(&self) -> Result<(), ParamError> {
        let free = |value: &Value| -> Result<usize, ParamError> {
            check_value(value, SETTINGS_DEPTH).map_err(ParamError::Kind)?;
            Ok(cbor::encode(value).len())
        };
        let size = match self {
            Param::Text(text) | Param::Tab(Some(text)) => text.len(),
            Param::Json(json) => free(&from_json(json).map_err(ParamError::Kind)?)?,
            Param::Unknown(unknown) => free(&Value::Map(unknown.0.clone()))?,
            Param::Null
            | Param::Bool(_)
            | Param::Int(_)
            | Param::Float(_)
            | Param::Date(_)
            | Param::Time(_)
            | Param::DateTime(_)
            | Param::Tab(None) => 0,
        };
        match size {
            actual if actual > PARAM_TEXT_BYTES => Err(ParamError::TooLong { actual }),
            _ => Ok(()),
        }
    }

    /// Reads what a person types after `--param name=`.
    ///
    /// The first rule that fits decides:
    /// 1. `"…"` is text, read as a JSON string; `'…'` is the text between the quotes.
    /// 2. `null`, `true` and `false` are themselves; `nan`, `inf` and `-inf` are floats.
    /// 3. `0`, `-7`, `42` are integers where 64 bits hold them; `0.5`, `-1e-3` are floats where
    ///    they stay finite. Whatever loses something as a number stays text: `007`, `+1`, `1_000`,
    ///    `-0`, `.5`, an account number of thirty digits.
    /// 4. `2026-11-16` is a date, `09:30:00` a time, `2026-11-16T09:30:00+01:00` both; other ways
    ///    to write them are text.
    /// 5. A JSON list or object is that; `{"t":…}` is a parameter in its JSON form.
    /// 6. All else is text.
    ///
    /// # Errors
    /// [`ParamError`] for what is too long, or a `{"t":…}` that does not fit its kind.
    pub fn from_cli(text: &str) -> Result<Self, ParamError> {
        let param = match text {
            "null" => Some(Param::Null),
            "true" => Some(Param::Bool(true)),
            "false" => Some(Param::Bool(false)),
            "nan" => Some(Param::Float(f64::NAN)),
            "inf" => Some(Param::Float(f64::INFINITY)),
            "-inf" => Some(Param::Float(f64::NEG_INFINITY)),
            _ => quoted(text).map(Param::Text).or_else(|| number(text)),
        };
        let param = param
            .or_else(|| text.parse().ok().map(Param::Date))
            .or_else(|| text.parse().ok().map(Param::Time))
            .or_else(|| text.parse().ok().map(Param::DateTime));
        let param = match param {
            Some(param) => param,
            None if text.starts_with(['[', '{']) => match serde_json::from_str::<Json>(text) {
                Ok(json) => Param::from_json(&json)?,
                Err(_) => Param::Text(text.to_owned()),
            },
            None => Param::Text(text.to_owned()),
        };
        param.check()?;
        Ok(param)
    }

    /// Reads the JSON form: plain values, `{"t":…, "v":…}`; any other list or object is
    /// [`Param::Json`].
    ///
    /// # Errors
    /// As [`from_value`](Self::from_value).
    pub fn from_json(json: &Json) -> Result<Self, ParamError> {
        let value = from_json(json).map_err(ParamError::Kind)?;
        let param = match value {
            Value::Map(map) if matches!(map.get("t"), Some(Value::Text(_))) => {
                match Param::from_typed(map)? {
                    Param::Unknown(unknown) => {
                        let map = unknown.0.into_iter();
                        Param::Unknown(Unknown(map.map(|(k, v)| (k, restore_bytes(v))).collect()))
                    }
                    known => known,
                }
            }
            Value::Map(_) | Value::List(_) => Param::Json(json.clone()),
            plain => Param::from_value(plain)?,
        };
        param.check()?;
        Ok(param)
    }

    /// Returns the JSON form. Bytes, which only an unknown kind can hold, are
    /// `{"/": {"bytes": base64}}`.
    pub fn to_json(&self) -> Json {
        to_json(&self.to_value())
    }
}

/// Writes what [`Param::from_cli`] reads back as this parameter.
impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Param::Null => f.write_str("null"),
            Param::Bool(bool) => write!(f, "{bool}"),
            Param::Int(int) => write!(f, "{int}"),
            // The debug form of a finite float has a point or an exponent, and round-trips.
            Param::Float(float) if float.is_finite() => write!(f, "{float:?}"),
            Param::Float(float) if float.is_nan() => f.write_str("nan"),
            Param::Float(float) => f.write_str(if *float > 0.0 { "inf" } else { "-inf" }),
            Param::Text(text) => match Param::from_cli(text) {
                Ok(Param::Text(same)) if same == *text => f.write_str(text),
                _ => write!(f, "{}", Json::from(text.as_str())),
            },
            Param::Date(date) => write!(f, "{date}"),
            Param::Time(time) => write!(f, "{time}"),
            Param::DateTime(moment) => write!(f, "{moment}"),
            Param::Tab(_) | Param::Json(_) | Param::Unknown(_) => write!(f, "{}", self.to_json()),
        }
    }
}

fn quoted(text: &str) -> Option<String> {
    if text.len() >= 2 && text.starts_with('\'') && text.ends_with('\'') {
        return Some(text[1..text.len() - 1].to_owned());
    }
    text.starts_with('"').then(|| serde_json::from_str(text).ok())?
}

/// Reads a number that is written as JSON writes it; `-0` is no integer.
fn number(text: &str) -> Option<Param> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if whole == 0 || (whole > 1 && digits.starts_with('0')) || text == "-0" {
        return None;
    }
    let rest = &digits[whole..];
    if rest.is_empty() {
        return text.parse().ok().map(Param::Int);
    }
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fraction_ok = fraction.is_empty() || fraction.strip_prefix('.').is_some_and(all_digits);
    let exponent_ok = exponent.is_none_or(|e| all_digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    let float: f64 = text.parse().ok().filter(|_| fraction_ok && exponent_ok)?;
    float.is_finite().then_some(Param::Float(float))
}

/// Returns the JSON of a value.
/// Returns the JSON of a value. Bytes are `{"/": {"bytes": base64}}`.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
            (Ok(int), _) => int.into(),
            (_, Ok(int)) => int.into(),
            _ => (*int as f64).into(),
        },
        Value::Float(float) => Json::from(*float),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => {
            serde_json::json!({ "/": { "bytes": BASE64_NOPAD.encode(bytes) } })
        }
        Value::List(list) => list.iter().map(to_json).collect(),
        Value::Map(map) => map.iter().map(|(k, v)| (k.to_owned(), to_json(v))).collect(),
    }
}

/// Returns the value that JSON writes.
///
/// # Errors
/// Says that a number is out of range, or that it is nested too deep.
pub fn from_json(json: &Json) -> Result<Value, String> {
    from_json_within(json, CBOR_DEPTH)
}

fn from_json_within(json: &Json, depth: usize) -> Result<Value, String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err("nested too deep".to_owned());
    };
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), ..) => int.into(),
            (_, Some(int), _) => int.into(),
            (_, _, Some(float)) if float.is_finite() => Value::Float(float),
            _ => return Err(format!("{number} is out of range")),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(list) => {
            let list: Result<_, _> = list.iter().map(|v| from_json_within(v, depth)).collect();
            Value::List(list?)
        }
        Json::Object(map) => {
            let entry = |(k, v): (&String, _)| Ok((k.clone(), from_json_within(v, depth)?));
            Value::Map(map.iter().map(entry).collect::<Result<_, String>>()?)
        }
    })
}

/// Undoes what [`to_json`] did to bytes.
fn restore_bytes(value: Value) -> Value {
    match value {
        Value::List(list) => Value::List(list.into_iter().map(restore_bytes).collect()),
        Value::Map(map) => {
            if let (1, Some(Value::Map(inner))) = (map.len(), map.get("/"))
                && let (1, Some(Value::Text(text))) = (inner.len(), inner.get("bytes"))
                && let Ok(bytes) = BASE64_NOPAD.decode(text.as_bytes())
            {
                return Value::Bytes(bytes);
            }
            Value::Map(map.into_iter().map(|(k, v)| (k, restore_bytes(v))).collect())
        }
        plain => plain,
    }
}

fn has_bytes(value: &Value) -> bool {
    match value {
        Value::Bytes(_) => true,
        Value::List(list) => list.iter().any(has_bytes),
        Value::Map(map) => map.iter().any(|(_, v)| has_bytes(v)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => false,
    }
}

pub(super) fn params_from_value(value: Value) -> Result<Params, String> {
    let entries = value.into_map()?.into_iter();
    let param = |(name, value)| match Param::from_value(value) {
        Ok(param) => Ok((name, param)),
        Err(reason) => Err(format!("`{name}`: {reason}")),
    };
    entries.map(param).collect()
}

pub(super) fn params_value(params: &Params) -> Option<Map> {
    let entries = params.iter().map(|(name, param)| (name.clone(), param.to_value()));
    (!params.is_empty()).then(|| entries.collect())
}

pub(super) fn check_params(params: &Params) -> Result<(), FieldError> {
    super::check_len("params", params.len(), PARAMS)?;
    params.iter().try_for_each(|(name, param)| {
        check_label("params", name, PARAM_NAME_BYTES)?;
        param.check().map_err(|e| FieldError::invalid("params", format!("`{name}`: {e}")))
    })
}

impl serde::Serialize for Param {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(s)
    }
}

impl<'de> serde::Deserialize<'de> for Param {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let json = <Json as serde::Deserialize>::deserialize(d)?;
        Param::from_json(&json).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Param {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Param {}
