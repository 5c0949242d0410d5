//! A measured value beside what it is held against.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// One line of the result.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// The median of what was measured.
    pub(crate) value: f64,
    /// Its unit, and that of `against`.
    pub(crate) unit: &'static str,
    /// The limit measured in the same run, or the budget.
    pub(crate) against: f64,
    /// `value` over `against`.
    pub(crate) ratio: f64,
    /// The largest ratio that is good.
    pub(crate) goal: f64,
    /// Whether the ratio is good; none where what it is held against is not installed.
    pub(crate) met: Option<bool>,
    /// Further goals of the same thing, and other limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) also: Vec<Figure>,
}

impl Figure {
    /// Holds a value against a limit or budget of the same unit.
    pub(crate) fn new(value: f64, unit: &'static str, against: f64, goal: f64) -> Self {
        let ratio = value / against;
        Figure { value, unit, against, ratio, goal, met: Some(ratio <= goal), also: Vec::new() }
    }

    /// Says that what it was to be held against is not installed: a substitute was measured.
    pub(crate) fn against_nothing(self) -> Self {
        Figure { met: None, ..self }
    }

    /// Holds the median of some times against the median of others.
    pub(crate) fn seconds(times: &[Duration], limits: &[Duration], goal: f64) -> Self {
        Figure::new(median(times).as_secs_f64(), "s", median(limits).as_secs_f64(), goal)
    }

    /// Holds the median of some times against a budget.
    pub(crate) fn milliseconds(times: &[Duration], budget: Duration) -> Self {
        let in_ms = |time: Duration| time.as_secs_f64() * 1000.0;
        Figure::new(in_ms(median(times)), "ms", in_ms(budget), 1.0)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figure { value, unit, against, ratio, goal, met, also } = self;
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "not held against anything",
        };
        write!(f, "{value:9.3} {unit:2} against {against:9.3}  ratio {ratio:6.2}")?;
        write!(f, "  goal {goal:.2}  {verdict}")?;
        also.iter().try_for_each(|figure| write!(f, "\n{:16} {figure}", ""))
    }
}

/// Returns the middle one, the larger of two.
///
/// # Panics
/// Without times.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_a_ratio_to_the_limit() {
        let seconds = |s: &[u64]| s.iter().map(|s| Duration::from_secs(*s)).collect::<Vec<_>>();
        let figure = Figure::seconds(&seconds(&[9, 3, 4]), &seconds(&[2]), 1.5);
        assert_eq!((figure.value, figure.ratio, figure.met), (4.0, 2.0, Some(false)));
        assert_eq!(figure.against_nothing().met, None);
        let figure = Figure::milliseconds(&seconds(&[1, 2]), Duration::from_secs(2));
        assert_eq!((figure.value, figure.against, figure.met), (2000.0, 2000.0, Some(true)));
    }
}
