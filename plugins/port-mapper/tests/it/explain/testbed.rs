//! A host in order, and what `explain` shows of it.

use cni_test_kit::{CallBuilder, Host, Server, Traffic};
use serde_json::{Value, json};

use crate::behaviour::testbed::{CLIENT, Running, TrafficTestbed, port};
use crate::common::{HOST, plugin, reached};

/// A host with a container that serves a mapped port.
pub(super) struct Explained {
    pub(super) testbed: TrafficTestbed,
    pub(super) running: Running,
    pub(super) server: Server,
}

impl Explained {
    /// Returns a host on which port 8080 leads to port 80 of a container.
    pub(super) fn new(backend: &'static str) -> Self {
        Self::with(backend, json!({}))
    }

    /// Returns the same with these keys of the configuration.
    pub(super) fn with(backend: &'static str, keys: Value) -> Self {
        let testbed = TrafficTestbed::new(backend);
        let running = testbed.start("c1", keys, json!([port(8080, 80)]));
        let server = running.container.serve(Traffic::Http, 80);
        Self { testbed, running, server }
    }

    pub(super) fn host(&self) -> &Host {
        &self.testbed.host
    }

    /// Checks that no step fails or is unknown, for the client outside.
    #[track_caller]
    pub(super) fn is_in_order(&self) {
        all_are_ok(self.host(), &["8080", "--from", CLIENT]);
    }

    /// Types the command lines of the remedy of the step that fails, after which the port is
    /// reached.
    #[track_caller]
    pub(super) fn remedy_works(&self) {
        self.remedy_works_after("");
    }

    /// The same, in a shell that has run these lines before.
    #[track_caller]
    pub(super) fn remedy_works_after(&self, lines: &str) {
        let steps = steps(self.host(), &["8080", "--from", CLIENT]);
        let failed = steps.iter().find(|step| step["status"] == "failed").expect("it fails");
        self.host().sh(&format!("{lines}\n{}", commands(failed).join("\n")));
        self.is_in_order();
        // The client may still wait for an answer on the link from the time when there was none.
        self.testbed.outside.run("ip neighbour flush all");
        reached(&self.testbed.outside, HOST, 8080, "the remedy works");
    }

    /// Checks that a step fails, for the client outside, and no other one does. Its message and
    /// remedy contain these words.
    #[track_caller]
    pub(super) fn fails(&self, step: &str, words: &[&str]) {
        fails(self.host(), &["8080", "--from", CLIENT], step, words);
    }
}

/// Returns the steps of all paths. The exit status must be that of their outcome.
#[track_caller]
pub(super) fn steps(host: &Host, arguments: &[&str]) -> Vec<Value> {
    let mut words = vec!["explain", "--json"];
    words.extend(arguments);
    let outcome = CallBuilder::cli(&words).within(host).run(plugin());
    let json: Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {outcome}"));
    let paths = json["paths"].as_array().expect("paths").iter();
    let steps: Vec<Value> =
        paths.flat_map(|path| path["steps"].as_array().expect("steps").clone()).collect();
    let ok = steps.iter().all(|step| step["status"] != "failed");
    assert_eq!(json["ok"], ok, "{json}");
    assert_eq!(outcome.code(), Some(if ok { 0 } else { 1 }), "{outcome}");
    steps
}

/// Checks that no step fails or is unknown.
#[track_caller]
pub(super) fn all_are_ok(host: &Host, arguments: &[&str]) {
    let steps = steps(host, arguments);
    assert_eq!(names(&steps, "ok").len(), steps.len(), "{steps:#?}");
}

/// Checks that a step fails and no other one does.
#[track_caller]
pub(super) fn fails(host: &Host, arguments: &[&str], step: &str, words: &[&str]) {
    let steps = steps(host, arguments);
    let failed: Vec<&str> = names(&steps, "failed");
    assert_eq!(failed, [step], "{steps:#?}");
    let failed = steps.iter().find(|one| one["status"] == "failed").expect("a failed step");
    let text = text(failed);
    for word in words {
        assert!(text.contains(word), "{word:?} is in message or remedy: {text}");
    }
    assert!(failed["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{failed}");
}

/// Checks that a step is unknown and none fails.
#[track_caller]
pub(super) fn is_unknown(host: &Host, arguments: &[&str], step: &str, words: &[&str]) {
    let steps = steps(host, arguments);
    assert_eq!(names(&steps, "failed"), [] as [&str; 0], "{steps:#?}");
    assert_eq!(names(&steps, "unknown"), [step], "{steps:#?}");
    let text = text(steps.iter().find(|one| one["status"] == "unknown").expect("it"));
    for word in words {
        assert!(text.contains(word), "{word:?} is in the message: {text}");
    }
}

/// Returns the command lines of a step's remedy.
pub(super) fn commands(step: &Value) -> Vec<&str> {
    let commands = step["commands"].as_array().into_iter().flatten();
    commands.map(|command| command.as_str().expect("a command line")).collect()
}

/// Returns what a step shows, with the name of the plugin instead of its path.
pub(super) fn text(step: &Value) -> String {
    let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let shown = [text("message"), text("remedy"), commands(step).join("; ")].join("\n");
    let path = plugin().display().to_string();
    // It is quoted if it has a blank.
    [format!("'{path}'"), path]
        .iter()
        .fold(shown, |text, path| text.replace(path.as_str(), "mesos-cni-port-mapper"))
}

/// Returns the names of the steps with a status.
pub(super) fn names<'a>(steps: &'a [Value], status: &str) -> Vec<&'a str> {
    let with = steps.iter().filter(|step| step["status"] == status);
    with.map(|step| step["step"].as_str().expect("a name")).collect()
}
