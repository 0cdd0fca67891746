//! The hooks: where the port mapper stands in each verb.

use std::cell::Cell;

use cni_wrapper::{AddResult, Attachment, Call, Error, Middleware};

use crate::attach::{self, surroundings};
use crate::backend::{Backend, Backends};
use crate::config::{Cleanup, Config, Settings};
use crate::{check, detach, gc};

/// Maps host ports to containers, around any CNI plugin.
#[derive(Debug, Default)]
pub struct PortMapper {
    /// An ADD of this very process has not touched the host yet. When it fails at that, on a held lock for
    /// instance, there is nothing to clean up, and nothing that could keep the delegate from being undone.
    untouched: Cell<bool>,
}

impl Middleware for PortMapper {
    type Config = Config;

    /// A configuration that can't be honoured is refused before the delegate attaches anything.
    async fn before_add(&self, _: &Call, config: &Config) -> Result<(), Error> {
        self.untouched.set(true);
        Settings::from(config)?;
        Ok(())
    }

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let settings = Settings::from(config)?;
        Ok(attach::attach(call, &settings, result, || self.untouched.set(false)).await?)
    }

    /// Rules go before the delegate gives the address back: it may be handed to another container at once.
    async fn before_del(&self, call: &Call, config: &Config) -> Result<(), Error> {
        if self.untouched.get() {
            return Ok(());
        }
        let owner = attach::owner(&call.attachment);
        let cleanup = Cleanup::from(config);
        let backends = Backends::new(surroundings(&call.environment), cleanup.lock_timeout);
        Ok(detach::detach(&owner, &cleanup, &backends).await?)
    }

    async fn check(&self, call: &Call, config: &Config, result: &AddResult) -> Result<(), Error> {
        Ok(check::check(call, &Settings::from(config)?, result).await?)
    }

    async fn gc(&self, call: &Call, config: &Config, valid: &[Attachment]) -> Result<(), Error> {
        let network = &call.attachment.network;
        let cleanup = Cleanup::from(config);
        let backends = Backends::new(surroundings(&call.environment), cleanup.lock_timeout);
        let errors = gc::gc(network, &cleanup, &backends, valid).await;
        let errors = errors.into_iter().map(Error::from).collect();
        Error::combine(errors)
    }

    async fn status(&self, call: &Call, config: &Config) -> Result<(), Error> {
        let settings = Settings::from(config)?;
        let backends = Backends::new(surroundings(&call.environment), settings.lock_timeout);
        backends.get(backends.kind(settings.backend))?.ready().await?;
        Ok(())
    }
}

/// The one place where the port mapper's failures become CNI errors.
impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        let code = error.code();
        match error {
            crate::Error::Config(problems) => config_error(problems),
            crate::Error::State(error) => error.into(),
            crate::Error::Damaged { ref path, .. } => {
                Self::Decode { what: path.display().to_string(), why: error.to_string() }
            }
            error if code == 11 => Self::TryAgainLater(error.to_string()),
            error => Self::plugin(code, error.to_string()),
        }
    }
}

/// The key of the first problem leads; the others follow in the same message, as far as that stays readable.
fn config_error(problems: Vec<crate::Problem>) -> Error {
    let Some(first) = problems.first() else { return Error::config("configuration", "is wrong") };
    let key = first.key.clone();
    let all = crate::Error::Config(problems).to_string();
    let why = all.strip_prefix(&format!("{key}: ")).unwrap_or(&all).to_owned();
    Error::config(key, why)
}
