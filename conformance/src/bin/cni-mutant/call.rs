//! The call: environment and input, and their validation.

use std::collections::BTreeMap;
use std::env;
use std::io::Read;

use serde_json::{Map, Value, json};

use crate::fault::Fault;

pub(crate) const VERSIONS: [&str; 7] =
    ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// A call of the plugin.
pub(crate) struct Call {
    pub(crate) profile: String,
    mutation: String,
    pub(crate) environment: BTreeMap<String, String>,
    /// The parsed input, or why it could not be parsed.
    pub(crate) input: Result<Value, Fault>,
    /// The version of the configuration; 0.1.0 if it is unknown.
    pub(crate) version: String,
}

impl Call {
    pub(crate) fn read() -> Self {
        let name = env::args_os().next().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.rsplit('/').next().unwrap_or_default();
        let mut parts = name.splitn(3, '.').skip(1).map(str::to_owned);
        let (profile, mutation) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = env::vars_os().map(|(key, value)| (text(key), text(value))).collect();
        let mut call =
            Self { profile, mutation, environment, input: Ok(Value::Null), version: String::new() };
        call.input = call.read_input();
        let version = call.input.as_ref().ok().and_then(|input| input.get("cniVersion"));
        let assumed = if call.is_mutant("version.missing-means-0.1.0") { "1.0.0" } else { "0.1.0" };
        let version = version.map_or(assumed, |version| version.as_str().unwrap_or(assumed));
        call.version = match version {
            padded if call.is_mutant("version.is-an-exact-string") => padded.trim().to_owned(),
            exact => exact.to_owned(),
        };
        call
    }

