//! The plugin's own key in the network configuration, `guard`.

use std::path::PathBuf;

use cni_resilience::{CircuitBreaker, ConcurrencyLimit, ResilientCall, Retry, Seconds};
use cni_wrapper::{Call, Error, Position, Verb, refuse_renamed_keys};
use serde::Deserialize;

/// Old and new names of keys.
const RENAMED: [(&str, &str); 13] = [
    ("guard.retry.tries", "guard.retry.maxAttempts"),
    ("guard.retry.pause", "guard.retry.backoff"),
    ("guard.retry.longestPause", "guard.retry.maxBackoff"),
    ("guard.cap", "guard.concurrencyLimit"),
    ("guard.cap.atOnce", "guard.concurrencyLimit.maxConcurrent"),
    ("guard.concurrencyLimit.atOnce", "guard.concurrencyLimit.maxConcurrent"),
    ("guard.breaker", "guard.circuitBreaker"),
    ("guard.breaker.failures", "guard.circuitBreaker.failureThreshold"),
    ("guard.breaker.open", "guard.circuitBreaker.openFor"),
    ("guard.breaker.longestOpen", "guard.circuitBreaker.maxOpenFor"),
    ("guard.circuitBreaker.failures", "guard.circuitBreaker.failureThreshold"),
    ("guard.circuitBreaker.open", "guard.circuitBreaker.openFor"),
    ("guard.circuitBreaker.longestOpen", "guard.circuitBreaker.maxOpenFor"),
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    guard: Settings,
}

/// The policies that guard a delegate. The two optional ones apply only if they are configured.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// For the whole call.
    pub(crate) deadline: Seconds,
    pub(crate) retry: Retry,
    pub(crate) concurrency_limit: Option<ConcurrencyLimit>,
    pub(crate) circuit_breaker: Option<CircuitBreaker>,
    /// The directory of the concurrency limit's locks and the circuit breakers' state.
    pub(crate) state_dir: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Seconds::new(60),
            retry: Retry::default(),
            concurrency_limit: None,
            circuit_breaker: None,
            state_dir: "/run/cni-guard".into(),
        }
    }
}

impl Settings {
    /// Reads the settings of a call.
    ///
    /// # Errors
    ///
    /// Code 7, with the key. DEL and GC fall back to the defaults instead, since a mistake in the
    /// settings must not keep them from the delegate.
    pub(crate) fn read(call: &Call, verb: Verb) -> Result<Self, Error> {
        match Self::validated(call) {
            Err(error) if matches!(verb, Verb::Del | Verb::Gc) => {
                log::warn!("{verb} uses the default settings, since others are invalid: {error}");
                Ok(Self::default())
            }
            settings => settings,
        }
    }

    /// Applies the deadline, the retries and the concurrency limit to a call. Its time starts now.
    pub(crate) fn apply(&self, call: &Call, verb: Verb) -> ResilientCall {
        let call = ResilientCall::new(call, verb, self.deadline.duration()).with_retry(&self.retry);
        match &self.concurrency_limit {
            Some(limit) => call.with_concurrency_limit(limit, &self.state_dir),
            None => call,
        }
    }

    fn validated(call: &Call) -> Result<Self, Error> {
        refuse_renamed_keys(&call.config, &RENAMED)?;
        let settings = call.read_config::<Config>()?.guard;
        if call.position() == Position::Chained {
            let why = "it is missing, so there is nothing to guard; set it to the plugin that is \
                       to be guarded, or remove cni-guard from the list";
            return Err(Error::config("delegate", why));
        }
        if let Some(breaker) = &settings.circuit_breaker {
            breaker.check("guard.circuitBreaker")?;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::RENAMED;

    #[test]
    fn the_schema_has_every_key_that_was_renamed() {
        let schema: Value = serde_json::from_str(include_str!("../schema.json")).unwrap();
        let renamed = schema["x-renamed"].as_object().unwrap();
        assert_eq!(renamed.len(), RENAMED.len());
        assert!(RENAMED.iter().all(|(old, new)| renamed[*old] == *new), "{renamed:?}");
    }
}
