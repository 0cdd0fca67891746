//! What one plugin is invocation.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use cni_protocol::{Environment, Verb};

/// What one plugin is invocation: all that a call is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The plugin's file name, as it stands in `type`.
    pub plugin: String,
    /// What it is asked to do.
    pub verb: Verb,
    /// The variables that the runtime sets.
    pub variables: BTreeMap<String, String>,
    /// Whether the plugin gets the runtime's own environment besides.
    pub inherits: bool,
    /// Its input.
    pub stdin: String,
    /// The input is this regular file, not a pipe.
    pub from_file: Option<PathBuf>,
}

impl Invocation {
    /// The whole environment, when the runtime's own is this.
    pub fn environment(&self, own: &Environment) -> Environment {
        let begin = if self.inherits { own.clone() } else { Environment::default() };
        self.variables.iter().fold(begin, |environment, (key, value)| environment.with(key, value))
    }
}

/// As it is written into golden files: a line for each variable, then the input.
impl std::fmt::Display for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("plugin {}\n", self.plugin);
        for (key, value) in &self.variables {
            writeln!(text, "{key}={value}")?;
        }
        writeln!(text, "stdin {}", self.stdin)?;
        f.write_str(&text)
    }
}
