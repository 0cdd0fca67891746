//! Waiting for a condition.

use std::thread;
use std::time::{Duration, Instant};

/// The pause between two evaluations of the condition.
const INTERVAL: Duration = Duration::from_millis(5);

/// Waits until a condition holds, for at most `limit`, and returns whether it does.
pub(crate) fn holds_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_awaited_until_the_limit() {
        let mut evaluations = 0;
        let holds = holds_within(Duration::from_secs(60), || {
            evaluations += 1;
            evaluations == 3
        });
        assert!(holds && evaluations == 3);
        assert!(!holds_within(Duration::ZERO, || false));
    }
}
