//! What the tests share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

use cni_wrapper_test::{CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

/// The plugin under test.
pub(crate) fn plugin() -> &'static str {
    env!("CARGO_BIN_EXE_cni-trace")
}

/// Scripted delegates, and beside them the files that are written.
pub(crate) struct Scene {
    pub(crate) plugins: PluginDir,
}

impl Scene {
    /// With the delegate `inner`.
    pub(crate) fn new(script: &Script) -> Self {
        Self { plugins: PluginDir::new().with("inner", script) }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.plugins.path().join(name)
    }

    /// ADD at 1.1.0 around `inner`, recorded in `trace.jsonl`.
    pub(crate) fn call(&self) -> CallBuilder {
        self.around(json!({"type": "inner"}))
    }

    pub(crate) fn around(&self, delegate: Value) -> CallBuilder {
        let config = json!({"cniVersion": "1.1.0", "traceFile": self.file("trace.jsonl"), "delegate": delegate});
        CallBuilder::add("net").cni_path(&self.plugins).config(config)
    }

    /// The lines of the recording.
    pub(crate) fn lines(&self) -> Vec<Value> {
        read_lines(&self.file("trace.jsonl"))
    }

    /// The only line of the recording.
    pub(crate) fn line(&self) -> Value {
        let [line] = self.lines().try_into().expect("one line");
        line
    }
}

/// Lines of JSON.
pub(crate) fn read_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the file was written");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The blocks of JSON in the README: the configuration at its beginning, all keys, a list.
pub(crate) fn readme_configs() -> [Value; 3] {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let readme = readme.expect("README.md");
    let blocks = readme.split("```json\n").skip(1).map(|rest| {
        let block = rest.split("```").next().expect("its end");
        serde_json::from_str(block).expect(block)
    });
    blocks.collect::<Vec<_>>().try_into().expect("three blocks")
}
