//! Stdin: one JSON object, the network configuration (specification, section 1).

use std::io::Read;

use serde_json::Value;

use crate::{
    Error, Object, SpecVersion, Verb,
    json::{self, quoted, shown},
};

/// Ten thousand port mappings are about 1 MiB; nobody configures a network with more than this.
const STDIN_LIMIT: u64 = 4 << 20;

const STDIN: &str = "the network configuration on stdin";

/// Reads one JSON object, to the end of stdin.
pub(crate) fn read(stdin: impl Read) -> Result<Object, Error> {
    let mut bytes = Vec::new();
    let count = stdin
        .take(STDIN_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| Error::io(format!("reading {STDIN}"), source))?;
    if count as u64 > STDIN_LIMIT {
        return Err(Error::decode(STDIN, format!("it is longer than {STDIN_LIMIT} bytes")));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::decode(STDIN, "it is empty; a JSON object is expected"));
    }
    match json::read(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => {
            Err(Error::decode(STDIN, format!("it is {}; a JSON object is expected", kind(&other))))
        }
        Err(error) => Err(Error::decode(STDIN, error)),
    }
}

/// `cniVersion`; missing or empty means 0.1.0.
pub(crate) fn version(config: &Object) -> Result<SpecVersion, Error> {
    match config.get("cniVersion") {
        None | Some(Value::Null) => Ok(SpecVersion::default()),
        Some(Value::String(text)) => text.parse().map_err(|_| Error::IncompatibleVersion {
            what: format!("cniVersion: {} is not known", quoted(text)),
        }),
        Some(other) => Err(Error::decode(
            "cniVersion",
            format!("it is {}; a string such as \"1.0.0\" is expected", shown(other)),
        )),
    }
}

/// CHECK came with 0.4.0, GC and STATUS with 1.1.0.
pub(super) fn check_verb(verb: Verb, version: SpecVersion) -> Result<(), Error> {
    if version >= verb.since() {
        return Ok(());
    }
    Err(Error::IncompatibleVersion {
        what: format!("{verb} exists since CNI {}, but cniVersion is {version}", verb.since()),
    })
}

/// `name`, which must be there and well formed.
pub(super) fn network(config: &Object) -> Result<String, Error> {
    match config.get("name") {
        None | Some(Value::Null) => {
            Err(Error::config("name", "it is missing; every network has a name"))
        }
        Some(Value::String(name)) => {
            super::check_network(name).map_err(|why| Error::config("name", why))?;
            Ok(name.clone())
        }
        Some(other) => {
            Err(Error::decode("name", format!("it is {}; a string is expected", shown(other))))
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
