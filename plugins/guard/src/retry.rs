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
