//! Medians and other quantiles.

use super::figures::Times;

/// Returns the value below which this part of all values is, rounded to the nearest one; 0 if
/// empty.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).copied().unwrap_or(0.0)
}

/// Returns the median: the middle value, or the mean of the two middle values; 0 if empty.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Summarizes times in microseconds.
pub(crate) fn times(micros: &[f64], failed: usize) -> Times {
    Times {
        median_ms: median(micros) / 1e3,
        p90_ms: quantile(micros, 0.9) / 1e3,
        calls: micros.len(),
        failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_depend_on_the_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn ninety_percent_are_below_p90() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.9), 90.0);
        assert_eq!(quantile(&values[..1], 0.9), 0.0);
    }

    #[test]
    fn times_are_in_milliseconds() {
        let expected = Times { median_ms: 2.0, p90_ms: 3.0, calls: 3, failed: 1 };
        assert_eq!(times(&[1000.0, 2000.0, 3000.0], 1), expected);
    }
}
