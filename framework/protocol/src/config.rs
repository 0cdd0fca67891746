//! The network configuration on stdin: one JSON object (specification, section 1).

use std::io::Read;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    attachment::check_network,
    error::RequestError,
    json::{self, Object, kind, quoted, shown},
    verb::Verb,
    version::SpecVersion,
};

/// Ten thousand port mappings are about 1 MiB; no network needs a larger configuration than this.
const STDIN_LIMIT: u64 = 4 << 20;

const STDIN: &str = "the network configuration on stdin";

/// Reads a configuration, to the end of stdin.
///
/// # Errors
///
/// Reading fails (code 5), or the input is empty, longer than 4 MiB or not one JSON object (6).
pub fn read(stdin: impl Read) -> Result<Object, RequestError> {
    let mut bytes = Vec::new();
    let count = stdin
        .take(STDIN_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| RequestError::Io { what: format!("reading {STDIN}"), source })?;
    if count as u64 > STDIN_LIMIT {
        return Err(decode(format!("it is longer than {STDIN_LIMIT} bytes")));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(decode("it is empty; a JSON object is expected"));
    }
    match json::read(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(decode(format!("it is {}; a JSON object is expected", kind(&other)))),
        Err(error) => Err(decode(error)),
    }
}

fn decode(why: impl ToString) -> RequestError {
    RequestError::decode(STDIN, why)
}

/// Returns `cniVersion`; missing or empty means 0.1.0.
///
/// # Errors
///
/// The version is not known (code 1) or not a string (6).
pub fn version(config: &Object) -> Result<SpecVersion, RequestError> {
    match config.get("cniVersion") {
        None | Some(Value::Null) => Ok(SpecVersion::default()),
        Some(Value::String(text)) => text.parse().map_err(|_| RequestError::IncompatibleVersion {
            what: format!("cniVersion: {} is not known", quoted(text)),
        }),
        Some(other) => Err(RequestError::decode(
            "cniVersion",
            format!("it is {}; a string such as \"1.0.0\" is expected", shown(other)),
        )),
    }
}

/// Returns `name`, which every configuration has.
///
/// # Errors
///
/// The name is missing or malformed (code 7) or not a string (6).
pub fn network(config: &Object) -> Result<String, RequestError> {
    match config.get("name") {
        None | Some(Value::Null) => {
            Err(RequestError::config("name", "it is missing; every network has a name"))
        }
        Some(Value::String(name)) => {
            check_network(name).map_err(|why| RequestError::config("name", why))?;
            Ok(name.clone())
        }
        Some(other) => {
            let why = format!("it is {}; a string is expected", shown(other));
            Err(RequestError::decode("name", why))
        }
    }
}

/// Reads the keys of a configuration that `T` names; all other keys are ignored.
///
/// # Errors
///
/// Code 7, with the path of the first key that does not fit.
pub fn typed<T: DeserializeOwned>(config: &Object) -> Result<T, RequestError> {
    let typed = serde_path_to_error::deserialize(config);
    let plain = |object: &Object| json::with_plain_fractions(&Value::Object(object.clone()));
    // A type that does not announce what it expects reads fractions only in their shortest form.
    let typed = match typed.is_err().then(|| plain(config)).flatten() {
        Some(plain) => serde_path_to_error::deserialize(&plain),
        None => typed,
    };
    typed.map_err(|error| {
        let path = error.path().to_string();
        let key = if path == "." { "the network configuration".to_owned() } else { path };
        RequestError::config(key, error.into_inner().to_string())
    })
}

/// Checks that a verb exists in a version: CHECK was added in 0.4.0, GC and STATUS in 1.1.0.
pub(crate) fn check_verb(verb: Verb, version: SpecVersion) -> Result<(), RequestError> {
    if version >= verb.since() {
        return Ok(());
    }
    Err(RequestError::IncompatibleVersion {
        what: format!("{verb} exists since CNI {}, but cniVersion is {version}", verb.since()),
    })
}

/// The kernel's limit, NAME_MAX.
const FILE_NAME_BYTES: usize = 255;

/// Returns whether a name can be the `type` of a plugin.
///
/// A `type` is the name of a file that is looked up in `CNI_PATH`, and never a path.
pub fn is_plugin_name(name: &str) -> bool {
    (1..=FILE_NAME_BYTES).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(['/', '\0'])
}
