//! The key `guard`.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::time::Duration;

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
    pub(crate) state_dir: PathBuf,
}

/// When a failed call is made again.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Retry {
    /// CNI codes that may pass.
    pub(crate) codes: Vec<u32>,
    /// The first one included.
    pub(crate) tries: NonZeroU32,
    /// After the first failure; each further one is twice as long.
    pub(crate) pause: Seconds,
    pub(crate) longest_pause: Seconds,
}

/// How many calls may be at work at once.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Cap {
    /// Shared by all networks of the host that have the same.
    pub(crate) name: Name,
    pub(crate) at_once: NonZeroU16,
    /// How long a call waits for its turn.
    #[serde(default = "ten")]
    pub(crate) timeout: Seconds,
}

/// When ADDs of a network are refused for a while.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Breaker {
    /// So many ADDs in succession that failed...
    pub(crate) failures: NonZeroU32,
    /// ...within this time open it.
    pub(crate) window: Seconds,
    pub(crate) open: Seconds,
    /// After each probe that failed it is open for twice as long, up to this.
    pub(crate) longest_open: Seconds,
}

/// A time, written as a number of seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Seconds(pub(crate) Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        if seconds > 0.0 && seconds <= 86_400.0 {
            return Ok(Self(Duration::from_secs_f64(seconds)));
        }
        Err(format!("{seconds} is no time in seconds; it must be over 0 and at most 86400"))
    }
}

/// A name that can be part of a file's.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(pub(crate) String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if (1..=64).contains(&name.len()) && name.chars().all(fits) {
            return Ok(Self(name));
        }
        Err(format!("{name:?} is no name: 1 to 64 letters, digits, '_', '.' and '-' are expected"))
    }
}

const fn seconds(seconds: u64) -> Seconds {
    Seconds(Duration::from_secs(seconds))
}

fn ten() -> Seconds {
    seconds(10)
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(number - 1)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: seconds(60),
            retry: Retry::default(),
            cap: None,
            breaker: None,
            state_dir: "/run/cni-guard".into(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        let pause = Seconds(Duration::from_millis(250));
        Self { codes: vec![11], tries: number(4), pause, longest_pause: seconds(5) }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        let (window, open, longest_open) = (seconds(60), seconds(10), seconds(300));
        Self { failures: number(5), window, open, longest_open }
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

    fn read(call: &Call) -> Result<Self, Error> {
        let settings = call.read_config::<Config>()?.guard;
        if call.position() == Position::Chained {
            let why = "it is missing, and without it there is nothing to guard: put the plugin here that is to be guarded, \
                       or take this one out of the list";
            return Err(Error::config("delegate", why));
        }
        match &settings.breaker {
            Some(Breaker { open, longest_open, .. }) if longest_open.0 < open.0 => {
                let why = format!("{:?} is less than `open`, {:?}", longest_open.0, open.0);
                Err(Error::config("guard.breaker.longestOpen", why))
            }
            _ => Ok(settings),
        }
    }
}
