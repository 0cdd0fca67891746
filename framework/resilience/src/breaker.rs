//! The circuit breaker of a network: what is remembered, what follows from it. No clock and no file is here.

use std::num::NonZeroU32;
use std::time::Duration;

use cni_wrapper::Error;
use serde::{Deserialize, Serialize};

use crate::Seconds;

/// When ADDs of a network are refused for a while: a circuit breaker.
///
/// What is known of a network is its [memory](Self::memory), which each ADD enters and leaves:
///
/// ```
/// use cni_resilience::{Breaker, Failure};
/// use cni_wrapper::Error;
/// use std::time::{Duration, Instant};
///
/// # let temporary = cni_test_kit::TemporaryDir::new();
/// # let directory = temporary.path().join("breaker");
/// # cni_wrapper::block_on(async {
/// let breaker: Breaker = serde_json::from_str(r#"{"failures": 1, "open": 30}"#)?;
/// breaker.check("breaker")?;
/// let memory = breaker.memory(&directory, "net")?;
/// let pass = memory.enter().await?;
/// let went: Result<(), _> = Err(Failure::Delegate(Error::TryAgainLater("no address is left".into())));
/// memory.leave(pass, &went, Instant::now() + Duration::from_secs(1)).await;
///
/// let refused = memory.enter().await.unwrap_err();
/// assert!(refused.to_string().contains("no address is left"), "{refused}");
/// assert_eq!(memory.status().unwrap_err().code(), 50);
/// breaker.memory(&directory, "other")?.enter().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Breaker {
    /// So many ADDs in succession that failed, 5 by default...
    pub failures: NonZeroU32,
    /// ...within this time, 60 s by default, open it.
    pub window: Seconds,
    /// For how long; 10 s by default.
    pub open: Seconds,
    /// After each probe that failed it is open for twice as long, up to this; 300 s by default. No less than `open`.
    pub longest_open: Seconds,
}

impl Default for Breaker {
    fn default() -> Self {
        let [window, open, longest_open] = [60, 10, 300].map(Seconds::new);
        Self { failures: NonZeroU32::MIN.saturating_add(4), window, open, longest_open }
    }
}

impl Breaker {
    /// Whether its times fit together; `key` is where it stands in the configuration.
    ///
    /// # Errors
    ///
    /// Code 7, naming the key.
    pub fn check(&self, key: &str) -> Result<(), Error> {
        let (open, longest) = (self.open.0, self.longest_open.0);
        if longest >= open {
            return Ok(());
        }
        let why = format!("{longest:?} is less than `open`, {open:?}");
        Err(Error::config(format!("{key}.longestOpen"), why))
    }
}

/// What is remembered. Nothing at all is a closed breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// When ADDs failed in succession, in milliseconds since 1970.
    failures: Vec<u64>,
    open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    since: u64,
    /// How long, in milliseconds.
    time: u64,
    /// The failure that opened it.
    error: String,
}

/// What an ADD finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gate<'s> {
    Closed,
    /// For this time, since the last ADD failed like this.
    Open(Duration, &'s str),
    /// Open so long that one ADD at a time may try.
    HalfOpen,
}

/// How an ADD that was let through went.
#[derive(Debug)]
pub(crate) enum Outcome {
    Success,
    Failure(String),
}

impl State {
    pub(crate) fn gate(&self, now: u64) -> Gate<'_> {
        let Some(Open { since, time, error }) = &self.open else { return Gate::Closed };
        // A clock that went back would keep it open for as long as it went back.
        match now.checked_sub(*since).and_then(|past| time.checked_sub(past)) {
            Some(left) if left > 0 => Gate::Open(Duration::from_millis(left), error),
            _ => Gate::HalfOpen,
        }
    }

    /// What is to be remembered after an ADD, which was let through as a probe or because the breaker was closed.
    pub(crate) fn after(self, outcome: Outcome, probe: bool, now: u64, breaker: &Breaker) -> Self {
        match (self.open, outcome) {
            // An ADD from before it opened says nothing new.
            (Some(open), _) if !probe => Self { open: Some(open), ..self },
            (_, Outcome::Success) => Self::default(),
            (Some(open), Outcome::Failure(error)) => {
                let time = open.time.saturating_mul(2).min(millis(breaker.longest_open.0));
                Self::opened(now, time, error)
            }
            (None, Outcome::Failure(error)) => {
                let window = millis(breaker.window.0);
                let recent = |past: &u64| now.checked_sub(*past).is_some_and(|ago| ago < window);
                let failures: Vec<u64> =
                    self.failures.into_iter().filter(recent).chain([now]).collect();
                if failures.len() < breaker.failures.get() as usize {
                    return Self { failures, open: None };
                }
                Self::opened(now, millis(breaker.open.0), error)
            }
        }
    }

    fn opened(since: u64, time: u64, error: String) -> Self {
        Self { failures: Vec::new(), open: Some(Open { since, time, error }) }
    }
}

/// Whether an error with this code says something of the delegate. One that says that the call is wrong does not: a container with
/// impossible wishes must not close the network to all others.
pub(crate) fn counts(code: u32) -> bool {
    !matches!(code, 1..=4 | 7)
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
