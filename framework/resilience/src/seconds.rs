//! Durations in a configuration.

use std::time::Duration;

use serde::Deserialize;

/// A duration, written in JSON as a number of seconds: greater than 0 and at most a day.
///
/// ```
/// use cni_resilience::Seconds;
/// use std::time::Duration;
///
/// let seconds: Seconds = serde_json::from_str("0.25")?;
/// assert_eq!(seconds.duration(), Duration::from_millis(250));
/// assert!(serde_json::from_str::<Seconds>("0").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Seconds(Duration);

impl Seconds {
    /// Returns a whole number of seconds, for a default.
    ///
    /// The range is checked only in a configuration.
    pub const fn new(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Returns a number of milliseconds, for a default.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Returns the same as a [`Duration`].
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        if seconds > 0.0 && seconds <= 86_400.0 {
            return Ok(Self(Duration::from_secs_f64(seconds)));
        }
        Err(format!(
            "{seconds} is not a valid number of seconds; it must be over 0 and at most 86400"
        ))
    }
}
