//! A deadline for a whole call: what it does to delegates, and what it leaves alone.

use std::time::{Duration, Instant};

use async_std::task::block_on;
use cni_wrapper::{
    AddResult, Answer, Call, Centre, Environment, Error, Layers, Middleware, Plugin, Request,
    Stack, Verb, code,
};
use cni_wrapper_test::{Behaviour, PluginDir, Script};
use serde_json::{Value, json};

fn call(verb: Verb, dir: &PluginDir, delegates: &Value) -> Call {
    let config = json!({"cniVersion": "1.1.0", "name": "net", "delegate": delegates});
    let path = dir.path().to_str().expect("text");
    let environment: Environment = [
        ("CNI_COMMAND", verb.as_str()),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", path),
    ]
    .into_iter()
    .collect();
    let request = Request::read(verb, environment, config.to_string().as_bytes());
    Call::new(request.expect("a request")).expect("a call")
}

fn in_half_a_second() -> Instant {
    Instant::now() + Duration::from_millis(500)
}

fn failed_add(call: &Call) -> Error {
    block_on(Centre.add(call)).expect_err("the time is too short")
}

#[test]
fn a_delegate_that_is_late_is_stopped_and_what_undoes_it_is_not_hurried() {
    let slow = Script::obey().on("DEL", Behaviour::slow(Duration::from_millis(300)));
    let dir =
        PluginDir::new().with("first", &slow).with("late", &slow.on("ADD", Behaviour::hang()));
    let whole = call(Verb::Add, &dir, &json!([{"type": "first"}, {"type": "late"}]));
    let error = failed_add(&whole.until(in_half_a_second()));
    assert_eq!(code(&error), 11);
    assert!(error.to_string().contains("\"late\" failed on ADD"), "{error}");
    assert_eq!(dir.verbs(), ["first ADD", "late ADD", "late DEL", "first DEL"]);
    assert!(dir.calls("first")[1].end_ns.is_some(), "the slow DEL came to its end");
}

#[test]
fn when_the_time_is_over_no_delegate_is_started() {
    let dir = PluginDir::new().with("d", &Script::obey());
    let over = call(Verb::Add, &dir, &json!({"type": "d"})).until(Instant::now());
    let error = failed_add(&over);
    assert_eq!(code(&error), 11);
    assert!(error.to_string().contains("before ADD of delegate \"d\""), "{error}");
    assert_eq!(dir.verbs(), [] as [&str; 0]);
}

#[test]
fn of_two_deadlines_the_earlier_holds() {
    let dir = PluginDir::new().with("d", &Script::always(Behaviour::hang()));
    let del = call(Verb::Del, &dir, &json!({"type": "d"}));
    let late = Instant::now() + Duration::from_secs(60);
    for hurried in
        [del.until(late).until(in_half_a_second()), del.until(in_half_a_second()).until(late)]
    {
        let started = Instant::now();
        block_on(Centre.del(&hurried)).expect_err("it is stopped");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

const TIME: Duration = Duration::from_millis(300);

/// Fails when the time is over.
struct FailsLate;

impl Middleware for FailsLate {
    type Config = serde::de::IgnoredAny;

    async fn after_add(&self, _: &Call, _: &Self::Config, _: &mut AddResult) -> Result<(), Error> {
        async_std::task::sleep(TIME * 2).await;
        Err(Error::plugin(120, "too late"))
    }
}

/// Panics when the time is over.
struct PanicsLate(Box<dyn Plugin>);

impl Plugin for PanicsLate {
    fn add<'a>(&'a self, call: &'a Call) -> Answer<'a, AddResult> {
        Box::pin(async move {
            self.0.add(call).await?;
            async_std::task::sleep(TIME * 2).await;
            panic!("too late")
        })
    }
    fn del<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        self.0.del(call)
    }
    fn check<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        self.0.check(call)
    }
    fn gc<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        self.0.gc(call)
    }
    fn status<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        self.0.status(call)
    }
}

#[test]
fn an_add_that_fails_in_a_layer_when_the_time_is_over_is_undone_all_the_same() {
    let panics = Stack::new().with_plugin(|inner| Box::new(PanicsLate(inner)));
    for layers in [FailsLate.around(Box::new(Centre)), panics.around(Box::new(Centre))] {
        let dir = PluginDir::new().with("d", &Script::obey());
        let call = call(Verb::Add, &dir, &json!({"type": "d"})).until(Instant::now() + TIME);
        let error = block_on(layers.add(&call)).expect_err("too late");
        assert_eq!(dir.verbs(), ["d ADD", "d DEL"], "{error}");
    }
}
