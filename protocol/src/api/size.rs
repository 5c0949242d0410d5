//! Numbers of bytes as people write them.

/// Units and what they are in bytes.
const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
];

/// Reads a number of bytes, with a unit in any case or without: `1GB` is 10^9, `1 GiB` is 2^30.
/// Nothing where the text is none, or is more than 2^64 − 1.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn units_are_decimal_or_binary() {
        for (text, bytes) in
            [("0", 0), ("42", 42), ("7 b", 7), ("1GB", 1_000_000_000), ("2 GiB", 2 << 30)]
        {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "GB", "-1", "+1", "1.5GB", "1 Gb/s", "99999PiB", "18446744073709551616"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }
}
