//! A deadline for a whole call: it stops delegates, but not a rollback.

use std::time::{Duration, Instant};

use async_std::task::block_on;
use cni_test_kit::{Behaviour, PluginDir, Script};
use cni_wrapper::{
    AddResult, Call, Environment, Error, Innermost, Layers, Middleware, Plugin, Request, Stack,
    Verb, VerbFuture,
};
use serde_json::{Value, json};

use crate::common::{FOREVER, with_enough_time};

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

const SHORT: Duration = Duration::from_millis(500);

fn failed_add(call: &Call) -> Error {
    block_on(Innermost.add(call)).expect_err("the time is too short")
}

#[test]
fn a_late_delegate_is_stopped_and_its_rollback_has_no_deadline() {
    let slow = Script::succeed().on("DEL", Behaviour::slow(SHORT / 2));
    let late = slow.clone().on("ADD", Behaviour::hang());
    let (dir, error) = with_enough_time(SHORT, |time| {
        let dir = PluginDir::new().with("first", &slow).with("late", &late);
        let whole = call(Verb::Add, &dir, &json!([{"type": "first"}, {"type": "late"}]));
        let error = failed_add(&whole.with_deadline(Instant::now() + time));
        // Enough time for the first delegate, and for the late one to start.
        dir.verbs().contains(&"late ADD".to_owned()).then_some((dir, error))
    });
    assert_eq!(error.code(), 11);
    assert!(error.to_string().contains("\"late\" failed on ADD"), "{error}");
    assert_eq!(dir.verbs(), ["first ADD", "late ADD", "late DEL", "first DEL"]);
    for name in ["late", "first"] {
        assert!(dir.calls(name)[1].end_ns.is_some(), "the slow DEL of {name} finished");
    }
}

#[test]
fn no_delegate_is_started_after_the_deadline() {
    let dir = PluginDir::new().with("d", &Script::succeed());
    let over = call(Verb::Add, &dir, &json!({"type": "d"})).with_deadline(Instant::now());
    let error = failed_add(&over);
    assert_eq!(error.code(), 11);
    assert!(error.to_string().contains("before ADD of delegate \"d\""), "{error}");
    assert_eq!(dir.verbs(), [] as [&str; 0]);
}

#[test]
fn of_two_deadlines_the_earlier_holds() {
    let dir = PluginDir::new().with("d", &Script::always(Behaviour::hang()));
    let del = call(Verb::Del, &dir, &json!({"type": "d"}));
    for early_first in [true, false] {
        let begun = Instant::now();
        let (early, late) = (begun + SHORT, begun + FOREVER);
        let [one, other] = if early_first { [early, late] } else { [late, early] };
        let error = block_on(Innermost.del(&del.with_deadline(one).with_deadline(other)))
            .expect_err("it is stopped");
        let error = error.to_string();
        // Far less than the delegate's own limit. On a busy machine the deadline may pass before
        // the delegate is started.
        let is_early =
            error.contains("ms and was stopped") || error.contains("was over before DEL");
        assert!(is_early, "{error}");
        assert!(begun.elapsed() >= SHORT, "stopped after {:?}", begun.elapsed());
    }
}

async fn sleep_until(moment: Instant) {
    async_std::task::sleep(moment.saturating_duration_since(Instant::now())).await;
}

/// Fails after the deadline.
struct FailsLate(Instant);

impl Middleware for FailsLate {
    type Config = serde::de::IgnoredAny;

    async fn after_add(&self, _: &Call, _: &Self::Config, _: &mut AddResult) -> Result<(), Error> {
        sleep_until(self.0).await;
        Err(Error::plugin(120, "too late"))
    }
}

/// Panics after the deadline.
struct PanicsLate(Instant, Box<dyn Plugin>);

impl Plugin for PanicsLate {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            self.1.add(call).await?;
            sleep_until(self.0).await;
            panic!("too late")
        })
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.1.del(call)
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.1.check(call)
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.1.gc(call)
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.1.status(call)
    }
}

#[test]
fn an_add_that_fails_in_a_layer_after_the_deadline_is_rolled_back() {
    let fails = |over| FailsLate(over).around(Box::new(Innermost));
    let panics = |over| {
        let stack = Stack::new().with_plugin(move |inner| Box::new(PanicsLate(over, inner)));
        stack.around(Box::new(Innermost))
    };
    let layers: [&dyn Fn(Instant) -> Box<dyn Plugin>; 2] = [&fails, &panics];
    for layers in layers {
        let (dir, error) = with_enough_time(SHORT, |time| {
            let over = Instant::now() + time;
            let dir = PluginDir::new().with("d", &Script::succeed());
            let call = call(Verb::Add, &dir, &json!({"type": "d"})).with_deadline(over);
            let error = block_on(layers(over).add(&call)).expect_err("too late").to_string();
            // Enough time for the ADD of the delegate, which succeeds.
            error.contains("too late").then_some((dir, error))
        });
        assert_eq!(dir.verbs(), ["d ADD", "d DEL"], "{error}");
    }
}
