//! Exec that are not there: they answer as they are told to, and write down their calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cni_conformance::exchange::Exchange;
use cni_conformance::runtime::exec::{Exec, Lookup};
use cni_conformance::runtime::failure::Failure;
use cni_conformance::runtime::invocation::Invocation;
use serde_json::Value;

pub(crate) struct Scripted {
    /// What each prints on ADD.
    pub(crate) results: BTreeMap<String, Value>,
    /// `VERB PLUGIN`: this one fails.
    pub(crate) fail: String,
    log: Mutex<Vec<Invocation>>,
}

impl Scripted {
    pub(crate) fn new(results: BTreeMap<String, Value>, fail: &str) -> Self {
        Self { results, fail: fail.to_owned(), log: Mutex::default() }
    }

    /// What they were told since the last time that this was asked.
    pub(crate) fn invocation(&self) -> Vec<Invocation> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// The same as text.
    pub(crate) fn log(&self) -> String {
        self.invocation().iter().map(ToString::to_string).collect()
    }
}

impl Exec for Scripted {
    fn find(&self, name: &str, path: &[PathBuf], _: Lookup) -> Result<PathBuf, Failure> {
        Ok(path[0].join(name))
    }

    fn execute(&self, _: &Path, told: &Invocation) -> Result<Exchange, Failure> {
        self.log.lock().unwrap().push(told.clone());
        let fails = self.fail == format!("{} {}", told.verb, told.plugin);
        let error =
            r#"{"cniVersion":"1.0.0","code":101,"msg":"it fails","details":"on purpose","more":1}"#;
        let stdout = match told.verb.as_str() {
            _ if fails => error.to_owned(),
            "ADD" => self.results[&told.plugin].to_string(),
            _ => String::new(),
        };
        Ok(Exchange {
            call: told.plugin.clone(),
            environment: BTreeMap::new(),
            stdin: told.stdin.clone(),
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