    fn read_input(&self) -> Result<Value, Fault> {
        let mut bytes = Vec::new();
        let limit = if self.is_mutant("execution.reads-all-of-stdin") { 1 << 16 } else { u64::MAX };
        let read = std::io::stdin().take(limit).read_to_end(&mut bytes);
        read.map_err(|error| Fault::new(5, format!("cannot read the input: {error}")))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Fault::new(6, format!("the input is not JSON: {error}")))
    }

    /// Whether this is the mutant of a case.
    pub(crate) fn is_mutant(&self, id: &str) -> bool {
        self.mutation == id
    }

    /// Returns a variable; empty if it is not set.
    pub(crate) fn var(&self, key: &str) -> &str {
        self.environment.get(key).map_or("", String::as_str)
    }

    pub(crate) fn verb(&self) -> &str {
        match self.var("CNI_COMMAND") {
            "add" if self.is_mutant("environment.unknown-command-is-refused") => "ADD",
            "" if self.is_mutant("environment.no-command-does-nothing") => "ADD",
            verb => verb,
        }
    }

    pub(crate) fn id(&self) -> &str {
        let id = self.var("CNI_CONTAINERID");
        let cut = if self.is_mutant("environment.long-ids-do-not-collide") { 64 } else { id.len() };
        id.get(..cut).unwrap_or(id)
    }

    pub(crate) fn ifname(&self) -> &str {
        match self.var("CNI_IFNAME") {
            "" if self.verb() == "ADD" && self.is_mutant("environment.add-needs-its-variables") => {
                "eth0"
            }
            long if self.is_mutant("environment.bad-ifname-is-refused") => {
                long.get(..15).unwrap_or(long)
            }
            "net7" if self.is_mutant("add.makes-the-interface") => "eth0",
            name => name,
        }
    }

    pub(crate) fn netns(&self) -> &str {
        self.var("CNI_NETNS")
    }

    /// Returns the configuration; empty if it cannot be read.
    pub(crate) fn config(&self) -> Map<String, Value> {
        self.input.as_ref().ok().and_then(Value::as_object).cloned().unwrap_or_default()
    }

    pub(crate) fn key(&self, key: &str) -> Value {
        self.config().get(key).cloned().unwrap_or_default()
    }

    pub(crate) fn network(&self) -> String {
        self.key("name").as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn at_least(&self, version: &str) -> bool {
        let place = |version: &str| VERSIONS.iter().position(|known| *known == version);
        place(&self.version) >= place(version)
    }

    /// Validates the call itself.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.check_command()?;
        self.check_config()?;
        self.check_verb_of_version()?;
        self.check_variables()?;
        self.check_mutations()
    }

    fn check_command(&self) -> Result<(), Fault> {
        match self.verb() {
            "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION" => Ok(()),
            other => Err(Fault::new(4, format!("CNI_COMMAND: no such command: {other:?}"))),
        }
    }

    fn check_config(&self) -> Result<(), Fault> {
        let config = match &self.input {
            Ok(Value::Object(config)) => config,
            Ok(_) => return Err(Fault::new(6, "the input is not a JSON object")),
            Err(fault) => return Err(Fault::new(fault.code, fault.msg.clone())),
        };
        if config.get("cniVersion").is_some_and(|version| !version.is_string()) {
            return Err(Fault::new(6, "cniVersion is not a string"));
        }
        if !VERSIONS.contains(&self.version.as_str()) {
            let code =
                if self.version == "x" && self.is_mutant("version.unsupported-version-is-code-1") {
                    7
                } else {
                    1
                };
            return Err(Fault::new(code, format!("cniVersion {} is not supported", self.version)));
        }
        match config.get("name") {
            Some(Value::String(name)) if is_name(name) => Ok(()),
            Some(Value::String(name))
                if name == "a b" && self.is_mutant("config.bad-network-name-is-refused") =>
            {
                Ok(())
            }
            Some(Value::String(name)) => {
                Err(Fault::new(7, format!("name: {name:?} is not a network name")))
            }
            None => Err(Fault::new(7, "name is missing")),
            Some(_) => Err(Fault::new(6, "name is not a string")),
        }
    }

    fn check_verb_of_version(&self) -> Result<(), Fault> {
        let since = match self.verb() {
            "CHECK" if !self.is_mutant("version.check-needs-0.4.0") => "0.4.0",
            "GC" | "STATUS" if !self.is_mutant("version.gc-and-status-need-1.1.0") => "1.1.0",
            _ => "0.1.0",
        };
        let verb = self.verb();
        match self.at_least(since) {
            true => Ok(()),
            false => Err(Fault::new(1, format!("{verb} needs {since}, not {}", self.version))),
        }
    }

    fn check_variables(&self) -> Result<(), Fault> {
        let required: &[&str] = match self.verb() {
            "ADD" => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            "CHECK" if self.is_mutant("environment.check-needs-its-variables") => {
                &["CNI_CONTAINERID"]
            }
            "CHECK" => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            "DEL" if self.is_mutant("environment.del-needs-its-variables") => &["CNI_IFNAME"],
            "DEL" => &["CNI_CONTAINERID", "CNI_IFNAME"],
            "GC" => &["CNI_PATH"],
            _ => return Ok(()),
        };
        let missing: Vec<&str> = required
            .iter()
            .copied()
            .filter(|key| self.var(key).is_empty())
            .filter(|key| *key != "CNI_IFNAME" || self.ifname().is_empty())
            .collect();
        if !missing.is_empty() {
            let are_named = !self.is_mutant("execution.bad-variables-are-named");
            let names = if are_named { missing.join(", ") } else { "something".to_owned() };
            return Err(Fault::new(4, format!("{names} not set")));
        }
        let spaced =
            self.is_mutant("environment.bad-container-id-is-refused") && self.id() == "a b";
        if self.verb() != "GC" && !self.id().is_empty() && !is_name(self.id()) && !spaced {
            return Err(Fault::new(
                4,
                format!("CNI_CONTAINERID: {:?} is not a container id", self.id()),
            ));
        }
        if self.verb() != "GC" && !self.ifname().is_empty() && !is_ifname(self.ifname()) {
            return Err(Fault::new(
                4,
                format!("CNI_IFNAME: {:?} is not an interface name", self.ifname()),
            ));
        }
        Ok(())
    }

    /// Refuses valid calls, which is the mutation of several cases.
    fn check_mutations(&self) -> Result<(), Fault> {
        let (verb, config) = (self.verb(), self.config());
        let add = verb == "ADD";
        let set = |key: &str| self.environment.contains_key(key);
        let empty_id = set("CNI_CONTAINERID") && self.var("CNI_CONTAINERID").is_empty();
        let odd_args =
            config.get("args").is_some_and(|args| args["cni"].get("conformance").is_some());
        let refusals = [
            ("environment.path-is-optional", !set("CNI_PATH")),
            ("environment.gc-needs-only-path", verb == "GC" && empty_id),
            ("environment.status-needs-nothing", verb == "STATUS" && empty_id),
            (
                "environment.unknown-args-are-tolerated",
                self.var("CNI_ARGS").contains("CONFORMANCE_POD"),
            ),
            ("environment.tracing-is-handed-on", set("TRACEPARENT")),
            ("execution.works-with-minimal-environment", !set("HOME")),
            ("execution.unknown-keys-are-tolerated", config.contains_key("conformanceUnknown")),
            ("config.cni-dev-keys-are-ignored", config.contains_key("cni.dev/conformance")),
            ("capability.unknown-args-are-ignored", odd_args),
            (
                "capability.absence-is-no-error",
                add && self.at_least("0.3.0") && config.get("runtimeConfig") == Some(&json!({})),
            ),
        ];
        match refusals.iter().find(|(mutation, applies)| *applies && self.is_mutant(mutation)) {
            Some((mutation, _)) => {
                Err(Fault::new(100, format!("refused by the mutant of {mutation}")))
            }
            None if self.is_mutant("execution.unsupported-field-is-named")
                && config.contains_key("conformanceUnsupported") =>
            {
                Err(Fault::new(2, "some field is not supported"))
            }
            None => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_ifname(name: &str) -> bool {
    name.len() <= 15
        && !matches!(name, "." | "..")
        && !name.contains(|c: char| c.is_whitespace() || c == '/' || c == ':')
}
