//! Whether and when a failed call is retried.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::seconds::Seconds;

/// A retry policy with exponential backoff and jitter.
///
/// ```
/// use cni_resilience::Retry;
/// use std::time::Duration;
///
/// let json = r#"{"codes": [11, 103], "maxAttempts": 3, "backoff": 0.5}"#;
/// let retry: Retry = serde_json::from_str(json)?;
/// let time_left = Duration::from_secs(20);
/// assert_eq!(retry.delay(1, 103, time_left, 1.0), Some(Duration::from_millis(500)));
/// assert_eq!(retry.delay(3, 103, time_left, 1.0), None, "three attempts have been made");
/// assert_eq!(retry.delay(1, 7, time_left, 1.0), None, "code 7 is not in the list");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Retry {
    /// The CNI error codes that are retried; only 11, "try again later", by default.
    pub codes: Vec<u32>,
    /// The maximum number of attempts, including the first; 4 by default.
    pub max_attempts: NonZeroU32,
    /// The delay after the first failure, doubled after each further one; 0.25 s by default.
    pub backoff: Seconds,
    /// The upper limit of the delay; 5 s by default.
    pub max_backoff: Seconds,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            codes: vec![11],
            max_attempts: NonZeroU32::MIN.saturating_add(3),
            backoff: Seconds::from_millis(250),
            max_backoff: Seconds::new(5),
        }
    }
}

impl Retry {
    /// Returns the delay before the next attempt, or `None` if the call is not retried.
    ///
    /// `attempts` have been made, the last of which failed with `code`. A delay that does not end
    /// before `time_left` has passed is not worth waiting for. `jitter`, a random number from 0 to
    /// 1, varies the upper half of the delay, so that calls that failed together are not all
    /// retried together.
    pub fn delay(
        &self,
        attempts: u32,
        code: u32,
        time_left: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        if attempts >= self.max_attempts.get() || !self.codes.contains(&code) {
            return None;
        }
        let factor = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        let backoff = self.backoff.duration().saturating_mul(factor);
        let delay = backoff.min(self.max_backoff.duration()).mul_f64(0.5 + jitter / 2.0);
        (delay < time_left).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn retry() -> Retry {
        Retry {
            backoff: Seconds::new(1),
            max_backoff: Seconds::new(5),
            max_attempts: 100.try_into().unwrap(),
            ..Retry::default()
        }
    }

    #[test]
    fn the_delay_doubles_up_to_the_maximum() {
        let delays = [1, 2, 3, 4, 5, 40, 99]
            .map(|attempts| retry().delay(attempts, 11, HOUR, 1.0).unwrap().as_secs_f64());
        assert_eq!(delays, [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]);
    }

    #[test]
    fn jitter_varies_the_upper_half_of_the_delay() {
        for (jitter, seconds) in [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)] {
            assert_eq!(retry().delay(1, 11, HOUR, jitter), Some(Duration::from_secs_f64(seconds)));
        }
    }

    #[test]
    fn nothing_is_retried_after_the_last_attempt_for_other_codes_or_beyond_the_deadline() {
        let second = Duration::from_secs(1);
        assert_eq!(retry().delay(100, 11, HOUR, 1.0), None);
        assert_eq!(retry().delay(1, 102, HOUR, 1.0), None);
        assert_eq!(retry().delay(1, 11, second, 1.0), None);
        assert_eq!(retry().delay(1, 11, second * 2, 1.0), Some(second));
    }
}
