//! The hooks: what the port mapper does in each verb.

use cni_wrapper::{AddResult, Attachment, Call, Error, Middleware};

use crate::backend::{Backend, Backends};
use crate::config::{BackendKind, Cleanup, Config, Settings};
use crate::state::State;
use crate::{attach, check, conditions, detach, gc, mappings};

/// Maps host ports to containers, around any CNI plugin.
#[derive(Debug)]
pub struct PortMapper;

impl Middleware for PortMapper {
    type Config = Config;

    /// Refuses an ADD for another network namespace while the container lives in the first one. The
    /// host ports would be moved away from it.
    ///
    /// A damaged file is one of an earlier ADD, too. A directory that cannot be used is an error of
    /// `after_add`, which has changed nothing then.
    async fn is_attached(&self, call: &Call, config: &Config) -> Result<bool, Error> {
        let state = State::open_existing(&Cleanup::from(config).state_dir).unwrap_or_default();
        let claim = state.map(|state| state.read_committed(&call.attachment));
        if let Some(Ok(Some(claim))) = &claim {
            call.refuse_if_attached_elsewhere(&claim.netns, claim.namespace.as_ref())?;
        }
        Ok(!matches!(claim, None | Some(Ok(None))))
    }

    /// Refuses an invalid configuration before the delegate attaches anything.
    async fn before_add(&self, call: &Call, config: &Config) -> Result<(), Error> {
        mappings::warn_of_mistyped_keys(config.args.as_ref(), config.runtime_config.as_ref());
        let settings = Settings::from(config)?;
        if settings.conditions.is_empty() {
            return Ok(());
        }
        let backends = Backends::new((&call.environment).into(), settings.lock_timeout);
        Ok(check_conditions(&settings, backends.kind(settings.backend).await)?)
    }

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let settings = Settings::from(config)?;
        Ok(attach::attach(call, &settings, result).await?)
    }

    /// Removes the rules before the delegate releases the address, which may be assigned to another
    /// container at once.
    async fn before_del(&self, call: &Call, config: &Config) -> Result<(), Error> {
        let id = &call.attachment.container_id;
        if !has_unambiguous_tag(id) {
            log::warn!("no rules can be those of {id:?}: its ADD was refused");
            return Ok(());
        }
        let cleanup = Cleanup::from(config).with_usable_state_dir();
        let backends = Backends::new((&call.environment).into(), cleanup.lock_timeout);
        Ok(detach::detach(&call.attachment, &cleanup, &backends).await?)
    }

    async fn check(&self, call: &Call, config: &Config, result: &AddResult) -> Result<(), Error> {
        Ok(check::check(call, &Settings::from(config)?, result).await?)
    }

    async fn gc(&self, call: &Call, config: &Config, valid: &[Attachment]) -> Result<(), Error> {
        let network = &call.attachment.network;
        let cleanup = Cleanup::from(config).with_usable_state_dir();
        let backends = Backends::new((&call.environment).into(), cleanup.lock_timeout);
        let errors = gc::gc(network, &cleanup, &backends, valid).await;
        let errors = errors.into_iter().map(Error::from).collect();
        Error::combine(errors)
    }

    async fn status(&self, call: &Call, config: &Config) -> Result<(), Error> {
        let settings = Settings::from(config)?;
        let backends = Backends::new((&call.environment).into(), settings.lock_timeout);
        let kind = backends.kind(settings.backend).await;
        check_conditions(&settings, kind)?;
        backends.get(kind)?.ready().await?;
        Ok(())
    }
}

/// Reports whether the tags of a container id can't be those of another container.
///
/// A DEL may have any id. With white space, the tag of the original could be that of an attachment
/// of another container, and a `~` marks the abbreviation of another id. No ADD accepts either.
fn has_unambiguous_tag(container_id: &str) -> bool {
    !container_id.contains(|c: char| c.is_whitespace() || c == '~')
}

/// Checks that a backend that was not configured can apply the conditions.
fn check_conditions(settings: &Settings, kind: BackendKind) -> Result<(), crate::Error> {
    match conditions::unsupported(&settings.conditions, kind) {
        None => Ok(()),
        Some(problem) => Err(crate::Error::Config(vec![problem])),
    }
}
