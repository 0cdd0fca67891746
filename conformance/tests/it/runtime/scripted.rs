//! Fake plugins with scripted responses, which record their invocations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cni_conformance::exchange::Exchange;
use cni_conformance::runtime::exec::{Exec, Lookup};
use cni_conformance::runtime::failure::Failure;
use cni_conformance::runtime::invocation::Invocation;
use serde_json::Value;

pub(crate) struct Scripted {
    /// The output of each plugin on ADD.
    pub(crate) results: BTreeMap<String, Value>,
    /// The call that fails, as `VERB PLUGIN`.
    pub(crate) fail: String,
    log: Mutex<Vec<Invocation>>,
}

impl Scripted {
    pub(crate) fn new(results: BTreeMap<String, Value>, fail: &str) -> Self {
        Self { results, fail: fail.to_owned(), log: Mutex::default() }
    }

    /// Returns the invocations since the last call of this method.
    pub(crate) fn invocations(&self) -> Vec<Invocation> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// Returns the invocations since the last call as text.
    pub(crate) fn log(&self) -> String {
        self.invocations().iter().map(ToString::to_string).collect()
    }
}

impl Exec for Scripted {
    fn find(&self, name: &str, path: &[PathBuf], _: Lookup) -> Result<PathBuf, Failure> {
        Ok(path[0].join(name))
    }

    fn execute(&self, _: &Path, invocation: &Invocation) -> Result<Exchange, Failure> {
        self.log.lock().unwrap().push(invocation.clone());
        let fails = self.fail == format!("{} {}", invocation.verb, invocation.plugin);
        let error =
            r#"{"cniVersion":"1.0.0","code":101,"msg":"it fails","details":"on purpose","more":1}"#;
        let stdout = match invocation.verb.as_str() {
            _ if fails => error.to_owned(),
            "ADD" => self.results[&invocation.plugin].to_string(),
            _ => String::new(),
        };
        Ok(Exchange {
            call: invocation.plugin.clone(),
            environment: BTreeMap::new(),
            stdin: invocation.stdin.clone(),
            stdout,
            stderr: String::new(),
            exit: Some(i32::from(fails)),
            signal: None,
            held_open: false,
            cpu: std::time::Duration::ZERO,
            millis: 1,
        })
    }
}
