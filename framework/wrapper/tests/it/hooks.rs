//! The order of hooks for every verb. No delegate is executed.

use cni_test_kit::{FakePlugin, Journal, fake_call};
use cni_wrapper::{
    AddResult, AsyncPlugin, Call, Error, Middleware, Object, Plugin, Position, Reply, Stack, Verb,
    VerbFuture,
};
use serde_json::json;

use crate::common::recorder::{Recorder, config, document, error, reply, steps};

const VALID: &str = "cni.dev/valid-attachments";
const VERBS: [Verb; 5] = [Verb::Add, Verb::Del, Verb::Check, Verb::Gc, Verb::Status];

fn two(journal: &Journal) -> Stack {
    Stack::new().with(Recorder::new("a", journal)).with(Recorder::new("b", journal))
}

#[test]
fn every_verb_calls_its_hooks_in_its_order() {
    let table = [
        (Verb::Add, vec!["a.before_add", "inner ADD", "a.after_add"]),
        (Verb::Del, vec!["a.before_del", "inner DEL", "a.after_del"]),
        (Verb::Check, vec!["inner CHECK", "a.check"]),
        (Verb::Gc, vec!["a.gc", "inner GC"]),
        (Verb::Status, vec!["a.status", "inner STATUS"]),
    ];
    for (verb, expected) in table {
        let journal = Journal::default();
        let (reply, steps) = steps(verb, Recorder::new("a", &journal), &journal, FakePlugin::new());
        assert_eq!(reply.exit_status(), 0, "{verb}: {reply:?}");
        assert_eq!(steps, expected, "{verb}");
    }
}

#[test]
fn the_first_of_two_middlewares_is_the_outermost() {
    let table = [
        (Verb::Add, "a.before_add b.before_add inner ADD b.after_add a.after_add"),
        (Verb::Del, "a.before_del b.before_del inner DEL b.after_del a.after_del"),
        (Verb::Check, "inner CHECK b.check a.check"),
        (Verb::Gc, "a.gc b.gc inner GC"),
        (Verb::Status, "a.status b.status inner STATUS"),
    ];
    for (verb, expected) in table {
        let journal = Journal::default();
        let (reply, steps) = steps(verb, two(&journal), &journal, FakePlugin::new());
        assert_eq!(reply.exit_status(), 0, "{verb}: {reply:?}");
        assert_eq!(steps.join(" "), expected);
    }
}

#[test]
fn a_stack_in_a_stack_keeps_the_order() {
    let journal = Journal::default();
    let nested = Stack::new().with(two(&journal)).with(Recorder::new("c", &journal));
    let (_, steps) = steps(Verb::Gc, nested, &journal, FakePlugin::new());
    assert_eq!(steps, ["a.gc", "b.gc", "c.gc", "inner GC"]);
}

#[test]
fn the_innermost_layer_changes_the_result_first() {
    let (journal, fake) = (Journal::default(), FakePlugin::new());
    let reply = reply(&fake_call(Verb::Add, json!({})), two(&journal), &fake);
    assert_eq!(document(&reply)["by"], "ba");
}

#[test]
fn rewrite_runs_for_every_verb_and_each_delegate_outermost_first() {
    for verb in VERBS {
        let (journal, fake) = (Journal::default(), FakePlugin::new());
        let mut config = config();
        config["delegate"] = json!([{"type": "x"}, {"type": "y", "mtu": 1}]);
        reply(&fake_call(verb, config.clone()), two(&journal), &fake);
        let mut delegates = fake.calls()[0].delegates().to_vec();
        delegates.iter_mut().for_each(|passed| drop(passed.shift_remove(VALID)));
        let passed = serde_json::to_value(delegates).expect("JSON");
        let expected = json!([
            {"type": "x", "name": "net", "cniVersion": "1.1.0", "rewritten": "ab"},
            {"type": "y", "mtu": 1, "name": "net", "cniVersion": "1.1.0", "rewritten": "ab"},
        ]);
        assert_eq!(passed, expected, "{verb}");
        assert_eq!(
            fake.calls()[0].config["delegate"],
            config["delegate"],
            "the request is unchanged"
        );
    }
}

#[test]
fn rewrite_has_nothing_to_do_in_the_chained_position() {
    let (journal, fake) = (Journal::default(), FakePlugin::new());
    let call = fake_call(Verb::Add, json!({"prevResult": {"cniVersion": "1.1.0", "ips": []}}));
    assert_eq!(call.position(), Position::Chained);
    reply(&call, two(&journal), &fake);
    assert_eq!(journal.take().join(" "), "a.before_add b.before_add b.after_add a.after_add");
}

