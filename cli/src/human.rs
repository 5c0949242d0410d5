//! Sizes, counts and times as people write them.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::output::clean;

/// How many of many names are told.
const NAMED: usize = 10;

/// Returns a size in decimal units with two or three digits: `999 B`, `1.2 kB`, `41 MB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    for unit in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        value /= 1000.0;
        if value < 9.95 {
            return format!("{value:.1} {unit}");
        }
        if value < 999.5 || unit == "EB" {
            return format!("{value:.0} {unit}");
        }
    }
    unreachable!("the last unit takes everything")
}

/// Returns a number with its word: `1 file`, `2 files`.
pub(crate) fn count(n: u64, word: &str) -> String {
    match n {
        1 => format!("1 {word}"),
        _ => format!("{n} {word}s"),
    }
}

/// Returns how long something took: `0.2 s`, `12 s`, `3 min`.
pub(crate) fn took(duration: Duration) -> String {
    match duration.as_secs_f64() {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s => format!("{:.0} min", s / 60.0),
    }
}

/// Returns how long ago a moment was: `now`, `3 min ago`, `2 d ago`; a date after a month.
pub(crate) fn ago(rfc3339: &str, now: OffsetDateTime) -> String {
    let Ok(then) = OffsetDateTime::parse(rfc3339, &Rfc3339) else { return rfc3339.to_owned() };
    let seconds = (now - then).whole_seconds();
    match seconds {
        -60..60 => "now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        86_400..2_592_000 => format!("{} d ago", seconds / 86_400),
        _ => then.format(format_description!("[year]-[month]-[day]")).unwrap_or_default(),
    }
}

/// Tells whether a moment is over.
pub(crate) fn is_past(rfc3339: &str) -> bool {
    OffsetDateTime::parse(rfc3339, &Rfc3339).is_ok_and(|then| then < now())
}

/// Returns when a moment was or will be, to the minute: `2026-11-16 09:30 UTC`.
pub(crate) fn moment(rfc3339: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let Ok(then) = OffsetDateTime::parse(rfc3339, &Rfc3339) else { return rfc3339.to_owned() };
    then.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| rfc3339.to_owned())
}

/// Returns now, for [`ago`].
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Returns a parameter or metric as a person would type it.
pub(crate) fn value(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => match (map.get("t"), map.get("v")) {
            (Some(Value::String(_)), Some(Value::String(text))) => text.clone(),
            (Some(Value::String(_)), Some(inner)) => inner.to_string(),
            _ => value.to_string(),
        },
        _ => value.to_string(),
    }
}

/// Returns the first of `total` names, safe for a terminal, and `…` where there are more.
pub(crate) fn some(names: &[impl AsRef<str>], total: u64) -> Vec<String> {
    let told = names.iter().take(NAMED).map(|name| clean(name.as_ref()));
    told.chain((total > NAMED as u64).then(|| "…".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn sizes() {
        let sizes = [0, 999, 1000, 1249, 9_949, 9_950, 999_499, 999_500, 41_200_000, u64::MAX];
        let expected = [
            "0 B", "999 B", "1.0 kB", "1.2 kB", "9.9 kB", "10 kB", "999 kB", "1.0 MB", "41 MB",
            "18 EB",
        ];
        assert_eq!(sizes.map(size), expected);
    }

    #[test]
    fn times() {
        let now = datetime!(2026-11-16 12:00 UTC);
        assert_eq!(ago("2026-11-16T11:59:30Z", now), "now");
        assert_eq!(ago("2026-11-16T11:57:00Z", now), "3 min ago");
        assert_eq!(ago("2026-11-16T14:00:00+05:00", now), "3 h ago");
        assert_eq!(ago("2026-11-14T11:00:00Z", now), "2 d ago");
        assert_eq!(ago("2026-01-01T00:00:00Z", now), "2026-01-01");
        assert_eq!(ago("whenever", now), "whenever");
        assert_eq!(moment("2026-11-16T09:30:11+01:00"), "2026-11-16 08:30 UTC");
        assert_eq!(took(Duration::from_millis(240)), "0.2 s");
        assert_eq!(took(Duration::from_secs(200)), "3 min");
    }

    #[test]
    fn names() {
        let names: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert_eq!(some(&names[..2], 2), ["0", "1"]);
        assert_eq!(some(&names[..10], 10).len(), 10);
        assert_eq!(some(&names, 12)[9..], ["9", "…"]);
    }

    #[test]
    fn values() {
        assert_eq!(value(&json!({"t": "date", "v": "2026-11-16"})), "2026-11-16");
        assert_eq!(value(&json!({"t": "json", "v": [1, 2]})), "[1,2]");
        assert_eq!(value(&json!(0.5)), "0.5");
        assert_eq!(value(&json!("EU")), "EU");
    }
}
