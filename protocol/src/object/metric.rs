//! Metrics: numbers that can be charted and compared through a stack's history.

use std::collections::BTreeMap;

use super::check_label;
use crate::cbor::{FieldError, Map, Value};
use crate::limits::{METRICS, PARAM_NAME_BYTES};

/// The metrics of a frame by name.
pub type Metrics = BTreeMap<String, Metric>;

/// A number: an integer, or a float that may be infinite or no number at all.
///
/// Equal when it is written the same, so `NaN` equals `NaN`, and 1 is not 1.0.
#[derive(Clone, Copy, Debug)]
pub enum Metric {
    /// An integer.
    Int(i64),
    /// A float; all that are no number are one and the same.
    Float(f64),
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        Value::from(*self) == Value::from(*other)
    }
}

impl Metric {
    /// Returns the nearest float.
    pub fn as_f64(self) -> f64 {
        match self {
            Metric::Int(int) => int as f64,
            Metric::Float(float) => float,
        }
    }

    /// Reads a metric out of a CBOR value.
    ///
    /// # Errors
    /// Says what came instead of a number.
    pub fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Int(_) => value.into_i64().map(Metric::Int),
            Value::Float(float) => Ok(Metric::Float(float)),
            Value::Map(map) => special_float(&map).map(Metric::Float),
            other => Err(format!("expected a number, got {}", other.type_name())),
        }
    }
}

impl From<Metric> for Value {
    fn from(metric: Metric) -> Value {
        match metric {
            Metric::Int(int) => int.into(),
            Metric::Float(float) => float_value(float),
        }
    }
}

impl serde::Serialize for Metric {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        super::param::to_json(&Value::from(*self)).serialize(s)
    }
}

impl<'de> serde::Deserialize<'de> for Metric {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let json = <serde_json::Value as serde::Deserialize>::deserialize(d)?;
        let value = super::param::from_json(&json).map_err(serde::de::Error::custom)?;
        Metric::from_value(value).map_err(serde::de::Error::custom)
    }
}

/// Returns the value of a float; what CBOR's subset has no number for is `{t:"f", v}`.
pub(super) fn float_value(float: f64) -> Value {
    let name = match float {
        _ if float.is_finite() => return Value::Float(float),
        _ if float.is_nan() => "nan",
        _ if float > 0.0 => "inf",
        _ => "-inf",
    };
    Map::new().with("t", "f").with("v", name).into()
}

/// Reads `{t:"f", v}`.
pub(super) fn special_float(map: &Map) -> Result<f64, String> {
    let form = (map.get("t"), map.get("v"), map.len());
    let (Some(Value::Text(t)), Some(Value::Text(v)), 2) = form else {
        return Err("expected a number or `{t:\"f\", v}`".to_owned());
    };
    match (t.as_str(), v.as_str()) {
        ("f", "nan") => Ok(f64::NAN),
        ("f", "inf") => Ok(f64::INFINITY),
        ("f", "-inf") => Ok(f64::NEG_INFINITY),
        ("f", other) => Err(format!("`{other}` is none of `nan`, `inf` and `-inf`")),
        (other, _) => Err(format!("expected a number, got a `{other}`")),
    }
}

pub(super) fn metrics_from_value(value: Value) -> Result<Metrics, String> {
    let entries = value.into_map()?.into_iter();
    let metric = |(name, value)| match Metric::from_value(value) {
        Ok(metric) => Ok((name, metric)),
        Err(reason) => Err(format!("`{name}`: {reason}")),
    };
    entries.map(metric).collect()
}

pub(super) fn check_metrics(metrics: &Metrics) -> Result<(), FieldError> {
    super::check_len("metrics", metrics.len(), METRICS)?;
    let mut names = metrics.keys();
    names.try_for_each(|name| check_label("metrics", name, PARAM_NAME_BYTES))
}
