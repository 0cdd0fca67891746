//! A time in a configuration.

use std::time::Duration;

use serde::Deserialize;

/// A time, written as a number of seconds: over 0 and at most a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Seconds(pub Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        if seconds > 0.0 && seconds <= 86_400.0 {
            return Ok(Self(Duration::from_secs_f64(seconds)));
        }
        Err(format!("{seconds} is no time in seconds; it must be over 0 and at most 86400"))
    }
}

impl Seconds {
    /// So many.
    pub const fn new(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}
