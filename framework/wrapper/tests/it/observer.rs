//! Observers of delegates.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cni_test_kit::{Behaviour, Journal, PluginDir, Script};
use cni_wrapper::{
    AddResult, Call, DelegateCall, Environment, Error, Innermost, Observer, Plugin, Reply, Request,
    Verb, VerbFuture, dispatch,
};
use serde_json::json;

/// Records all events, and adds its name to the environment of delegates.
struct Recorder {
    name: &'static str,
    journal: Journal,
    longest: Mutex<Duration>,
}

impl Recorder {
    fn new(name: &'static str, journal: &Journal) -> Arc<Self> {
        Arc::new(Self { name, journal: journal.clone(), longest: Mutex::default() })
    }
}

impl Observer for Recorder {
    fn started(&self, run: &DelegateCall<'_>, environment: Environment) -> Environment {
        let passed = run.config.get("mark").cloned().unwrap_or_default();
        self.journal.record(&format!(
            "{}: {} {} {} {passed}",
            self.name, run.plugin, run.verb, run.version
        ));
        let so_far = environment.text("SEEN_BY").unwrap_or_default().to_owned();
        environment.with("SEEN_BY", &format!("{so_far}{} ", self.name))
    }

    fn finished(
        &self,
        run: &DelegateCall<'_>,
        took: Duration,
        outcome: Result<Option<&AddResult>, &Error>,
    ) {
        let how = match outcome {
            Ok(Some(result)) => format!("result {}", result.version()),
            Ok(None) => "success".to_owned(),
            Err(error) => error.to_string(),
        };
        self.journal.record(&format!("{}: {} finished: {how}", self.name, run.plugin));
        let mut longest = self.longest.lock().expect("no test has panicked");
        *longest = took.max(*longest);
    }
}

/// A plugin around a plugin that observes delegates.
struct Watching(Arc<Recorder>);

impl Plugin for Watching {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move { Innermost.add(&call.with_observer(self.0.clone())).await })
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Innermost.del(call)
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Innermost.check(call)
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Innermost.gc(call)
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Innermost.status(call)
    }
}

/// Returns an ADD around `first`, and `second` with version 1.0.0.
fn add(plugins: &PluginDir) -> Call {
    let environment = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", plugins.path().to_str().unwrap()),
    ];
    let second = json!({"type": "second", "cniVersion": "1.0.0", "mark": 1});
    let config =
        json!({"cniVersion": "1.1.0", "name": "net", "delegate": [{"type": "first"}, second]});
    let request =
        Request::read(Verb::Add, environment.into_iter().collect(), config.to_string().as_bytes());
    Call::new(request.unwrap()).unwrap()
}

fn answered(watching: &Arc<Recorder>, call: &Call) -> Reply {
    async_std::task::block_on(dispatch(&Watching(watching.clone()), call))
}

#[test]
fn each_execution_of_a_delegate_is_observed_those_of_a_rollback_included() {
    let slow = Script::succeed().on("ADD", Behaviour::slow(Duration::from_millis(20)));
    let failing = Script::succeed().on("ADD", Behaviour::error(11, "later"));
    let plugins = PluginDir::new().with("first", &slow).with("second", &failing);
    let (journal, call) = (Journal::default(), add(&plugins));
    let recorder = Recorder::new("it", &journal);
    assert_eq!(answered(&recorder, &call).exit_status(), 1);
    assert_eq!(
        journal.take(),
        [
            "it: first ADD 1.1.0 null",
            "it: first finished: result 1.1.0",
            "it: second ADD 1.0.0 1",
            "it: second finished: later",
            "it: second DEL 1.0.0 1",
            "it: second finished: success",
            "it: first DEL 1.1.0 null",
            "it: first finished: success",
        ]
    );
    assert!(*recorder.longest.lock().expect("no test has panicked") >= Duration::from_millis(20));
}

#[test]
fn the_innermost_observer_is_the_last_to_change_the_environment() {
    let plugins =
        PluginDir::new().with("first", &Script::succeed()).with("second", &Script::succeed());
    let (journal, call) = (Journal::default(), add(&plugins));
    let outer = call.with_observer(Recorder::new("outer", &journal));
    assert_eq!(answered(&Recorder::new("inner", &journal), &outer).exit_status(), 0);
    for plugin in ["first", "second"] {
        let environment = &plugins.calls(plugin)[0].environment;
        assert_eq!(environment["SEEN_BY"], "outer inner ");
        assert_eq!(environment["CNI_COMMAND"], "ADD");
    }
    let heard = journal.take();
    let order: Vec<_> = heard[..4].iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(order, ["outer", "inner", "inner", "outer"]);
}

#[test]
fn a_delegate_that_is_not_found_is_not_observed() {
    let plugins = PluginDir::new().with("first", &Script::succeed());
    let (journal, call) = (Journal::default(), add(&plugins));
    assert_eq!(answered(&Recorder::new("it", &journal), &call).exit_status(), 1);
    assert_eq!(
        journal.take(),
        [
            "it: first ADD 1.1.0 null",
            "it: first finished: result 1.1.0",
            "it: first DEL 1.1.0 null",
            "it: first finished: success",
        ]
    );
}

#[test]
fn a_plugin_around_a_plugin_reads_its_keys_as_hooks_do() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Keys {
        name: String,
        delegate: Vec<u8>,
    }
    let plugins = PluginDir::new();
    let error = add(&plugins).read_config::<Keys>().unwrap_err();
    assert!(error.to_string().starts_with("delegate[0]: "), "{error}");
    assert_eq!(error.code(), 7);
}
