//! A layer that selects one of several delegates: which of them each verb goes to.

use std::path::PathBuf;

use async_std::task::block_on;
use cni_test_kit::{FakePlugin, TempDir, fake_call};
use cni_wrapper::{
    Call, DelegateSelector, DelegateStatus, Error, FailedDelegate, Layers, NamedDelegate, Plugin,
    Request, SelectDelegate, Verb,
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

/// Selects the delegates in their order while their pools are empty. One that is ready is enough.
struct Fallback;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ordered {
    delegates: serde_json::Map<String, Value>,
    state_dir: PathBuf,
}

impl DelegateSelector for Fallback {
    type Config = Ordered;

    fn delegates(&self, config: &Ordered) -> Vec<NamedDelegate> {
        let named = |(key, delegate): (&String, &Value)| NamedDelegate {
            key: key.clone(),
            delegate: delegate.clone(),
        };
        config.delegates.iter().map(named).collect()
    }

    fn select(&self, _: &Request, config: &Ordered) -> Result<String, Error> {
        Ok(config.delegates.keys().next().cloned().unwrap_or_default())
    }

    fn state_dir(&self, config: &Ordered) -> PathBuf {
        config.state_dir.clone()
    }

    fn next(&self, _: &Request, config: &Ordered, failed: &[FailedDelegate]) -> Option<String> {
        let is_full = failed.last()?.error.code() == 11;
        is_full.then(|| config.delegates.keys().nth(failed.len()).cloned()).flatten()
    }

    fn status(&self, _: &Request, _: &Ordered, status: DelegateStatus) -> Result<(), Error> {
        assert_eq!(status.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["one", "two"]);
        status.any()
    }

    fn fallback_config(&self, call: &Call) -> Option<Ordered> {
        let state_dir = call.config["stateDir"].as_str()?.into();
        Some(Ordered { delegates: serde_json::Map::new(), state_dir })
    }
}

fn full() -> Result<(), Error> {
    Err(Error::TryAgainLater("the pool is empty".into()))
}

fn falling(fake: FakePlugin) -> Fixture {
    let plugin = SelectDelegate(Fallback).around(fake.boxed());
    Fixture { state: TempDir::new(), fake, plugin }
}

#[test]
fn the_next_delegate_is_tried_and_check_and_del_go_to_the_one_that_served() {
    let fake = FakePlugin::new().on(Verb::Add, |nth| if nth == 0 { full() } else { Ok(()) });
    let fixture = falling(fake);
    block_on(fixture.plugin.add(&fixture.call(Verb::Add, ""))).unwrap();
    block_on(fixture.plugin.check(&fixture.call(Verb::Check, ""))).unwrap();
    let mut broken = fixture.call(Verb::Del, "").config.clone();
    broken["delegates"] = "a mistake that was made in the meantime".into();
    let broken = fake_call(Verb::Del, Value::Object(broken));
    block_on(fixture.plugin.del(&broken)).unwrap();
    assert_eq!(fixture.called(), ["bridge", "ptp", "ptp", "ptp"]);
}

#[test]
fn with_another_code_no_other_delegate_is_tried() {
    let fixture =
        falling(FakePlugin::new().on(Verb::Add, |_| Err(Error::config("mtu", "too large"))));
    let error = block_on(fixture.plugin.add(&fixture.call(Verb::Add, ""))).unwrap_err();
    assert_eq!((error.code(), fixture.called()), (7, vec!["bridge".to_owned()]));
}

#[test]
fn after_the_last_delegate_the_errors_of_all_are_reported() {
    let fake = FakePlugin::new().on(Verb::Add, |nth| match nth {
        0 => full(),
        _ => Err(Error::plugin(120, "no route")),
    });
    let fixture = falling(fake);
    let error = block_on(fixture.plugin.add(&fixture.call(Verb::Add, ""))).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (11, "the pool is empty; no route"));
    assert_eq!(fixture.called(), ["bridge", "ptp"]);
}

#[test]
fn a_delegate_that_could_not_be_undone_is_the_last_one_that_is_tried() {
    let fake = FakePlugin::new().on(Verb::Add, |_| {
        let first = Box::new(Error::TryAgainLater("the pool is empty".into()));
        Err(Error::RollbackTrouble { first, trouble: vec!["rollback: DEL failed".into()] })
    });
    let fixture = falling(fake);
    let error = block_on(fixture.plugin.add(&fixture.call(Verb::Add, ""))).unwrap_err();
    assert_eq!((error.code(), fixture.called()), (11, vec!["bridge".to_owned()]));
    assert_eq!(error.details().as_deref(), Some("rollback: DEL failed"));
}

#[test]
fn status_of_a_fallback_needs_one_delegate_that_is_ready() {
    let no = || Err(Error::NotAvailable("down".into()));
    let one = move |nth| if nth == 0 { no() } else { Ok(()) };
    let status =
        |fixture: &Fixture| block_on(fixture.plugin.status(&fixture.call(Verb::Status, "")));
    status(&falling(FakePlugin::new().on(Verb::Status, one))).unwrap();
    let error = status(&falling(FakePlugin::new().on(Verb::Status, move |_| no()))).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (50, "down; down"));
}
