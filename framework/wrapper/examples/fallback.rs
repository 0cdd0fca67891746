//! Uses another delegate if the first one can't serve a container, for instance since its pool of
//! addresses is empty.
//!
//! A selection that falls through: the delegate that has attached a container gets its CHECK and
//! DEL, even if the configuration has changed. One delegate that is ready is enough for STATUS.
//!
//! ```json
//! {"type": "fallback", "delegate": {"type": "bridge", …}, "fallbacks": [{"type": "ptp", …}],
//!  "codes": [11, 102], …}
//! ```

use std::{path::PathBuf, process::ExitCode};

use cni_wrapper::{
    Call, DelegateSelector, DelegateStatus, Error, FailedDelegate, NamedDelegate, Request,
    SelectDelegate, about, run,
};
use serde_json::Value;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    delegate: Option<Value>,
    #[serde(default)]
    fallbacks: Vec<Value>,
    /// The codes of an ADD after which the next delegate is tried.
    #[serde(default = "try_again_later")]
    codes: Vec<u32>,
    #[serde(default = "state_dir")]
    state_dir: PathBuf,
}

fn try_again_later() -> Vec<u32> {
    vec![11]
}

fn state_dir() -> PathBuf {
    "/run/cni-fallback".into()
}

struct Fallback;

impl DelegateSelector for Fallback {
    type Config = Config;

    fn delegates(&self, config: &Config) -> Vec<NamedDelegate> {
        let named = |key, delegate: &Value| NamedDelegate { key, delegate: delegate.clone() };
        let first = config.delegate.iter().map(|first| named("delegate".to_owned(), first));
        let others = config.fallbacks.iter().enumerate();
        first
            .chain(others.map(|(index, next)| named(format!("fallbacks[{index}]"), next)))
            .collect()
    }

    fn select(&self, _: &Request, _: &Config) -> Result<String, Error> {
        Ok("delegate".to_owned())
    }

    fn next(&self, _: &Request, config: &Config, failed: &[FailedDelegate]) -> Option<String> {
        let (code, index) = (failed.last()?.error.code(), failed.len() - 1);
        let has_next = config.codes.contains(&code) && index < config.fallbacks.len();
        has_next.then(|| format!("fallbacks[{index}]"))
    }

    fn status(&self, _: &Request, _: &Config, status: DelegateStatus) -> Result<(), Error> {
        status.any()
    }

    fn state_dir(&self, config: &Config) -> PathBuf {
        config.state_dir.clone()
    }

    fn fallback_config(&self, call: &Call) -> Option<Config> {
        let configured = call.config.get("stateDir").and_then(Value::as_str);
        let state_dir = configured.map_or_else(state_dir, PathBuf::from);
        Some(Config { delegate: None, fallbacks: Vec::new(), codes: Vec::new(), state_dir })
    }
}

fn main() -> ExitCode {
    run(about!(), SelectDelegate(Fallback))
}
