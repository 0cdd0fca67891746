//! The invocation of one plugin.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use cni_protocol::{Environment, Verb};

/// The invocation of one plugin: its complete input.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The file name of the plugin, from `type`.
    pub plugin: String,
    /// The verb.
    pub verb: Verb,
    /// The variables that the runtime sets.
    pub variables: BTreeMap<String, String>,
    /// Whether the plugin inherits the environment of the runtime.
    pub inherits: bool,
    /// The standard input.
    pub stdin: String,
    /// The regular file that is the standard input, instead of a pipe.
    pub from_file: Option<PathBuf>,
    /// Whether the plugin inherits that SIGPIPE is ignored, so that writing to a closed pipe fails
    /// with an error.
    pub ignores_sigpipe: bool,
}

impl Invocation {
    /// Returns the complete environment, given that of the runtime.
    pub fn environment(&self, own: &Environment) -> Environment {
        let begin = if self.inherits { own.clone() } else { Environment::default() };
        self.variables.iter().fold(begin, |environment, (key, value)| environment.with(key, value))
    }
}

/// The format of golden files: a line for each variable, then the input.
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
