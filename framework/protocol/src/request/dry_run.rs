//! A request without a call, for commands that show what a plugin would do.

use std::path::Path;

use serde_json::Value;

use super::Request;
use crate::{
    args::CniArgs, attachment::Attachment, config, environment::Environment, error::RequestError,
    json::Object, verb::Verb,
};

impl Request {
    /// Returns an ADD without a container, with the configuration in a file.
    ///
    /// The file has the configuration of a plugin, or a list that has a plugin of this `type`. The
    /// keys that a runtime would add can be [set](Request::set) afterwards.
    ///
    /// # Errors
    ///
    /// The file can't be read (code 5), is not a JSON object or has a wrong `cniVersion` (6, 1), or
    /// lists no such plugin (7).
    pub fn dry_run(file: &Path, plugin: &str) -> Result<Self, RequestError> {
        let text = std::fs::read(file).map_err(|source| RequestError::Io {
            what: format!("cannot read {}", file.display()),
            source,
        })?;
        let whole: Object = serde_json::from_slice(&text)
            .map_err(|error| RequestError::decode(file.display().to_string(), error))?;
        let config = own(whole, file, plugin)?;
        let version = config::version(&config)?;
        Ok(Self {
            verb: Verb::Add,
            attachment: Attachment::default(),
            netns: None,
            args: CniArgs::default(),
            version,
            config,
            environment: Environment::default(),
        })
    }
}

/// Returns the plugin's own object with name and version of its list, as a runtime passes it.
fn own(mut whole: Object, file: &Path, plugin: &str) -> Result<Object, RequestError> {
    let Some(Value::Array(plugins)) = whole.remove("plugins") else { return Ok(whole) };
    let ours = plugins.into_iter().find(|other| other["type"] == plugin);
    let Some(Value::Object(mut ours)) = ours else {
        let why = format!("the list in {} has no plugin of type {plugin}", file.display());
        return Err(RequestError::config("plugins", why));
    };
    for key in ["cniVersion", "name"] {
        if let Some(value) = whole.remove(key) {
            ours.insert(key.to_owned(), value);
        }
    }
    Ok(ours)
}
