//! A call of a plugin, from environment and stdin.

mod dry_run;
mod labels;
mod valid_attachments;
mod values;
mod variables;

use std::io::Read;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    attachment::Attachment,
    config,
    environment::{CniArgs, Environment},
    error::RequestError,
    json::Object,
    result::AddResult,
    verb::{UnknownVerb, Verb},
    version::SpecVersion,
};

use variables::{NETNS, Variables};

/// One call of a plugin by a runtime, read and checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The verb, `CNI_COMMAND`.
    pub verb: Verb,
    /// Network, container id and interface name. For GC and STATUS only the network is set. On DEL
    /// the container id may be one that the specification does not allow
    /// ([`check_container_id`](crate::check_container_id)): of an ADD that was refused.
    pub attachment: Attachment,
    /// `CNI_NETNS` as it was given. `None` for GC and STATUS, and on DEL once the namespace is
    /// removed or its path is that of this process, as of a process id that is used again.
    pub netns: Option<String>,
    /// The arguments in `CNI_ARGS`.
    pub args: CniArgs,
    /// The version of the configuration, which is the version of the answer.
    pub version: SpecVersion,
    /// The configuration as it was read from stdin: every key, in its order, with all digits.
    pub config: Object,
    /// The environment of the call, for delegates. On DEL, `CNI_NETNS` is empty if
    /// [`netns`](Self::netns) is `None`.
    pub environment: Environment,
}

/// A call that can't be served, and the version in which the error is reported.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rejection {
    /// What is wrong with the call.
    pub error: RequestError,
    /// The version of the call if it could be read, else the newest.
    pub version: SpecVersion,
}

impl Request {
    /// Reads and checks a call.
    ///
    /// # Errors
    ///
    /// Variables are missing or wrong (code 4, all of them in one error), stdin is unreadable (5),
    /// is not a JSON object or has a `cniVersion` that is not a string (6), the version is not
    /// known or does not have the verb (1), the network name is wrong (7).
    pub fn read(verb: Verb, environment: Environment, stdin: impl Read) -> Result<Self, Rejection> {
        let variables = variables::read(verb, &environment);
        let config = config::read(stdin);
        // Even a call whose variables are wrong is answered in its own version.
        let known = config.as_ref().ok().and_then(|config| config::version(config).ok());
        let version = known.unwrap_or(SpecVersion::NEWEST);
        Self::checked(verb, environment, variables, config)
            .map_err(|error| Rejection { error, version })
    }

    fn checked(
        verb: Verb,
        environment: Environment,
        variables: Result<Variables, RequestError>,
        config: Result<Object, RequestError>,
    ) -> Result<Self, RequestError> {
        let Variables { container_id, netns, ifname, args } = variables?;
        let environment = match netns {
            // A delegate would take an interface of the host for that of the container.
            None if verb == Verb::Del && environment.get(NETNS).is_some() => {
                environment.with(NETNS, "")
            }
            _ => environment,
        };
        let config = config?;
        let version = config::version(&config)?;
        config::check_verb(verb, version)?;
        let network = config::network(&config)?;
        let attachment = Attachment { network, container_id, ifname };
        Ok(Self { verb, attachment, netns, args, version, config, environment })
    }

    /// Returns the verb in `CNI_COMMAND`. It is not set if a person runs the plugin.
    ///
    /// # Errors
    ///
    /// Code 4 if it is not a verb.
    pub fn verb_of(environment: &Environment) -> Result<Option<Verb>, RequestError> {
        let Some(command) = environment.get("CNI_COMMAND") else { return Ok(None) };
        command.to_string_lossy().parse().map(Some).map_err(|error: UnknownVerb| {
            RequestError::Environment { problems: vec![format!("CNI_COMMAND: {error}")] }
        })
    }

    /// Returns `prevResult`, if the configuration has one. `{}` and `null` count as none.
    ///
    /// # Errors
    ///
    /// Code 7 if it is not a result of a known version.
    pub fn prev_result(&self) -> Result<Option<AddResult>, RequestError> {
        match self.config.get("prevResult") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) if object.is_empty() => Ok(None),
            Some(value) => AddResult::check_size(value)
                .and_then(|()| AddResult::from_value(value.clone(), self.version))
                .map(Some)
                .map_err(|error| RequestError::config("prevResult", error.to_string())),
        }
    }

    /// Reads the keys of the configuration that `T` names; all other keys are ignored.
    ///
    /// # Errors
    ///
    /// Code 7, with the path of the first key that does not fit.
    pub fn read_config<T: DeserializeOwned>(&self) -> Result<T, RequestError> {
        config::typed(&self.config)
    }
}
