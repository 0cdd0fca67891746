//! Reads the command lines of `life` and of the verbs by hand.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use cni_conformance::Profile;
use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::runtime_conf::cni_args;
use cni_protocol::SpecVersion;
use lexopt::prelude::*;
use serde_json::Map;

type Object = Map<String, serde_json::Value>;

/// All that may stand there; what a command does not know is refused by its name.
#[derive(Default)]
pub(super) struct Words {
    /// What stands without an option.
    pub(super) words: Vec<String>,
    pub(super) runtime: Option<RuntimeKind>,
    pub(super) timeout: Option<Duration>,
    pub(super) cap: Option<Object>,
    pub(super) info: Option<Object>,
    // Of `life`.
    pub(super) lives: Option<String>,
    pub(super) subject: Option<PathBuf>,
    pub(super) config: Option<Object>,
    pub(super) profile: Option<Profile>,
    pub(super) spec: Option<SpecVersion>,
    // By hand.
    pub(super) ifname: Option<String>,
    pub(super) id: Option<String>,
    pub(super) args: Vec<(String, String)>,
    pub(super) path: Option<String>,
    pub(super) netconf_dir: Option<PathBuf>,
    pub(super) cache: Option<PathBuf>,
    pub(super) valid: Vec<String>,
    pub(super) all: bool,
    pub(super) keep: bool,
    pub(super) verbose: bool,
    /// The options that were given, to refuse those that make no sense together.
    pub(super) given: Vec<String>,
    /// They as they were written, to repeat the command.
    pub(super) written: String,
}

/// Reads the words.
pub(super) fn read(mut parser: lexopt::Parser, known: &[&str]) -> Result<Words, String> {
    let mut words = Words::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let name = match argument {
            Value(word) => {
                words.words.push(word.string().map_err(|error| error.to_string())?);
                continue;
            }
            Short('v') => "verbose".to_owned(),
            Long(name) => name.to_owned(),
            other @ Short(_) => return Err(other.unexpected().to_string()),
        };
        if !known.contains(&name.as_str()) {
            return Err(format!("--{name} is no option of this command (see --help)"));
        }
        words.option(&name, &mut parser).map_err(|problem| format!("--{name}: {problem}"))?;
        words.given.push(name);
    }
    Ok(words)
}

impl Words {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), String> {
        match name {
            "all" => self.all = true,
            "keep" => self.keep = true,
            "verbose" => self.verbose = true,
            _ => {
                let value = parser.value().and_then(ValueExt::string);
                let value = value.map_err(|error| error.to_string())?;
                if !["lives", "runtime"].contains(&name) {
                    self.written.push_str(&format!(" --{name} '{value}'"));
                }
                self.valued(name, value)?;
            }
        }
        Ok(())
    }

    fn valued(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "runtime" => self.runtime = Some(value.parse()?),
            "timeout" => {
                let seconds = value.parse().map_err(|_| "a number of seconds is wanted")?;
                self.timeout = Some(Duration::from_secs(seconds));
            }
            "cap" => self.cap = Some(object(&value)?),
            "info" => self.info = Some(object(&value)?),
            "lives" => self.lives = Some(value),
            "subject" => self.subject = Some(value.into()),
            "config" => self.config = Some(object(&value)?),
            "profile" => self.profile = Some(value.parse()?),
            "spec" => self.spec = Some(value.parse().map_err(|error| format!("{error}"))?),
            "ifname" => self.ifname = Some(value),
            "id" => self.id = Some(value),
            "args" => self.args = cni_args(&value)?,
            "path" => self.path = Some(value),
            "netconf-dir" => self.netconf_dir = Some(value.into()),
            "cache" => self.cache = Some(value.into()),
            "valid" => self.valid.push(value),
            other => return Err(format!("nobody reads the option {other}")),
        }
        Ok(())
    }

    /// The runtime that is to be played.
    pub(super) fn kind(&self) -> RuntimeKind {
        self.runtime.unwrap_or(RuntimeKind::Libcni)
    }

    /// Refuses options that make no sense here.
    pub(super) fn refuse(&self, names: &[&str], why: &str) -> Result<(), String> {
        match self.given.iter().find(|given| names.contains(&given.as_str())) {
            Some(name) => Err(format!("--{name}: {why}")),
            None => Ok(()),
        }
    }
}

/// A JSON object, given as such or as the path of a file.
fn object(text: &str) -> Result<Object, String> {
    let text = match text.trim_start().starts_with('{') {
        true => text.to_owned(),
        false => {
            let read = fs::read_to_string(text);
            read.map_err(|error| format!("neither a JSON object nor a file: {text}: {error}"))?
        }
    };
    serde_json::from_str(&text).map_err(|error| format!("no JSON object: {error}"))
}
