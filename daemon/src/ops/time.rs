//! Times as the API writes them.

use dsp_protocol::api::Problem;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::problem::bad_request;

pub(crate) use crate::node::now;

/// Writes milliseconds since 1970 as RFC 3339 in UTC. A time that RFC 3339 cannot write, which a
/// peer may have signed, becomes the nearest one that it can.
pub(crate) fn rfc3339(ms: i64) -> String {
    const FIRST: i64 = -62_135_596_800_000; // The year 1.
    const LAST: i64 = 253_402_300_799_999; // The end of the year 9999.
    let nanos = i128::from(ms.clamp(FIRST, LAST)) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("the range was clamped");
    time.format(&Rfc3339).expect("years 1 to 9999 have a form")
}

/// Reads RFC 3339 as milliseconds since 1970.
///
/// # Errors
/// The text is no such time.
pub(crate) fn parse_rfc3339(text: &str) -> Result<i64, Problem> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| {
        bad_request(format!("`{text}` is no time: {error}"))
            .with_hint("write it as 2026-11-16T09:30:00Z")
    })?;
    let ms = time.unix_timestamp_nanos() / 1_000_000;
    Ok(i64::try_from(ms).expect("the years of RFC 3339 fit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_a_time() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_500), "1970-01-01T00:00:01.5Z");
        assert!(rfc3339(i64::MIN).starts_with("0001-"));
        assert!(rfc3339(i64::MAX).starts_with("9999-"));
    }
}
