//! Values as people type them: parameters, metrics, durations.

use dsp_protocol::api;
use dsp_protocol::object::Param;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;

use crate::error::Error;

/// Reads `name=value`, where the form of the value says what it is ([`Param::from_cli`]), or
/// `name:=JSON`.
///
/// # Errors
/// Says what is missing.
pub(crate) fn param(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write name=value")?;
    let (name, value) = match name.strip_suffix(':') {
        Some(name) => {
            let json = serde_json::from_str(value);
            (name, json.map_err(|e| format!("after `:=` must be JSON: {e}"))?)
        }
        None => (name, Param::from_cli(value).map_err(|e| e.to_string())?.to_json()),
    };
    match name.is_empty() {
        true => Err("a name is missing before `=`".to_owned()),
        false => Ok((name.to_owned(), value)),
    }
}

/// Reads `name=number`.
///
/// # Errors
/// Says what is wrong.
pub(crate) fn metric(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write name=number")?;
    if name.is_empty() {
        return Err("a name is missing before `=`".to_owned());
    }
    let value = match value.to_ascii_lowercase().as_str() {
        word @ ("nan" | "inf" | "-inf") => word.into(),
        _ => match Param::from_cli(value) {
            Ok(number @ (Param::Int(_) | Param::Float(_))) => number.to_json(),
            Ok(_) | Err(_) => return Err(format!("`{value}` is no number")),
        },
    };
    Ok((name.to_owned(), value))
}

/// Reads how long: `30m`, `12h`, `7d`, `2w`, or `never`, which is 0. In seconds.
///
/// # Errors
/// Says what is allowed.
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    if text == "never" {
        return Ok(0);
    }
    let error = || format!("`{text}` is no time: write 30m, 12h, 7d, 2w or never");
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        Some('w') => 7 * 86_400,
        _ => return Err(error()),
    };
    let number = &text[..text.len() - 1];
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|n| plain && *n > 0).ok_or_else(error)?;
    number.checked_mul(unit).ok_or_else(error)
}

/// Reads a number of bytes, with a unit or without: `1GB` is 10^9, `1GiB` is 2^30.
///
/// # Errors
/// Says what is allowed.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    api::parse_bytes(text)
        .ok_or_else(|| format!("`{text}` is no number of bytes: write 500MB, 1GB or 2GiB"))
}

/// Reads a moment in the past: how long ago (`30m`, `12h`, `7d`, `2w`), or RFC 3339, which the daemon
/// checks. Returns RFC 3339.
///
/// # Errors
/// It is longer ago than there are years.
pub(crate) fn moment_ago(text: &str) -> Result<String, Error> {
    let Ok(seconds @ 1..) = duration(text) else { return Ok(text.to_owned()) };
    let ago = i64::try_from(seconds).ok().map(time::Duration::seconds);
    let moment = ago.and_then(|ago| crate::human::now().checked_sub(ago));
    let text_of = |moment: time::OffsetDateTime| moment.format(&Rfc3339).ok();
    moment.and_then(text_of).ok_or_else(|| Error::usage(format!("`{text}` ago is no time")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        param(&format!("k={text}")).unwrap().1
    }

    #[test]
    fn the_form_of_a_parameter_gives_its_kind() {
        assert_eq!(value("42"), json!(42));
        assert_eq!(value("-7"), json!(-7));
        assert_eq!(value("0.5"), json!(0.5));
        assert_eq!(value("1e-3"), json!(0.001));
        assert_eq!(value("true"), json!(true));
        assert_eq!(value("null"), json!(null));
        assert_eq!(value("nan"), json!({"t": "f", "v": "nan"}));
        assert_eq!(value("2026-11-16"), json!({"t": "date", "v": "2026-11-16"}));
        assert_eq!(value("09:30:00"), json!({"t": "time", "v": "09:30:00"}));
        assert_eq!(value("[1, 2]"), json!({"t": "json", "v": [1, 2]}));
        let moment = "2026-11-16T09:30:00+01:00";
        assert_eq!(value(moment), json!({"t": "datetime", "v": moment}));
        for text in ["EU", "", "007", "+1", "1_000", "-0", ".5", "1.", "1e999", "2026-13-01", "\"x"]
        {
            assert_eq!(value(text), json!(text));
        }
        assert_eq!(value("99999999999999999999"), json!("99999999999999999999"));
    }

    #[test]
    fn quotes_force_text_and_colons_json() {
        assert_eq!(value("\"42\""), json!("42"));
        assert_eq!(value("'true'"), json!("true"));
        assert_eq!(param("a=b=c").unwrap(), ("a".into(), json!("b=c")));
        assert_eq!(param("a:=[1, 2]").unwrap(), ("a".into(), json!([1, 2])));
        assert!(param("a:=[1").is_err());
        assert!(param("a").is_err());
        assert!(param("=1").is_err());
    }

    #[test]
    fn metrics_are_numbers() {
        assert_eq!(metric("loss=0.25").unwrap(), ("loss".into(), json!(0.25)));
        assert_eq!(metric("n=3").unwrap().1, json!(3));
        assert_eq!(metric("loss=NaN").unwrap().1, json!("nan"));
        assert!(metric("loss=low").is_err());
    }

    #[test]
    fn numbers_of_bytes() {
        assert_eq!(bytes("17"), Ok(17));
        assert_eq!(bytes("1GB"), Ok(1_000_000_000));
        assert_eq!(bytes("2 GiB"), Ok(2 << 30));
        for bad in ["", "GB", "-1", "1.5GB", "1XB", "99999999999TB", "é"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("30m"), Ok(1800));
        assert_eq!(duration("12h"), Ok(43_200));
        assert_eq!(duration("7d"), Ok(604_800));
        assert_eq!(duration("2w"), Ok(1_209_600));
        assert_eq!(duration("never"), Ok(0));
        for bad in ["", "7", "d", "0d", "-1d", "1.5h", "7 d", "7y", "é", "99999999999999999w"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
