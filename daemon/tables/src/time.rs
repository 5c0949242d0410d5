//! Times of the calendar, for every number that a file may hold.

const DAY_SECONDS: i128 = 86_400;

/// Returns a day, counted from 1970-01-01, in the form of RFC 3339; years that do not have four
/// digits have a sign and at least six.
pub(crate) fn date(day: i128) -> String {
    // Days of eras of 400 years, counted from a 1st of March.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    match (0..=9_999).contains(&year) {
        true => format!("{year:04}-{month:02}-{day:02}"),
        false => format!("{year:+07}-{month:02}-{day:02}"),
    }
}

/// Returns a time of the day in units of `per_second`; a number outside of a day as it is.
pub(crate) fn of_day(value: i128, per_second: i128) -> String {
    let (second, part) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    if !(0..DAY_SECONDS).contains(&second) {
        return value.to_string();
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    match per_second {
        1 => format!("{hour:02}:{minute:02}:{second:02}"),
        _ => {
            let digits = per_second.ilog10() as usize;
            format!("{hour:02}:{minute:02}:{second:02}.{part:0digits$}")
        }
    }
}

/// Returns a point in time since 1970; with `Z` where a zone is known, as it is in UTC then.
pub(crate) fn timestamp(value: i128, per_second: i128, zoned: bool) -> String {
    let per_day = DAY_SECONDS * per_second;
    let zone = if zoned { "Z" } else { "" };
    let (day, time) = (value.div_euclid(per_day), value.rem_euclid(per_day));
    format!("{}T{}{zone}", date(day), of_day(time, per_second))
}

/// Returns the day of a date in the form `2024-02-29`, if it is one.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
        true => part.parse::<i128>().ok(),
        false => None,
    };
    let year = number(text.get(..4)?)?;
    let month = number(text.get(5..7)?)?;
    let day = number(text.get(8..)?)?;
    if !(1..=12).contains(&month) {
        return None;
    }
    let shifted_year = year - i128::from(month <= 2);
    let (era, of_era) = (shifted_year.div_euclid(400), shifted_year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    // The 31st of a month of 30 days is another date.
    (date(days) == text).then(|| i32::try_from(days).ok()).flatten()
}

/// A point in time as a text says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// Seconds since 1970, or of the day.
    seconds: i64,
    nanos: i64,
    /// Digits of a second that are told.
    digits: usize,
    /// Whether it is in UTC, and not in a zone that nobody tells.
    pub(crate) utc: bool,
}

impl Point {
    /// Returns it in the unit of so many digits of a second, unless that would lose some.
    pub(crate) fn in_unit(self, digits: u8) -> Option<i64> {
        let per_second = 10i64.pow(digits.into());
        let lost = 1_000_000_000 / per_second;
        let parts = (self.nanos % lost == 0).then_some(self.nanos / lost)?;
        let value = i128::from(self.seconds) * i128::from(per_second) + i128::from(parts);
        i64::try_from(value).ok()
    }
}

/// Returns a point in time: a date and a time with `T` or a space between them, up to nine digits
/// of a second, and `Z` or nothing.
pub(crate) fn parse_point(text: &str) -> Option<Point> {
    let date = parse_date(text.get(..10)?)?;
    let rest = text.get(10..)?.strip_prefix(['T', ' '])?;
    let (rest, utc) = match rest.strip_suffix('Z') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let of_day = parse_of_day(rest)?;
    Some(Point { seconds: i64::from(date) * 86_400 + of_day.seconds, utc, ..of_day })
}

/// Returns a time of the day: `12:30:00`, with up to nine digits of a second.
pub(crate) fn parse_of_day(text: &str) -> Option<Point> {
    let (clock, part) = text.split_once('.').unwrap_or((text, "0"));
    let bytes = clock.as_bytes();
    let two = |at: usize| {
        let two = bytes.get(at..at + 2)?;
        two.iter().all(u8::is_ascii_digit).then(|| i64::from((two[0] - b'0') * 10 + two[1] - b'0'))
    };
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (two(0)?, two(3)?, two(6)?);
    let valid = hour < 24 && minute < 60 && second < 60;
    if !valid || part.is_empty() || part.len() > 9 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{part:0<9}").parse().ok()?;
    let seconds = hour * 3_600 + minute * 60 + second;
    Some(Point { seconds, nanos, digits: part.len(), utc: false })
}

/// Returns the microseconds of a point in time that has no more digits, and whether it is in UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<(i64, bool)> {
    let point = parse_point(text).filter(|point| point.digits <= 6)?;
    Some((point.in_unit(6)?, point.utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        for (day, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
            (2_932_896, "9999-12-31"),
        ] {
            assert_eq!(date(day), text);
            assert_eq!(parse_date(text).map(i128::from), Some(day));
        }
        assert_eq!(date(2_932_897), "+010000-01-01");
        for none in ["2023-02-29", "2024-13-01", "2024-1-01", "24-01-01", "2024-04-31"] {
            assert_eq!(parse_date(none), None, "{none}");
        }
        assert!(date(i128::from(i64::MIN)).starts_with('-'));
    }

    #[test]
    fn points_in_time_keep_their_digits() {
        assert_eq!(timestamp(-1, 1_000_000_000, true), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(timestamp(0, 1, false), "1970-01-01T00:00:00");
        let told = parse_timestamp("2024-02-29T12:34:56.5Z").unwrap();
        assert_eq!(timestamp(told.0.into(), 1_000_000, told.1), "2024-02-29T12:34:56.500000Z");
        assert_eq!(parse_timestamp("2024-02-29 24:00:00"), None);
        assert_eq!(parse_timestamp("2024-02-29T12:34:56.1234567"), None);
        assert_eq!(of_day(86_400, 1), "86400");
    }
}
