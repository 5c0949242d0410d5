//! The slope of a line through points.

/// Returns the slope of the line through some points by least squares; 0 for less than two.
pub(super) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let square: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if square > 0.0 { both / square } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_noise_has_none() {
        let line: Vec<_> = (0..100).map(f64::from).map(|x| (x, 3.0 * x + 7.0)).collect();
        assert!((slope(&line) - 3.0).abs() < 1e-9);
        let noise: Vec<_> =
            (0..100).map(|x| (f64::from(x), if x % 2 == 0 { 5.0 } else { 6.0 })).collect();
        assert!(slope(&noise).abs() < 0.01);
        assert_eq!(slope(&[(1.0, 2.0)]), 0.0);
        assert_eq!(slope(&[]), 0.0);
    }
}
