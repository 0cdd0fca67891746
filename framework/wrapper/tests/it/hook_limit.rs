//! Hooks that do not end in time.

use std::{fs, path::Path, thread, time::Duration};

use cni_test_kit::{
    Behaviour, CallBuilder, FakePlugin, Journal, Outcome, PluginDir, Script, fake_call,
};
use cni_wrapper::{AddResult, Call, Error, ErrorObject, Middleware, Stack, Verb};
use serde_json::{Value, json};

use crate::common::{
    FOREVER, add,
    recorder::{Recorder, error, reply},
    verbs,
};

/// Waits in one hook for something that never happens.
struct Waits {
    hook: &'static str,
    limit: Option<Duration>,
}

impl Waits {
    async fn in_hook(&self, hook: &str) -> Result<(), Error> {
        if hook == self.hook { std::future::pending().await } else { Ok(()) }
    }
}

impl Middleware for Waits {
    type Config = serde::de::IgnoredAny;

    fn hook_timeout(&self, _: &Self::Config) -> Option<Duration> {
        self.limit
    }
    async fn before_add(&self, _: &Call, _: &Self::Config) -> Result<(), Error> {
        self.in_hook("before_add").await
    }
    async fn after_add(&self, _: &Call, _: &Self::Config, _: &mut AddResult) -> Result<(), Error> {
        self.in_hook("after_add").await
    }
    async fn before_del(&self, _: &Call, _: &Self::Config) -> Result<(), Error> {
        self.in_hook("before_del").await
    }
    async fn status(&self, _: &Call, _: &Self::Config) -> Result<(), Error> {
        self.in_hook("status").await
    }
}

/// Returns the error of a call, and its steps.
fn waiting(verb: Verb, hook: &'static str, config: Value) -> (ErrorObject, String) {
    let journal = Journal::default();
    let waits = Waits { hook, limit: Some(Duration::from_millis(20)) };
    let stack = Stack::new().with(Recorder::new("a", &journal)).with(waits);
    let fake = FakePlugin::new().recording_in(&journal);
    let error = error(&reply(&fake_call(verb, config), stack, &fake));
    let steps = journal.take().into_iter().filter(|step| step != "a.rewrite");
    (error, steps.collect::<Vec<_>>().join(" "))
}

#[test]
fn a_hook_that_never_wakes_is_stopped_and_its_add_rolled_back() {
    let config = json!({"delegate": {"type": "inner"}});
    let table = [
        (Verb::Add, "before_add", "a.before_add a.after_del"),
        (Verb::Add, "after_add", "a.before_add inner ADD a.before_del inner DEL a.after_del"),
        (Verb::Del, "before_del", "a.before_del"),
    ];
    for (verb, hook, expected) in table {
        let (error, steps) = waiting(verb, hook, config.clone());
        assert_eq!((error.code, steps.as_str()), (11, expected), "{verb} {hook}");
        let msg = format!("the hook {hook} of this plugin did not end within 20ms and was stopped");
        assert!(error.msg.starts_with(&msg), "{}", error.msg);
    }
    let (error, _) = waiting(Verb::Status, "status", config);
    assert_eq!(error.code, 50);
}

#[test]
fn the_limit_of_the_configuration_takes_precedence_over_that_of_the_plugin() {
    let config = json!({"delegate": {"type": "inner"}, "wrapper": {"hookTimeout": 0.01}});
    let layer = Waits { hook: "before_add", limit: Some(FOREVER) };
    let error = error(&reply(&fake_call(Verb::Add, config), layer, &FakePlugin::new()));
    assert!(error.msg.contains("within 10ms"), "{}", error.msg);
}

/// Blocks its thread in the hooks that the configuration names.
struct Blocks;

#[derive(serde::Deserialize)]
struct Config {
    blocks: Vec<String>,
    file: std::path::PathBuf,
}

impl Config {
    fn hook(&self, hook: &str) {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        fs::write(&self.file, format!("{text}{hook} ")).expect("written");
        if self.blocks.iter().any(|blocks| blocks == hook) {
            thread::sleep(FOREVER);
        }
    }
}

impl Middleware for Blocks {
    type Config = Config;

