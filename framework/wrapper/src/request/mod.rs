//! Environment and stdin → a typed request, or one error that names all that is wrong.

mod args;
mod config;
mod dry_run;
mod file_name;
mod names;
mod valid;
mod values;
mod variables;

use std::io::Read;

use serde_json::Value;

use crate::{AddResult, Environment, Error, Object, SpecVersion, Verb};

pub use args::CniArgs;
pub use names::{check_container_id, check_ifname, check_network};

/// Which attachment a call is about (specification, section 3).
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Name of the network, from the configuration.
    pub network: String,
    /// `CNI_CONTAINERID`.
    pub container_id: String,
    /// `CNI_IFNAME`.
    pub ifname: String,
}

/// One call of a runtime, read and checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub verb: Verb,
    /// Network, container id and interface name. For GC and STATUS only the network is set.
    pub attachment: Attachment,
    /// `CNI_NETNS` as it was given; absent for GC and STATUS, and on DEL when the namespace is gone.
    pub netns: Option<String>,
    /// `CNI_ARGS`.
    pub args: CniArgs,
    /// Version of the configuration, which is the version of the answer.
    pub version: SpecVersion,
    /// The configuration as it came on stdin: every key, in its order, every digit.
    pub config: Object,
    /// The environment of the call, for delegates.
    pub environment: Environment,
}

/// A call that can't be served, and the version in which to say so.
#[derive(Debug)]
pub struct Refusal {
    /// What is wrong with it.
    pub error: Error,
    /// The call's own version as far as it could be read, else the newest.
    pub version: SpecVersion,
}

impl Request {
    /// Reads and checks a call.
    ///
    /// # Errors
    ///
    /// Variables missing or wrong (code 4, all of them in one error), stdin unreadable (5), no JSON object or a
    /// wrong `cniVersion` type (6), an unknown version or a verb that it does not have (1), a wrong network name (7).
    pub fn read(verb: Verb, environment: Environment, stdin: impl Read) -> Result<Self, Refusal> {
        let variables = variables::read(verb, &environment);
        let config = config::read(stdin);
        // Even a call whose variables are wrong is answered in its own version.
        let known = config.as_ref().ok().and_then(|config| config::version(config).ok());
        let version = known.unwrap_or(SpecVersion::NEWEST);
        Self::checked(verb, environment, variables, config)
            .map_err(|error| Refusal { error, version })
    }

    fn checked(
        verb: Verb,
        environment: Environment,
        variables: Result<variables::Variables, Error>,
        config: Result<Object, Error>,
    ) -> Result<Self, Error> {
        let variables::Variables { container_id, netns, ifname, args } = variables?;
        let config = config?;
        let version = config::version(&config)?;
        config::check_verb(verb, version)?;
        let network = config::network(&config)?;
        let attachment = Attachment { network, container_id, ifname };
        Ok(Self { verb, attachment, netns, args, version, config, environment })
    }

    /// `prevResult`, if the configuration has one. `{}` and `null` count as none.
    ///
    /// # Errors
    ///
    /// Code 7 when it is no result of a known version.
    pub fn prev_result(&self) -> Result<Option<AddResult>, Error> {
        match self.config.get("prevResult") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) if object.is_empty() => Ok(None),
            Some(value) => AddResult::check_size(value)
                .and_then(|()| AddResult::from_value(value.clone(), self.version))
                .map(Some)
                .map_err(|error| Error::config("prevResult", error.to_string())),
        }
    }

    /// The configuration's keys that `T` names, as a [`Middleware`](crate::Middleware) gets them: for a plugin around a plugin.
    ///
    /// # Errors
    ///
    /// Code 7, naming the path of the first key that does not fit.
    pub fn read_config<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        crate::typed::read(&self.config)
    }

    /// The configuration as the `cni-plugin` crate's typed view. For reading only: it does not hold every key.
    ///
    /// # Errors
    ///
    /// Code 7 when that crate can't read it; it is stricter than the specification.
    pub fn view(&self) -> Result<cni_plugin::config::NetworkConfig, Error> {
        let mut config = self.config.clone();
        config.insert("cniVersion".to_owned(), self.version.as_str().into());
        serde_json::from_value(Value::Object(config))
            .map_err(|error| Error::config("the network configuration", error.to_string()))
    }
}

/// The verb of this call; `None` when `CNI_COMMAND` is not set, that is: no runtime calls.
///
/// # Errors
///
/// Code 4 for a word that is no verb.
pub(crate) fn verb(environment: &Environment) -> Result<Option<Verb>, Error> {
    let Some(command) = environment.get("CNI_COMMAND") else { return Ok(None) };
    command.to_string_lossy().parse().map(Some).map_err(|error: crate::verb::UnknownVerb| {
        Error::Environment { problems: vec![format!("CNI_COMMAND: {error}")] }
    })
}

pub(crate) use config::{read as read_config, version as config_version};
