//! For code written against the `cni-plugin` crate, with the feature of that name.

use std::io;

use cni_plugin::{config::NetworkConfig, error::CniError, reply::ErrorReply};
use cni_protocol::SpecVersion;
use serde_json::Value;

use crate::{
    call::Call,
    error::{Error, code},
};

impl Call {
    /// Returns the configuration as the type of the `cni-plugin` crate, for its typed `ipam`, `dns`
    /// and `runtimeConfig`. It does not contain every key.
    ///
    /// # Errors
    ///
    /// Code 7 if that crate can't read it; it is stricter than the specification.
    pub fn network_config(&self) -> Result<NetworkConfig, Error> {
        let mut config = self.config.clone();
        config.insert("cniVersion".to_owned(), self.version.as_str().into());
        serde_json::from_value(Value::Object(config))
            .map_err(|error| Error::config("the network configuration", error.to_string()))
    }
}

/// The errors of such code convert by `?`.
impl From<CniError> for Error {
    fn from(error: CniError) -> Self {
        // Converted at once, because it is neither Send nor Sync. We set the version when we
        // answer.
        let Ok(version) = SpecVersion::NEWEST.as_str().parse() else {
            unreachable!("the newest version is a semantic version")
        };
        error.into_reply(version).into()
    }
}

/// Code and text of the reply are kept.
impl From<ErrorReply<'_>> for Error {
    fn from(reply: ErrorReply<'_>) -> Self {
        match u32::try_from(reply.code) {
            Ok(5) => Self::io(reply.msg, io::Error::other(reply.details)),
            Ok(6) => Self::decode(reply.msg, reply.details),
            Ok(7) => Self::config(reply.msg, reply.details),
            Ok(4) => Self::Environment { problems: vec![reply.details] },
            Ok(1) => Self::IncompatibleVersion { what: reply.details },
            code => Self::Plugin {
                code: code.unwrap_or(code::BUG),
                msg: reply.msg.to_owned(),
                details: Some(reply.details),
            },
        }
    }
}
