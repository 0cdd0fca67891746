//! A layer that selects one of several delegates: which of them each verb goes to.

use std::path::PathBuf;

use async_std::task::block_on;
use cni_test_kit::{FakePlugin, TempDir, fake_call};
use cni_wrapper::{
    Call, DelegateSelector, Error, Layers, NamedDelegate, Plugin, Request, SelectDelegate, Verb,
};
use serde_json::{Value, json};

/// Selects the delegate with the key `select`.
struct ByKey;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    delegates: serde_json::Map<String, Value>,
    select: String,
    state_dir: PathBuf,
}

impl DelegateSelector for ByKey {
    type Config = Config;

    fn delegates(&self, config: &Config) -> Vec<NamedDelegate> {
        let named = |(key, delegate): (&String, &Value)| NamedDelegate {
            key: key.clone(),
            delegate: delegate.clone(),
        };
        config.delegates.iter().map(named).collect()
    }

    fn select(&self, _: &Request, config: &Config) -> Result<String, Error> {
        Ok(config.select.clone())
    }

    fn state_dir(&self, config: &Config) -> PathBuf {
        config.state_dir.clone()
    }
}

struct Fixture {
    state: TempDir,
    fake: FakePlugin,
    plugin: Box<dyn Plugin>,
}

impl Fixture {
    fn new(fake: FakePlugin) -> Self {
        let plugin = SelectDelegate(ByKey).around(fake.boxed());
        Self { state: TempDir::new(), fake, plugin }
    }

    fn call(&self, verb: Verb, select: &str) -> Call {
        let delegates = json!({"one": {"type": "bridge"}, "two": {"type": "ptp"}});
        let state_dir = self.state.path().join("state");
        fake_call(verb, json!({"delegates": delegates, "select": select, "stateDir": state_dir}))
    }

    /// The types of the delegates that were called.
    fn called(&self) -> Vec<String> {
        let calls = self.fake.calls();
        calls.iter().map(|call| call.delegates()[0]["type"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn del_and_check_go_to_the_delegate_that_add_selected() {
    let fixture = Fixture::new(FakePlugin::new());
    block_on(fixture.plugin.add(&fixture.call(Verb::Add, "two"))).unwrap();
    block_on(fixture.plugin.check(&fixture.call(Verb::Check, "one"))).unwrap();
    block_on(fixture.plugin.del(&fixture.call(Verb::Del, "one"))).unwrap();
    assert_eq!(fixture.called(), ["ptp", "ptp", "ptp"]);
}

#[test]
fn a_del_without_a_known_selection_goes_to_all_delegates() {
    let fixture = Fixture::new(FakePlugin::new());
    block_on(fixture.plugin.del(&fixture.call(Verb::Del, "one"))).unwrap();
    assert_eq!(fixture.called(), ["bridge", "ptp"]);
}

#[test]
fn status_asks_all_delegates_and_reports_the_error_of_each() {
    let full = |earlier: usize| Err(Error::NotAvailable(format!("pool {earlier} is empty")));
    let fixture = Fixture::new(FakePlugin::new().on(Verb::Status, full));
    let error = block_on(fixture.plugin.status(&fixture.call(Verb::Status, "one"))).unwrap_err();
    assert_eq!(fixture.called(), ["bridge", "ptp"]);
    assert_eq!(error.code(), 50);
    assert!(
        error.to_string().contains("pool 0") && error.to_string().contains("pool 1"),
        "{error}"
    );
}

#[test]
fn a_selection_that_is_not_a_delegate_is_code_7_and_calls_nothing() {
    let fixture = Fixture::new(FakePlugin::new());
    let error = block_on(fixture.plugin.add(&fixture.call(Verb::Add, "three"))).unwrap_err();
    assert_eq!(error.code(), 7);
    assert!(fixture.called().is_empty());
}
