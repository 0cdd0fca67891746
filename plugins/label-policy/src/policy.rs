//! The decision at its place: which delegate the toolkit is to go on with.

use std::path::PathBuf;

use cni_wrapper::{DelegateSelector, Error, NamedDelegate, Request};

use crate::config::{Config, OWN, key_of};
use crate::decide::decide;
use crate::rules::{Rules, Verdict};

/// What a container that is refused gets.
const DENIED: u32 = 110;

/// Chooses by rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy;

impl DelegateSelector for Policy {
    type Config = Config;

    fn delegates(&self, config: &Config) -> Vec<NamedDelegate> {
        config.candidates()
    }

    fn select(&self, request: &Request, config: &Config) -> Result<String, Error> {
        let rules: Rules = request.read_config()?;
        rules.check(config)?;
        let decision = decide(&rules, request);
        log::info!("{}: {:?}", decision.by, decision.verdict);
        match decision.verdict {
            Verdict::Allow => Ok(OWN.to_owned()),
            Verdict::Use(name) => Ok(key_of(name)),
            Verdict::Deny(why) => {
                let id = &request.attachment.container_id;
                Err(Error::plugin(DENIED, format!("{} refuses container {id}: {why}", decision.by)))
            }
        }
    }

    fn state_dir(&self, config: &Config) -> PathBuf {
        config.state_dir.clone()
    }
}
