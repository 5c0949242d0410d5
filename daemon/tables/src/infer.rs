//! What type the texts of a column are of: the narrowest from which every one of them can be
//! written again. A text that would come back as another one, such as `007`, makes all texts.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_schema::{DataType, TimeUnit};

use crate::time::{parse_date, parse_timestamp};

/// What stands for a missing value where no text can.
const MISSING: [&str; 2] = ["", "NA"];

/// Types that are told from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Integer,
    Float,
    Date,
    Timestamp { utc: bool },
    Text,
}

const CANDIDATES: [Type; 6] = [
    Type::Boolean,
    Type::Integer,
    Type::Float,
    Type::Date,
    Type::Timestamp { utc: false },
    Type::Timestamp { utc: true },
];

/// Which types the values of a column so far can have.
#[derive(Clone, Debug)]
pub(crate) struct Guess {
    possible: [bool; CANDIDATES.len()],
    seen: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { possible: [true; CANDIDATES.len()], seen: false }
    }
}

impl Guess {
    /// Looks at a value; one that was quoted is text.
    pub(crate) fn see(&mut self, text: &str, quoted: bool) {
        if !quoted && MISSING.contains(&text) {
            return;
        }
        self.seen = true;
        for (possible, candidate) in self.possible.iter_mut().zip(CANDIDATES) {
            *possible = *possible && !quoted && fits(text, candidate);
        }
    }

    /// Returns the narrowest type; of a column without a value, text.
    pub(crate) fn settle(&self) -> Type {
        let first = self.possible.iter().position(|possible| *possible && self.seen);
        first.map_or(Type::Text, |at| CANDIDATES[at])
    }
}

fn fits(text: &str, of: Type) -> bool {
    match of {
        Type::Boolean => boolean(text).is_some(),
        Type::Integer => integer(text).is_some(),
        Type::Float => float(text).is_some(),
        Type::Date => parse_date(text).is_some(),
        Type::Timestamp { utc } => parse_timestamp(text).is_some_and(|(_, z)| z == utc),
        Type::Text => true,
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" && text == "0" || !digits.starts_with(['0', '+']);
    plain.then(|| text.parse().ok()).flatten()
}

/// Returns a fraction. A whole number that does not fit into 64 bits is none: it would lose
/// digits.
fn float(text: &str) -> Option<f64> {
    if matches!(text, "NaN" | "nan") {
        return Some(f64::NAN);
    }
    if matches!(text, "inf" | "Inf" | "Infinity") {
        return Some(f64::INFINITY);
    }
    if matches!(text, "-inf" | "-Inf" | "-Infinity") {
        return Some(f64::NEG_INFINITY);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let whole = mantissa.split('.').next().unwrap_or_default();
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let padded = whole.len() > 1 && whole.starts_with('0');
    // More digits than a float keeps are an identifier, or a number that text keeps better.
    let figures = mantissa.bytes().filter(u8::is_ascii_digit).count();
    if !numeric || padded || whole.is_empty() && mantissa.len() < 2 || figures > 17 {
        return None;
    }
    if digits.len() == whole.len() {
        return integer(text).filter(|value| value.unsigned_abs() <= 1 << 53).map(|v| v as f64);
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A column as it is built from texts.
pub(crate) enum Builder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
}

impl Type {
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Type::Boolean => DataType::Boolean,
            Type::Integer => DataType::Int64,
            Type::Float => DataType::Float64,
            Type::Date => DataType::Date32,
            Type::Timestamp { utc } => {
                DataType::Timestamp(TimeUnit::Microsecond, utc.then(|| Arc::from("UTC")))
            }
            Type::Text => DataType::Utf8,
        }
    }

    pub(crate) fn builder(self) -> Builder {
        match self {
            Type::Boolean => Builder::Boolean(BooleanBuilder::new()),
            Type::Integer => Builder::Integer(Int64Builder::new()),
            Type::Float => Builder::Float(Float64Builder::new()),
            Type::Date => Builder::Date(Date32Builder::new()),
            Type::Timestamp { .. } => {
                let builder = TimestampMicrosecondBuilder::new();
                Builder::Timestamp(builder.with_data_type(self.arrow()))
            }
            Type::Text => Builder::Text(StringBuilder::new()),
        }
    }
}

impl Builder {
    /// Adds a value of the type that was settled for; of texts, only what is empty and was not
    /// quoted is missing.
    pub(crate) fn add(&mut self, text: &str, quoted: bool) {
        match self {
            Builder::Boolean(builder) => builder.append_option(boolean(text)),
            Builder::Integer(builder) => builder.append_option(integer(text)),
            Builder::Float(builder) => builder.append_option(float(text)),
            Builder::Date(builder) => builder.append_option(parse_date(text)),
            Builder::Timestamp(builder) => {
                builder.append_option(parse_timestamp(text).map(|(micros, _)| micros));
            }
            Builder::Text(builder) => {
                builder.append_option((quoted || !text.is_empty()).then_some(text));
            }
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Boolean(builder) => Arc::new(builder.finish()),
            Builder::Integer(builder) => Arc::new(builder.finish()),
            Builder::Float(builder) => Arc::new(builder.finish()),
            Builder::Date(builder) => Arc::new(builder.finish()),
            Builder::Timestamp(builder) => Arc::new(builder.finish()),
            Builder::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Type {
        let mut guess = Guess::default();
        texts.iter().for_each(|text| guess.see(text, false));
        guess.settle()
    }

    #[test]
    fn the_narrowest_type_that_keeps_every_value() {
        assert_eq!(of(&["1", "", "-2", "NA"]), Type::Integer);
        assert_eq!(of(&["1", "2.5"]), Type::Float);
        assert_eq!(of(&["1", "NaN"]), Type::Float);
        assert_eq!(of(&["007", "1"]), Type::Text);
        assert_eq!(of(&["00.5"]), Type::Text);
        assert_eq!(of(&["0", "-1"]), Type::Integer);
        assert_eq!(of(&["-0"]), Type::Text);
        assert_eq!(of(&["+1"]), Type::Text);
        assert_eq!(of(&["9223372036854775807"]), Type::Integer);
        assert_eq!(of(&["9223372036854775808"]), Type::Text);
        assert_eq!(of(&["9223372036854775807", "0.5"]), Type::Text);
        assert_eq!(of(&["true", "FALSE"]), Type::Boolean);
        assert_eq!(of(&["2024-02-29"]), Type::Date);
        assert_eq!(of(&["2024-02-29T00:00:00Z"]), Type::Timestamp { utc: true });
        assert_eq!(of(&["2024-02-29 00:00:00"]), Type::Timestamp { utc: false });
        assert_eq!(of(&["2024-02-29T00:00:00Z", "2024-02-29T00:00:00"]), Type::Text);
        assert_eq!(of(&["", "NA"]), Type::Text);
        assert_eq!(of(&["1e400"]), Type::Text);
        let mut quoted = Guess::default();
        quoted.see("1", true);
        assert_eq!(quoted.settle(), Type::Text);
    }
}
