//! Dates and times as text: checked, never computed with.

use std::fmt;
use std::str::FromStr;

/// A text is no such date or time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} of the form {form}")]
pub struct MomentError {
    text: String,
    kind: &'static str,
    form: &'static str,
}

/// Defines a text that a function recognises.
macro_rules! moment {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $form:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = MomentError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                match text.is_ascii() && valid(text) {
                    true => Ok($name(text.to_owned())),
                    false => {
                        let text = text.chars().take(40).collect();
                        Err(MomentError { text, kind: $kind, form: $form })
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

moment!(
    /// A day of the Gregorian calendar, `2026-11-16`.
    Date, "date", "2026-11-16", is_date
);
moment!(
    /// A time of day with at most nine digits of a second, `09:30:00.5`; no leap seconds.
    Time, "time", "09:30:00", is_time
);
moment!(
    /// A moment of RFC 3339 with its offset, `2026-11-16T09:30:00+01:00`; `T` and `Z` in capitals.
    DateTime, "date and time", "2026-11-16T09:30:00+01:00", is_date_time
);

fn number(text: &str, digits: usize, max: u32) -> Option<u32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| plain && *n <= max)
}

fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut part = |digits, max| parts.next().and_then(|p| number(p, digits, max));
    let (Some(year), Some(month), Some(day)) = (part(4, 9999), part(2, 12), part(2, 31)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    month >= 1 && (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction_ok =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    fraction_ok && clock(whole, &[23, 59, 59])
}

fn clock(text: &str, max: &[u32]) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == max.len() && parts.iter().zip(max).all(|(p, m)| number(p, 2, *m).is_some())
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else {
        return false;
    };
    let (time, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => return false,
    };
    let offset_ok =
        offset == "Z" || offset.strip_prefix(['+', '-']).is_some_and(|o| clock(o, &[23, 59]));
    is_date(date) && is_time(time) && offset_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for good in ["2026-11-16", "2024-02-29", "2000-02-29", "0000-01-01", "9999-12-31"] {
            assert_eq!(good.parse::<Date>().unwrap().as_str(), good);
        }
        for bad in [
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-04-31",
            "26-01-01",
            "2026-1-1",
            "2026-01-011",
            "+026-01-01",
            "2026-01-01T",
            "",
            "２026-01-01",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times() {
        for good in ["00:00:00", "23:59:59.999999999", "09:30:00.5"] {
            assert_eq!(good.parse::<Time>().unwrap().as_str(), good);
        }
        for bad in [
            "24:00:00",
            "9:30:00",
            "09:30",
            "09:60:00",
            "09:30:60",
            "09:30:00.",
            "09:30:00.0000000000",
            "-1:00:00",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_with_times() {
        for good in
            ["2026-11-16T09:30:00Z", "2026-11-16T09:30:00.25+01:00", "2026-11-16T09:30:00-00:30"]
        {
            assert_eq!(good.parse::<DateTime>().unwrap().as_str(), good);
        }
        for bad in [
            "2026-11-16T09:30:00",
            "2026-11-16 09:30:00Z",
            "2026-11-16t09:30:00z",
            "2026-11-16T09:30:00+1:00",
            "2026-11-16T09:30:00+0100",
            "2026-11-16T09:30:00Z01:00",
            "2026-11-16T09:30:00+24:00",
            "2026-11-16T09:30:00ZZ",
            "2026-02-30T09:30:00Z",
        ] {
            let error = bad.parse::<DateTime>().expect_err(bad);
            assert!(error.to_string().contains("is no date and time of the form"));
        }
    }
}
