//! The delegate selector of the toolkit, implemented by rules.

use std::path::PathBuf;

use cni_wrapper::{Call, DelegateSelector, Error, NamedDelegate, Request};

use crate::config::{Config, DELEGATE, key_of};
use crate::decision::decide;
use crate::rules::{Rules, Verdict};

/// The code of the error for a container that is denied.
const DENIED: u32 = 110;

/// Selects a delegate by the rules of the configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelPolicy;

impl DelegateSelector for LabelPolicy {
    type Config = Config;

    fn delegates(&self, config: &Config) -> Vec<NamedDelegate> {
        config.selectable()
    }

    fn select(&self, request: &Request, config: &Config) -> Result<String, Error> {
        let rules: Rules = request.read_config()?;
        rules.check(config)?;
        let decision = decide(&rules, request);
        log::info!("{} applies: {}", decision.rule, decision.verdict);
        match decision.verdict {
            Verdict::Allow => Ok(DELEGATE.to_owned()),
            Verdict::Use(name) => Ok(key_of(name)),
            Verdict::Deny(why) => {
                let id = &request.attachment.container_id;
                let msg = format!("{} denies container {id}: {why}", decision.rule);
                Err(Error::plugin(DENIED, msg))
            }
        }
    }

    fn state_dir(&self, config: &Config) -> PathBuf {
        config.state_dir.clone()
    }

    fn fallback_config(&self, call: &Call) -> Option<Config> {
        Some(Config::for_cleanup(&call.config))
    }
}
