//! The circuit breaker of a network as a state machine, without a clock and without files.

use std::num::NonZeroU32;
use std::time::Duration;

use cni_wrapper::Error;
use serde::{Deserialize, Serialize};

use crate::seconds::Seconds;

/// A circuit breaker, which refuses ADDs of a network for a while after too many have failed.
///
/// [`for_network`](Self::for_network) returns the breaker of one network, which admits each ADD and
/// records its outcome:
///
/// ```
/// use cni_resilience::{CircuitBreaker, Failure};
/// use cni_wrapper::Error;
/// use std::time::{Duration, Instant};
///
/// # let temporary = cni_test_kit::TempDir::new();
/// # let directory = temporary.path().join("breaker");
/// # cni_wrapper::block_on(async {
/// let json = r#"{"failureThreshold": 1, "openFor": 30}"#;
/// let config: CircuitBreaker = serde_json::from_str(json)?;
/// config.check("circuitBreaker")?;
/// let breaker = config.for_network(&directory, "net")?;
/// let admission = breaker.admit().await?;
/// let error = Error::TryAgainLater("no address is left".into());
/// let outcome: Result<(), _> = Err(Failure::Delegate(error));
/// let deadline = Instant::now() + Duration::from_secs(1);
/// breaker.record(admission, &outcome, deadline).await;
///
/// let refused = breaker.admit().await.unwrap_err();
/// assert!(refused.to_string().contains("no address is left"), "{refused}");
/// assert_eq!(breaker.status().unwrap_err().code(), 50);
/// config.for_network(&directory, "other")?.admit().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CircuitBreaker {
    /// The number of consecutive failed ADDs that opens the breaker; 5 by default.
    pub failure_threshold: NonZeroU32,
    /// The time within which these ADDs must have failed; 60 s by default.
    pub window: Seconds,
    /// How long the breaker stays open; 10 s by default. Each failed probe doubles it.
    pub open_for: Seconds,
    /// The upper limit of that time, at least `open_for`; 300 s by default.
    pub max_open_for: Seconds,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            failure_threshold: NonZeroU32::MIN.saturating_add(4),
            window: Seconds::new(60),
            open_for: Seconds::new(10),
            max_open_for: Seconds::new(300),
        }
    }
}

impl CircuitBreaker {
    /// Checks that `maxOpenFor` is not less than `openFor`; `key` is the path of the breaker in the
    /// configuration.
    ///
    /// # Errors
    ///
    /// Code 7, with the path of the key.
    pub fn check(&self, key: &str) -> Result<(), Error> {
        let (open_for, max) = (self.open_for.duration(), self.max_open_for.duration());
        if max >= open_for {
            return Ok(());
        }
        let why = format!("{max:?} is less than openFor, {open_for:?}");
        Err(Error::config(format!("{key}.maxOpenFor"), why))
    }
}

/// The state of a circuit breaker at a given time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State<'h> {
    Closed,
    /// Open for `left`, since an ADD failed with `error`.
    Open {
        left: Duration,
        error: &'h str,
    },
    /// One ADD at a time is admitted, as a probe.
    HalfOpen,
}

/// The outcome of an admitted ADD.
#[derive(Debug)]
pub(crate) enum Outcome {
    Success,
    Failure(String),
}

/// The stored part of a network's state. For a closed breaker without failures, nothing is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    /// The times of consecutive failed ADDs, in milliseconds since 1970.
    failures: Vec<u64>,
    open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    since: u64,
    /// How long, in milliseconds.
    time: u64,
    /// The failure that opened the breaker.
    error: String,
}

impl History {
    pub(crate) fn state(&self, now: u64) -> State<'_> {
        let Some(Open { since, time, error }) = &self.open else { return State::Closed };
        // If the clock was set back, the breaker would stay open for that much longer.
        match now.checked_sub(*since).and_then(|elapsed| time.checked_sub(elapsed)) {
            Some(left) if left > 0 => State::Open { left: Duration::from_millis(left), error },
            _ => State::HalfOpen,
        }
    }

    /// Returns the history after an ADD, which was admitted as a probe or by a closed breaker.
    pub(crate) fn after(
        self,
        outcome: Outcome,
        is_probe: bool,
        now: u64,
        config: &CircuitBreaker,
    ) -> Self {
        match (self.open, outcome) {
            // The ADD was admitted before the breaker opened, so its outcome is outdated.
            (Some(open), _) if !is_probe => Self { open: Some(open), ..self },
            (_, Outcome::Success) => Self::default(),
            (Some(open), Outcome::Failure(error)) => {
                let time = open.time.saturating_mul(2).min(millis(config.max_open_for));
                Self::opened(now, time, error)
            }
            (None, Outcome::Failure(error)) => {
                let window = millis(config.window);
                let is_recent = |time: &u64| now.checked_sub(*time).is_some_and(|age| age < window);
                let failures: Vec<u64> =
                    self.failures.into_iter().filter(is_recent).chain([now]).collect();
                if failures.len() < config.failure_threshold.get() as usize {
                    return Self { failures, open: None };
                }
                Self::opened(now, millis(config.open_for), error)
            }
        }
    }

    fn opened(since: u64, time: u64, error: String) -> Self {
        Self { failures: Vec::new(), open: Some(Open { since, time, error }) }
    }
}

/// Reports whether an error with this code counts as a failure of the delegate.
///
/// An error that blames the call does not: one container with an invalid request must not make the
/// network unavailable to all others.
pub(crate) fn counts(code: u32) -> bool {
    !matches!(code, 1..=4 | 7)
}

fn millis(time: Seconds) -> u64 {
    time.duration().as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "circuit_breaker_tests.rs"]
mod tests;
