//! Points in time that all processes of a host understand.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A point in time, as the time since the host was started, in nanoseconds.
///
/// Unlike the time of day it is not set, and it goes on while the host sleeps. It means nothing
/// after a restart. A process in a time namespace may see another time: then those that wait longer
/// than it for a host port may be served before it, or it before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment(u64);

impl Moment {
    /// Returns the present.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let [seconds, nanoseconds] = [time.tv_sec, time.tv_nsec].map(i64::cast_unsigned);
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }

    /// Returns the point in time after a duration.
    pub fn after(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Returns the time since `earlier`, or zero if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the nanoseconds since the host was started.
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time of day, given that it is `present` now.
    pub fn time_of_day(self, now: Self, present: SystemTime) -> SystemTime {
        let time = match self < now {
            true => present.checked_sub(now.since(self)),
            false => present.checked_add(self.since(now)),
        };
        time.unwrap_or(present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_time_of_day_before_or_after_the_present() {
        let (now, present) = (Moment::now(), SystemTime::now());
        let second = Duration::from_secs(1);
        assert_eq!(now.after(second).time_of_day(now, present), present + second);
        assert_eq!(now.time_of_day(now.after(second), present), present - second);
        assert_eq!(now.after(second).since(now), second);
        assert_eq!(now.since(now.after(second)), Duration::ZERO);
    }
}