#[test]
fn check_without_prev_result_is_code_7_and_runs_nothing() {
    let (journal, fake) = (Journal::default(), FakePlugin::new());
    for empty in [json!(null), json!({})] {
        let call =
            fake_call(Verb::Check, json!({"delegate": {"type": "inner"}, "prevResult": empty}));
        let error = error(&reply(&call, Recorder::new("a", &journal), &fake));
        assert_eq!(error.code, 7);
        assert!(error.msg.starts_with("prevResult: "), "{}", error.msg);
    }
    assert!(fake.verbs().is_empty());
}

#[test]
fn the_error_of_an_inner_check_is_the_answer() {
    let journal = Journal::default();
    let fake = FakePlugin::new().on(Verb::Check, |_| Err(Error::plugin(120, "no route")));
    let (reply, steps) = steps(Verb::Check, Recorder::new("a", &journal), &journal, fake);
    assert_eq!((error(&reply).code, steps.join(" ").as_str()), (120, "inner CHECK"));
}

#[test]
fn an_error_of_the_status_hook_becomes_50_or_51_and_an_inner_one_keeps_its_code() {
    type Why = fn() -> Error;
    let table: [(Why, u32); 4] = [
        (|| Error::plugin(150, "no iptables"), 50),
        (|| Error::NotAvailable("no iptables".into()), 50),
        (|| Error::LimitedConnectivity("no iptables".into()), 51),
        (|| panic!("no iptables"), 50),
    ];
    for (why, code) in table {
        let journal = Journal::default();
        let recorder = Recorder::new("a", &journal).on("status", move || Err(why()));
        let (reply, steps) = steps(Verb::Status, recorder, &journal, FakePlugin::new());
        assert_eq!((error(&reply).code, steps.join(" ").as_str()), (code, "a.status"));
        assert!(error(&reply).msg.contains("no iptables"));
    }
    let journal = Journal::default();
    let fake = FakePlugin::new().on(Verb::Status, |_| Err(Error::plugin(120, "pool is full")));
    let (reply, _) = steps(Verb::Status, Recorder::new("a", &journal), &journal, fake);
    assert_eq!(error(&reply).code, 120);
}

/// The values that `after_add` gets: names of the layers, then the typed configuration.
#[derive(serde::Deserialize)]
struct Ports {
    ports: Vec<Port>,
}

#[derive(serde::Deserialize)]
struct Port {
    number: u16,
}

struct OpensPorts;

impl Middleware for OpensPorts {
    type Config = Ports;

    async fn after_add(
        &self,
        _: &Call,
        config: &Ports,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let sum: u16 = config.ports.iter().map(|port| port.number).sum();
        result.document_mut().insert("sum".into(), sum.into());
        Ok(())
    }
}

#[test]
fn a_wrong_typed_configuration_is_refused_with_the_path_of_its_key() {
    for verb in [Verb::Add, Verb::Check, Verb::Status] {
        let fake = FakePlugin::new();
        let ports = json!([{"number": 80}, {"number": "http"}]);
        let error = error(&reply(&fake_call(verb, json!({"ports": ports})), OpensPorts, &fake));
        assert_eq!(error.code, 7, "{verb}");
        assert!(error.msg.starts_with("ports[1].number: "), "{}", error.msg);
        assert!(fake.verbs().is_empty(), "{verb}: nothing is called");
    }
    let error = error(&reply(&fake_call(Verb::Add, json!({})), OpensPorts, &FakePlugin::new()));
    assert_eq!(error.code, 7);
    assert!(error.msg.contains("ports"), "a missing key is named: {}", error.msg);
}

#[test]
fn unknown_keys_are_accepted() {
    let config = json!({"ports": [{"number": 80, "x": 1}], "y": {"z": 1.10}});
    let reply = reply(&fake_call(Verb::Add, config), OpensPorts, &FakePlugin::new());
    assert_eq!(document(&reply)["sum"], 80);
}

/// Tries an ADD three times. By the contract a failed ADD has left nothing.
struct Retry(Box<dyn Plugin>);

impl Plugin for Retry {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            for _ in 0..2 {
                if let Ok(result) = self.0.add(call).await {
                    return Ok(result);
                }
            }
            self.0.add(call).await
        })
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.0.del(call)
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.0.check(call)
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.0.gc(call)
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.0.status(call)
    }
}

/// The same with `async fn`: verbs that are only forwarded are left out.
struct AsyncRetry(Box<dyn Plugin>);