    async fn is_attached(&self, _: &Call, config: &Config) -> Result<bool, Error> {
        Ok(config.blocks.iter().any(|blocks| blocks == "attached"))
    }
    async fn after_add(&self, _: &Call, config: &Config, _: &mut AddResult) -> Result<(), Error> {
        config.hook("after_add");
        Ok(())
    }
    async fn before_del(&self, _: &Call, config: &Config) -> Result<(), Error> {
        config.hook("before_del");
        Ok(())
    }
}

const AS_PLUGIN: &str = "TEST_AS_PLUGIN_THAT_BLOCKS";

/// Runs this test program as the plugin, and returns the answer and the hooks that ran.
fn blocking(dir: &PluginDir, call: &CallBuilder, blocks: &[&str]) -> (Outcome, Value, String) {
    let file = dir.path().join("hooks");
    let _ = fs::remove_file(&file);
    let call =
        call.clone().key("blocks", json!(blocks)).key("file", json!(file)).env(AS_PLUGIN, "1");
    let outcome = call.run(program(dir.path()));
    let document = outcome.stdout.lines().find(|line| line.starts_with('{'));
    let answer = document.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    (outcome, answer, fs::read_to_string(&file).unwrap_or_default())
}

/// Returns a program that is this test with its name as an argument.
fn program(dir: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let test = std::env::current_exe().expect("a path");
    let name = "hook_limit::a_hook_that_blocks_its_thread_is_reported_and_its_add_rolled_back";
    let script = format!("#!/bin/sh\nexec '{}' --exact {name} --nocapture\n", test.display());
    let path = dir.join("blocks");
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    path
}

#[test]
fn a_hook_that_blocks_its_thread_is_reported_and_its_add_rolled_back() {
    if std::env::var_os(AS_PLUGIN).is_some() {
        let _ = cni_wrapper::run(cni_wrapper::about!(), Blocks);
        return;
    }
    let script = Script::always(Behaviour::result(json!({"ips": [{"address": "10.1.2.3/24"}]})));
    let dir = PluginDir::new().with("inner", &script);
    let settings = json!({"hookTimeout": 0.01, "resultDir": dir.path().join("results")});
    let call = add(&dir, json!({"type": "inner"})).key("wrapper", settings);
    let hook = |hook| {
        format!(
            "the hook {hook} of this plugin did not end within 10ms and was stopped \
                 (wrapper.hookTimeout)"
        )
    };

    let (outcome, answer, hooks) = blocking(&dir, &call, &["after_add"]);
    assert_eq!(
        (&answer["code"], &answer["msg"]),
        (&json!(11), &json!(hook("after_add"))),
        "{outcome}"
    );
    assert_eq!(answer.get("details"), None, "{outcome}");
    assert_eq!((hooks.as_str(), verbs(&dir)), ("after_add before_del ", strings(&["ADD", "DEL"])));
    let passed = &dir.calls("inner")[1].environment;
    assert!(!passed.iter().any(|(name, _)| name.starts_with("CNI_WRAPPER_")), "{passed:?}");

    let (outcome, answer, hooks) = blocking(&dir, &call, &["after_add", "before_del"]);
    assert_eq!(answer["msg"], hook("after_add"), "{outcome}");
    let details = answer["details"].as_str().unwrap_or_default();
    assert_eq!(details, format!("rollback: DEL failed: {}", hook("before_del")), "{outcome}");
    assert_eq!(hooks, "after_add before_del ");
    assert_eq!(verbs(&dir)[2..], ["ADD"], "the delegate keeps the address");

    let previous = json!({"cniVersion": "1.0.0", "ips": []});
    let chained = call.clone().key("delegate", Value::Null).key("prevResult", previous);
    let (outcome, answer, hooks) = blocking(&dir, &chained, &["after_add", "attached"]);
    // Without an interface the record does not count, so this is an ordinary rollback.
    assert_eq!(
        (answer["code"].as_u64(), hooks.as_str()),
        (Some(11), "after_add before_del "),
        "{outcome}"
    );

    let (outcome, answer, hooks) = blocking(&dir, &call.as_verb("DEL"), &["before_del"]);
    assert_eq!((&answer["code"], hooks.as_str()), (&json!(11), "before_del "), "{outcome}");
    assert_eq!(verbs(&dir).len(), 3, "no delegate is called");
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
