//! Whether a failed call is made again, and when.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::Seconds;

/// When a failed call is made again.
///
/// ```
/// use cni_resilience::Retry;
/// use std::time::Duration;
///
/// let retry: Retry = serde_json::from_str(r#"{"codes": [11, 103], "tries": 3, "pause": 0.5}"#)?;
/// let left = Duration::from_secs(20);
/// assert_eq!(retry.pause(1, 103, left, 1.0), Some(Duration::from_millis(500)));
/// assert_eq!(retry.pause(3, 103, left, 1.0), None, "three tries were made");
/// assert_eq!(retry.pause(1, 7, left, 1.0), None, "a wrong configuration stays wrong");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retry {
    /// CNI codes that may pass; 11 by default.
    pub codes: Vec<u32>,
    /// The first one included; 4 by default.
    pub tries: NonZeroU32,
    /// After the first failure; each further one is twice as long. 0.25 s by default.
    pub pause: Seconds,
    /// 5 s by default.
    pub longest_pause: Seconds,
}

impl Default for Retry {
    fn default() -> Self {
        let pause = Seconds(Duration::from_millis(250));
        let tries = NonZeroU32::MIN.saturating_add(3);
        Self { codes: vec![11], tries, pause, longest_pause: Seconds::new(5) }
    }
}

impl Retry {
    /// The pause before the next try; `None` when there is none.
    ///
    /// `tries` were made and the last gave `code`; `left` is the time for pauses and tries; `chance` is a random number from 0 to 1,
    /// so that those who failed together do not come back together.
    pub fn pause(&self, tries: u32, code: u32, left: Duration, chance: f64) -> Option<Duration> {
        if tries >= self.tries.get() || !self.codes.contains(&code) {
            return None;
        }
        let doubled = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = self.pause.0.saturating_mul(doubled).min(self.longest_pause.0);
        let pause = whole.mul_f64(0.5 + chance / 2.0);
        (pause < left).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn retry() -> Retry {
        let seconds = Seconds::new;
        Retry {
            pause: seconds(1),
            longest_pause: seconds(5),
            tries: 100.try_into().unwrap(),
            ..Retry::default()
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<f64> = [1, 2, 3, 4, 5, 40, 99]
            .map(|tries| retry().pause(tries, 11, LONG, 1.0).unwrap().as_secs_f64())
            .to_vec();
        assert_eq!(pauses, [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]);
    }

    #[test]
    fn half_of_a_pause_is_chance() {
        for (chance, seconds) in [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)] {
            assert_eq!(retry().pause(1, 11, LONG, chance), Some(Duration::from_secs_f64(seconds)));
        }
    }

    #[test]
    fn there_is_none_after_the_last_try_for_other_codes_and_beyond_the_deadline() {
        let second = Duration::from_secs(1);
        assert_eq!(retry().pause(100, 11, LONG, 1.0), None);
        assert_eq!(retry().pause(1, 102, LONG, 1.0), None);
        assert_eq!(retry().pause(1, 11, second, 1.0), None);
        assert_eq!(retry().pause(1, 11, second * 2, 1.0), Some(second));
    }
}
