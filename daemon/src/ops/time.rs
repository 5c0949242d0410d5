//! Times as the API writes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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
