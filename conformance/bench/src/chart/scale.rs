//! The position of values on the chart.

/// A logarithmic axis of milliseconds between two powers of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    first: i32,
    last: i32,
    top: f64,
    bottom: f64,
}

impl Scale {
    /// Returns an axis for all values, from `bottom` up to `top`, which is less: y grows downwards
    /// in SVG.
    pub(super) fn of(values: impl Iterator<Item = f64>, top: f64, bottom: f64) -> Self {
        let exponents: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let least = exponents.iter().copied().fold(f64::INFINITY, f64::min);
        let most = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (first, last) = match exponents.is_empty() {
            true => (0, 1),
            false => (least.floor() as i32, most.ceil() as i32),
        };
        Self { first, last: last.max(first + 1), top, bottom }
    }

    pub(super) fn y(self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        self.bottom - part.clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Returns the powers of ten with their labels.
    pub(super) fn decades(self) -> impl Iterator<Item = (f64, String)> {
        (self.first..=self.last).map(|exponent| {
            let text = match exponent {
                3.. => format!("{} s", 10_u64.pow(exponent.unsigned_abs() - 3)),
                0.. => format!("{} ms", 10_u64.pow(exponent.unsigned_abs())),
                _ => format!("{} µs", 10_f64.powi(exponent + 3)),
            };
            (10_f64.powi(exponent), text)
        })
    }
}

/// Moves labels that are too close to each other apart, as little as possible.
pub(super) fn apart(desired: &[f64], distance: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..desired.len()).collect();
    order.sort_unstable_by(|a, b| desired[*a].total_cmp(&desired[*b]));
    let mut placed = desired.to_vec();
    let mut free = top;
    for index in &order {
        placed[*index] = desired[*index].max(free);
        free = placed[*index] + distance;
    }
    let mut free = bottom;
    for index in order.iter().rev() {
        placed[*index] = placed[*index].min(free);
        free = placed[*index] - distance;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_decade_has_the_same_height() {
        let scale = Scale::of([0.8, 2500.0].into_iter(), 0.0, 500.0);
        assert_eq!((scale.y(0.1), scale.y(10_000.0)), (500.0, 0.0));
        assert_eq!(scale.y(1.0) - scale.y(10.0), 100.0);
        let texts: Vec<String> = scale.decades().map(|(_, text)| text).collect();
        assert_eq!(texts, ["100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
    }

    #[test]
    fn there_is_an_axis_without_values() {
        assert_eq!(Scale::of(std::iter::empty(), 0.0, 10.0).decades().count(), 2);
    }

    #[test]
    fn labels_keep_their_distance_and_their_order_and_stay_inside() {
        assert_eq!(apart(&[50.0, 10.0, 12.0], 10.0, 0.0, 100.0), [50.0, 10.0, 20.0]);
        assert_eq!(apart(&[98.0, 99.0, 97.0], 10.0, 0.0, 100.0), [90.0, 100.0, 80.0]);
    }
}