impl AsyncPlugin for AsyncRetry {
    fn inner(&self) -> &dyn Plugin {
        &*self.0
    }
    async fn add(&self, call: &Call) -> Result<AddResult, Error> {
        for _ in 0..2 {
            if let Ok(result) = self.inner().add(call).await {
                return Ok(result);
            }
        }
        self.inner().add(call).await
    }
}

#[test]
fn an_async_plugin_forwards_the_verbs_that_it_does_not_have() {
    for verb in VERBS {
        let fake = FakePlugin::new();
        let stack = Stack::new().with_async_plugin(AsyncRetry);
        let reply = reply(&fake_call(verb, config()), stack, &fake);
        assert_eq!((reply.exit_status(), fake.verbs()), (0, vec![verb]), "{reply:?}");
    }
}

/// A layer that reads `ports` as a text, and refuses keys that no layer reads.
struct Strict;

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "only the key and its type matter")]
struct Text {
    ports: Option<String>,
    colour: Option<String>,
}

impl Middleware for Strict {
    type Config = Text;

    fn refuses_unknown_keys(&self) -> bool {
        true
    }
}

#[test]
fn a_key_that_two_layers_read_as_different_types_is_refused_with_the_name_of_the_layer() {
    let msg = |layers: Stack, ports: serde_json::Value| {
        let call = fake_call(Verb::Add, json!({"ports": ports}));
        error(&reply(&call, layers, &FakePlugin::new())).msg
    };
    let both = || Stack::new().with(OpensPorts).with(Strict);
    let text = msg(both(), json!("80"));
    assert!(
        text.starts_with("ports: ") && text.ends_with("(read by the layer OpensPorts)"),
        "{text}"
    );
    let list = msg(Stack::new().with(both()), json!([]));
    assert!(list.ends_with("(read by the layer Strict)"), "{list}");
    let single = msg(Stack::new().with(Strict), json!([]));
    assert!(!single.contains("layer"), "{single}");
}

#[test]
fn a_layer_can_refuse_keys_that_no_layer_reads() {
    let answer = |config| {
        let stack = Stack::new().with(Recorder::new("a", &Journal::default())).with(Strict);
        reply(&fake_call(Verb::Add, config), stack, &FakePlugin::new())
    };
    let known = json!({"colour": "red", "runtimeConfig": {}, "cni.dev/x": 1, "_note": 1,
        "type": "x",
        "wrapper": {}, "delegate": {"type": "inner", "whatever": 1}, "dns": {}});
    assert_eq!(answer(known).exit_status(), 0);
    let error = error(&answer(json!({"delegate": {"type": "inner"}, "vlan": 7})));
    assert_eq!(error.code, 7);
    assert_eq!(error.msg, "vlan: it is not a known key; this plugin reads: ports, colour");
}

#[test]
fn a_retry_is_a_plugin_around_a_plugin() {
    let journal = Journal::default();
    for is_async in [false, true] {
        let stack = Stack::new().with(Recorder::new("a", &journal));
        let stack = match is_async {
            true => stack.with_async_plugin(AsyncRetry),
            false => stack.with_plugin(|inner| Box::new(Retry(inner))),
        };
        retries(stack.with(Recorder::new("b", &journal)), &journal);
    }
}

fn retries(stack: Stack, journal: &Journal) {
    let fake = FakePlugin::new().on(Verb::Add, |nth| match nth {
        0 | 1 => Err(Error::TryAgainLater("busy".into())),
        _ => Ok(()),
    });
    let (reply, steps) = steps(Verb::Add, stack, journal, fake);
    assert_eq!(reply.exit_status(), 0, "{reply:?}");
    let failed = "b.before_add inner ADD b.after_del";
    let expected =
        format!("a.before_add {failed} {failed} b.before_add inner ADD b.after_add a.after_add");
    assert_eq!(steps.join(" "), expected);
}

#[test]
fn the_answer_to_version_has_the_version_of_the_call() {
    let call = fake_call(Verb::Version, json!({"cniVersion": "0.4.0"}));
    let reply = reply(&call, OpensPorts, &FakePlugin::new());
    assert!(matches!(reply, Reply::Version(_)));
    assert_eq!(document(&reply)["cniVersion"], "0.4.0");
}

#[test]
fn a_plugin_can_rewrite_the_delegates_of_a_call() {
    let call = fake_call(Verb::Add, json!({"delegate": {"type": "inner"}}));
    let add_key = |delegate: &mut Object| {
        delegate.insert("x".into(), json!(1));
        Ok(())
    };
    let rewritten = call.rewrite_delegates(add_key).expect("rewritten");
    assert_eq!(rewritten.delegates()[0]["x"], 1);
    assert_eq!(call.delegates()[0].get("x"), None, "the original call is unchanged");
}
