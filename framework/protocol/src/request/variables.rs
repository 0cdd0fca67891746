//! Which variables each verb needs (specification, section 2); all problems are one error.

use std::{fs, os::unix::fs::MetadataExt};

use crate::{
    attachment::{check_container_id, check_ifname},
    environment::{CniArgs, Environment},
    error::RequestError,
    verb::Verb,
};

/// The variable with the path of the container's network namespace.
pub(super) const NETNS: &str = "CNI_NETNS";

/// The variables of one call, checked.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Variables {
    pub(super) container_id: String,
    pub(super) netns: Option<String>,
    pub(super) ifname: String,
    pub(super) args: CniArgs,
}

/// What a verb does with a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
    /// Runtimes pass it empty or with a dummy value; it is not read.
    Ignored,
}

use Need::{Ignored, Optional, Required};

/// Returns whether a verb needs a variable. GC always requires CNI_PATH; for other verbs it is only
/// required where a delegate is looked up.
#[rustfmt::skip]
fn need(verb: Verb, variable: &str) -> Need {
    match (variable, verb) {
        (_, Verb::Version)                    => Ignored,
        ("CNI_PATH", Verb::Gc)                => Required,
        ("CNI_PATH", _)                       => Optional,
        (_, Verb::Gc | Verb::Status)          => Ignored,
        ("CNI_CONTAINERID" | "CNI_IFNAME", _) => Required,
        ("CNI_NETNS", Verb::Del)              => Optional,
        ("CNI_NETNS", _)                      => Required,
        _                                     => Optional,
    }
}

pub(super) fn read(verb: Verb, environment: &Environment) -> Result<Variables, RequestError> {
    let mut reader = Reader { verb, environment, problems: Vec::new() };
    let variables = Variables {
        container_id: reader.container_id(),
        netns: reader.netns(),
        ifname: reader.name("CNI_IFNAME", check_ifname),
        args: reader.args(),
    };
    reader.text("CNI_PATH");
    if reader.problems.is_empty() {
        Ok(variables)
    } else {
        Err(RequestError::Environment { problems: reader.problems })
    }
}

struct Reader<'a> {
    verb: Verb,
    environment: &'a Environment,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn text(&mut self, variable: &str) -> Option<String> {
        let need = need(self.verb, variable);
        if need == Ignored {
            return None;
        }
        let Some(value) = self.environment.get(variable) else {
            if need == Required {
                self.problems.push(format!("{variable} is not set, and {} needs it", self.verb));
            }
            return None;
        };
        let text = value.to_str().map(str::to_owned);
        if text.is_none() {
            self.problems.push(format!("{variable}: {} is not UTF-8", value.to_string_lossy()));
        }
        text
    }

    /// Some runtimes, such as Mesos, let their users choose ids, and call DEL after an ADD that was
    /// refused because of one. A DEL that is refused, too, would be repeated endlessly.
    fn container_id(&mut self) -> String {
        let check = if self.verb == Verb::Del { check_id_of_mesos } else { check_container_id };
        self.name("CNI_CONTAINERID", check)
    }

    fn name(&mut self, variable: &str, check: fn(&str) -> Result<(), String>) -> String {
        let name = self.text(variable).unwrap_or_default();
        if !name.is_empty()
            && let Err(why) = check(&name)
        {
            self.problems.push(format!("{variable}: {why}"));
        }
        name
    }

    /// The path of the namespace of a container that has ended may be that of the host by now: a
    /// process id is used again. For DEL the namespace is removed then.
    fn netns(&mut self) -> Option<String> {
        let path = self.text(NETNS)?;
        if is_own_namespace(&path) && !override_is_set(self.environment) {
            if self.verb == Verb::Del {
                return None;
            }
            self.problems.push(format!(
                "CNI_NETNS: {path} is the network namespace of this plugin itself; \
                 pass that of the container, or set CNI_NETNS_OVERRIDE=1"
            ));
        }
        Some(path)
    }

    /// A pair that can't be parsed stops an ADD; a DEL must not fail because of it.
    fn args(&mut self) -> CniArgs {
        let text = self.text("CNI_ARGS").unwrap_or_default();
        CniArgs::parse(&text).unwrap_or_else(|why| {
            if self.verb == Verb::Add || self.verb == Verb::Check {
                self.problems.push(format!("CNI_ARGS: {why}"));
            }
            CniArgs::default()
        })
    }
}

/// Accepts what Mesos accepts: an id without control characters that can be the name of a file.
fn check_id_of_mesos(id: &str) -> Result<(), String> {
    let is_bad = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if matches!(id, "." | "..") || id.contains(is_bad) { check_container_id(id) } else { Ok(()) }
}

/// Checked first, because a delegate that works on the host's own namespace would take its
/// interface.
fn is_own_namespace(path: &str) -> bool {
    let identity = |path: &str| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    matches!((identity(path), identity("/proc/self/ns/net")), (Some(a), Some(b)) if a == b)
}

fn override_is_set(environment: &Environment) -> bool {
    matches!(environment.text("CNI_NETNS_OVERRIDE"), Some("1" | "TRUE" | "true" | "True"))
}
