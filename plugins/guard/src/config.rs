//! The key `guard`.

use std::path::PathBuf;

use cni_resilience::{Attempts, Breaker, Cap, Retry, Seconds};
use cni_wrapper::{Call, Error, Position, Verb};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    guard: Settings,
}

/// How a delegate is guarded. Cap and breaker are there only when they are asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// For the whole call.
    pub(crate) deadline: Seconds,
    pub(crate) retry: Retry,
    pub(crate) cap: Option<Cap>,
    pub(crate) breaker: Option<Breaker>,
    /// Where the slots of the cap and what the breaker remembers are.
    pub(crate) state_dir: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        let (deadline, state_dir) = (Seconds::new(60), "/run/cni-guard".into());
        Self { deadline, retry: Retry::default(), cap: None, breaker: None, state_dir }
    }
}

impl Settings {
    /// The settings of a call.
    ///
    /// # Errors
    ///
    /// Code 7, with the key. Never on DEL, which a mistake in the settings must not keep from the delegate: it gets defaults.
    pub(crate) fn of(call: &Call, verb: Verb) -> Result<Self, Error> {
        match Self::read(call) {
            Err(error) if verb == Verb::Del => {
                log::warn!("DEL is guarded by defaults, since the settings can't be used: {error}");
                Ok(Self::default())
            }
            settings => settings,
        }
    }

    /// The call, held to them. Its time begins here.
    pub(crate) fn attempts(&self, call: &Call, verb: Verb) -> Attempts {
        let attempts = Attempts::of(call, verb, self.deadline.0).again(&self.retry);
        match &self.cap {
            Some(cap) => attempts.within(cap, &self.state_dir),
            None => attempts,
        }
    }

    fn read(call: &Call) -> Result<Self, Error> {
        let settings = call.read_config::<Config>()?.guard;
        if call.position() == Position::Chained {
            let why = "it is missing, and without it there is nothing to guard: put the plugin here that is to be guarded, \
                       or take this one out of the list";
            return Err(Error::config("delegate", why));
        }
        settings.breaker.iter().try_for_each(|breaker| breaker.check("guard.breaker"))?;
        Ok(settings)
    }
}
