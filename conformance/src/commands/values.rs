//! Parsers for the values of options.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, Command};
use cni_protocol::SpecVersion;
use serde_json::{Map, Value};

/// A JSON object, given inline or as the path of a file.
#[derive(Clone, Debug)]
pub(super) struct JsonObject {
    /// The value as it was typed, to repeat the command.
    pub(super) typed: String,
    pub(super) object: Map<String, Value>,
}

impl FromStr for JsonObject {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let text = match typed.trim_start().starts_with('{') {
            true => typed.to_owned(),
            false => fs::read_to_string(typed)
                .map_err(|error| format!("neither a JSON object nor a readable file: {error}"))?,
        };
        let object = serde_json::from_str(&text);
        let object = object.map_err(|error| format!("not a JSON object: {error}"))?;
        Ok(Self { typed: typed.to_owned(), object })
    }
}

/// Parses the name of one of these values; help, errors and completions list the names.
pub(super) fn one_of<T, const N: usize>(
    values: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(values.map(name)).try_map(move |typed| {
        let found = values.into_iter().find(|value| name(*value) == typed);
        found.ok_or("not one of the possible values")
    })
}

/// Parses any text; completions offer these values. Help does not list them, since they are many.
#[derive(Clone)]
pub(super) struct Suggested(pub(super) fn() -> Vec<&'static str>);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// Parses a version of the specification.
pub(super) fn version() -> impl TypedValueParser<Value = SpecVersion> {
    one_of(SpecVersion::ALL, SpecVersion::as_str)
}

/// Parses a number of seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a whole number of seconds")?;
    Ok(Duration::from_secs(seconds))
}

/// Splits a list of directories such as `CNI_PATH`.
pub(super) fn directories(path: &str) -> Vec<PathBuf> {
    path.split(':').filter(|directory| !directory.is_empty()).map(PathBuf::from).collect()
}
