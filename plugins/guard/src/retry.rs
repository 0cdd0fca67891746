//! Whether a failed call is made again, and when.

use std::time::Duration;

use crate::config::Retry;

/// The pause before the next try; `None` when there is none.
///
/// `tries` were made and the last gave `code`; `left` is the time for pauses and tries; `chance` is a random number from 0 to 1,
/// so that those who failed together do not come back together.
pub(crate) fn pause(
    retry: &Retry,
    tries: u32,
    code: u32,
    left: Duration,
    chance: f64,
) -> Option<Duration> {
    if tries >= retry.tries.get() || !retry.codes.contains(&code) {
        return None;
    }
    let doubled = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = retry.pause.0.saturating_mul(doubled).min(retry.longest_pause.0);
    let pause = whole.mul_f64(0.5 + chance / 2.0);
    (pause < left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Seconds;

    const LONG: Duration = Duration::from_secs(3600);

    fn retry() -> Retry {
        let seconds = |seconds| Seconds(Duration::from_secs(seconds));
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
            .map(|tries| pause(&retry(), tries, 11, LONG, 1.0).unwrap().as_secs_f64())
            .to_vec();
        assert_eq!(pauses, [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]);
    }

    #[test]
    fn half_of_a_pause_is_chance() {
        for (chance, seconds) in [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)] {
            assert_eq!(
                pause(&retry(), 1, 11, LONG, chance),
                Some(Duration::from_secs_f64(seconds))
            );
        }
    }

    #[test]
    fn there_is_none_after_the_last_try_for_other_codes_and_beyond_the_deadline() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(&retry(), 100, 11, LONG, 1.0), None);
        assert_eq!(pause(&retry(), 1, 102, LONG, 1.0), None);
        assert_eq!(pause(&retry(), 1, 11, second, 1.0), None);
        assert_eq!(pause(&retry(), 1, 11, second * 2, 1.0), Some(second));
    }
}
