//! Failures in process: what a failed ADD undoes, where DEL stops, how GC goes on.

use cni_test_kit::{FakePlugin, Journal, fake_call};
use cni_wrapper::{AddResult, Call, Error, Plugin, Stack, Verb, VerbFuture};
use serde_json::{Value, json};

use crate::common::noting::{self, Noting, config, error, reply, steps};

fn no() -> Result<(), Error> {
    Err(Error::plugin(120, "no"))
}

/// The code and message of a failed ADD, its details, and the steps.
fn add(noting: impl Fn(Noting) -> Noting, fake: FakePlugin) -> (u32, String, String, String) {
    let journal = Journal::default();
    let (reply, steps) = steps(Verb::Add, noting(Noting::new("a", &journal)), &journal, fake);
    let error = error(&reply);
    (error.code, error.msg, error.details.unwrap_or_default(), steps.join(" "))
}

#[test]
fn a_before_add_that_fails_is_undone_and_the_inner_plugin_is_not_called() {
    let (code, msg, details, steps) = add(|noting| noting.failing("before_add"), FakePlugin::new());
    assert_eq!((code, msg.as_str(), details.as_str()), (150, "before_add failed", ""));
    assert_eq!(steps, "a.before_add a.after_del");
}

#[test]
fn an_inner_add_that_fails_has_undone_itself_and_after_del_does_the_rest() {
    let (code, msg, details, steps) =
        add(|noting| noting, FakePlugin::new().on(Verb::Add, |_| no()));
    assert_eq!((code, msg.as_str(), details.as_str()), (120, "no", ""));
    assert_eq!(steps, "a.before_add inner ADD a.after_del");
}

#[test]
fn an_after_add_that_fails_is_answered_with_a_whole_del() {
    let (code, .., steps) = add(|noting| noting.failing("after_add"), FakePlugin::new());
    assert_eq!(code, 150);
    assert_eq!(steps, "a.before_add inner ADD a.after_add a.before_del inner DEL a.after_del");
}

#[test]
fn an_own_cleanup_that_fails_during_rollback_keeps_the_address_and_the_first_error() {
    let noting = |noting: Noting| noting.failing("after_add").failing("before_del");
    let (code, msg, details, steps) = add(noting, FakePlugin::new());
    assert_eq!((code, msg.as_str()), (150, "after_add failed"));
    assert!(details.contains("rollback: own cleanup failed: before_del failed"), "{details}");
    assert!(!steps.contains("inner DEL") && !steps.contains("after_del"), "{steps}");
}

#[test]
fn trouble_of_every_later_step_of_a_rollback_is_told() {
    let noting = |noting: Noting| noting.failing("after_add").failing("after_del");
    let (code, msg, details, steps) = add(noting, FakePlugin::new().on(Verb::Del, |_| no()));
    assert_eq!((code, msg.as_str()), (150, "after_add failed"));
    assert!(details.contains("DEL of the inner plugin failed: no"), "{details}");
    assert!(details.contains("after_del failed"), "{details}");
    assert!(steps.ends_with("inner DEL a.after_del"), "{steps}");
}

#[test]
fn an_inner_layer_undoes_its_own_part_before_the_outer_one() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Noting::new("a", &journal))
        .with(Noting::new("b", &journal).failing("after_add"));
    let (_, steps) = steps(Verb::Add, stack, &journal, FakePlugin::new());
    assert_eq!(
        steps.join(" "),
        "a.before_add b.before_add inner ADD b.after_add b.before_del inner DEL b.after_del a.after_del"
    );
}

#[test]
fn an_outer_layer_that_fails_undoes_the_whole_inner_one() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Noting::new("a", &journal).failing("after_add"))
        .with(Noting::new("b", &journal));
    let (_, steps) = steps(Verb::Add, stack, &journal, FakePlugin::new());
    assert_eq!(
        steps.join(" "),
        "a.before_add b.before_add inner ADD b.after_add a.after_add \
         a.before_del b.before_del inner DEL b.after_del a.after_del"
    );
}

#[test]
fn a_result_that_can_t_be_told_is_a_failed_add() {
    let (journal, fake) = (Journal::default(), FakePlugin::new());
    let fake = fake.result(json!({"cniVersion": "1.0.0", "ips": []})).noting_in(&journal);
    let call = fake_call(Verb::Add, json!({"cniVersion": "0.2.0"}));
    let error = error(&reply(&call, Noting::new("a", &journal), &fake));
    assert_eq!(error.code, 6);
    assert!(journal.take().join(" ").ends_with("a.before_del inner DEL a.after_del"));
}

#[test]
fn a_hook_that_panics_is_undone_like_one_that_fails_and_answered_with_999() {
    let table = [
        ("before_add", "a.before_add a.after_del"),
        ("after_add", "a.before_add inner ADD a.after_add a.before_del inner DEL a.after_del"),
    ];
    for (hook, expected) in table {
        let (code, msg, _, steps) =
            add(|noting| noting.on(hook, || panic!("index out of bounds")), FakePlugin::new());
        assert_eq!(code, 999);
        assert!(msg.contains(hook) && msg.contains("index out of bounds"), "{msg}");
        assert_eq!(steps, expected);
    }
}

#[test]
fn a_rewrite_that_panics_in_an_inner_layer_is_undone_in_the_outer_one() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Noting::new("a", &journal))
        .with(Noting::new("b", &journal).on("rewrite", || panic!("oh")));
    let (reply, steps) = steps(Verb::Add, stack, &journal, FakePlugin::new());
    assert_eq!(error(&reply).code, 999);
    assert_eq!(steps.join(" "), "a.before_add a.after_del");
}

/// Somebody's own plugin around a plugin, with a bug that shows after the inner ADD.
struct Panics(Box<dyn Plugin>);

impl Plugin for Panics {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            let _ = self.0.add(call).await;
            panic!("oh")
        })
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.0.del(call)
    }
    fn check<'a>(&'a self, _: &'a Call) -> VerbFuture<'a, ()> {
        panic!("oh")
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.0.gc(call)
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        self.0.status(call)
    }
}

#[test]
fn a_plugin_around_a_plugin_that_panics_is_undone_too() {
    let journal = Journal::default();
    let stack = || {
        Stack::new().with(Noting::new("a", &journal)).with_plugin(|inner| Box::new(Panics(inner)))
    };
    let (reply, steps) = steps(Verb::Add, stack(), &journal, FakePlugin::new());
    assert_eq!(error(&reply).code, 999);
    assert_eq!(steps.join(" "), "a.before_add inner ADD inner DEL a.after_del");
    let (reply, _) = noting::steps(Verb::Check, stack(), &journal, FakePlugin::new());
    assert_eq!(error(&reply).code, 999);
}

#[test]
fn before_del_is_tried_three_times_then_del_stops_with_11_and_the_inner_plugin_keeps_its_address() {
    let journal = Journal::default();
    let noting = Noting::new("a", &journal).failing("before_del");
    let (reply, steps) = steps(Verb::Del, noting, &journal, FakePlugin::new());
    let error = error(&reply);
    assert_eq!(error.code, 11);
    assert!(error.msg.contains("before_del failed") && error.msg.contains("call DEL again"));
    assert_eq!(steps, ["a.before_del"; 3]);
}

#[test]
fn a_before_del_that_succeeds_at_last_is_a_success() {
    let (journal, tries) = (Journal::default(), std::cell::Cell::new(0));
    let noting = Noting::new("a", &journal).on("before_del", move || {
        tries.set(tries.get() + 1);
        if tries.get() < 3 { no() } else { Ok(()) }
    });
    let (reply, steps) = steps(Verb::Del, noting, &journal, FakePlugin::new());
    assert_eq!(reply.exit_status(), 0, "{reply:?}");
    assert_eq!(&steps[3..], ["inner DEL", "a.after_del"]);
}

#[test]
fn what_no_repetition_mends_is_tried_once_and_keeps_its_code() {
    type Fault = fn() -> Result<(), Error>;
    let table: [(Fault, u32); 3] = [
        (|| Err(Error::config("chain", "it is too long")), 7),
        (|| panic!("oh"), 999),
        (|| Err(Error::TryAgainLater("the lock is held".into())), 11),
    ];
    for (fault, code) in table {
        let journal = Journal::default();
        let noting = Noting::new("a", &journal).on("before_del", fault);
        let (reply, steps) = steps(Verb::Del, noting, &journal, FakePlugin::new());
        assert_eq!(error(&reply).code, code);
        assert_eq!(steps, ["a.before_del"]);
    }
}

#[test]
fn an_inner_del_that_fails_keeps_its_code_and_after_del_waits_for_the_next_one() {
    let journal = Journal::default();
    let fake = FakePlugin::new().on(Verb::Del, |nth| if nth == 0 { no() } else { Ok(()) });
    let fake = fake.noting_in(&journal);
    let call = fake_call(Verb::Del, json!({"delegate": {"type": "inner"}}));
    let del = || reply(&call, Noting::new("a", &journal), &fake);
    assert_eq!(error(&del()).code, 120);
    assert_eq!(journal.take()[1..], ["a.before_del", "inner DEL"]);
    for _ in 0..2 {
        assert_eq!(del().exit_status(), 0, "a DEL can be repeated");
        assert_eq!(journal.take()[1..], ["a.before_del", "inner DEL", "a.after_del"]);
    }
}

fn gc(config: Value, noting: Noting, journal: &Journal, fake: FakePlugin) -> (u32, String, String) {
    let fake = fake.noting_in(journal);
    let reply = reply(&fake_call(Verb::Gc, config), noting, &fake);
    let steps = journal.take().join(" ");
    match reply.exit_status() {
        0 => (0, String::new(), steps),
        _ => (error(&reply).code, error(&reply).msg, steps),
    }
}

#[test]
fn gc_without_a_list_removes_nothing_and_is_forwarded() {
    for config in [json!({}), json!({"cni.dev/valid-attachments": null})] {
        let journal = Journal::default();
        let (code, _, steps) = gc(config, Noting::new("a", &journal), &journal, FakePlugin::new());
        assert_eq!((code, steps.as_str()), (0, "inner GC"));
    }
}

#[test]
fn gc_reads_both_spellings_of_the_list_and_an_empty_one_means_none_is_valid() {
    let list = json!([
        {"containerID": "c1", "ifname": "eth0"}, {"containerID": "c2", "ifname": "e", "x": 1}
    ]);
    let table = [
        (json!({"cni.dev/valid-attachments": list}), "valid: c1/eth0 c2/e"),
        (json!({"cni.dev/attachments": list}), "valid: c1/eth0 c2/e"),
        (
            json!({"cni.dev/attachments": [], "cni.dev/valid-attachments": list}),
            "valid: c1/eth0 c2/e",
        ),
        (json!({"cni.dev/valid-attachments": []}), "valid: "),
    ];
    for (config, valid) in table {
        let journal = Journal::default();
        let (code, _, steps) = gc(config, Noting::new("a", &journal), &journal, FakePlugin::new());
        assert_eq!((code, steps), (0, format!("{valid} a.gc inner GC")));
    }
}

#[test]
fn a_malformed_list_is_code_7_and_removes_nothing_anywhere() {
    for list in [
        json!("c1"),
        json!({}),
        json!(["c1"]),
        json!([{"containerID": "c1"}]),
        json!([{"containerID": 1, "ifname": "eth0"}]),
        json!([{"containerID": "c1", "ifname": "eth0"}, null]),
    ] {
        let journal = Journal::default();
        let config = json!({"cni.dev/valid-attachments": list});
        let (code, msg, steps) =
            gc(config, Noting::new("a", &journal), &journal, FakePlugin::new());
        assert_eq!((code, steps.as_str()), (7, ""), "{list}");
        assert!(msg.starts_with("cni.dev/valid-attachments: "), "{msg}");
    }
}

#[test]
fn gc_goes_on_after_an_error_and_reports_all_of_them() {
    let journal = Journal::default();
    let mut config = config();
    config.as_object_mut().expect("an object").remove("delegate");
    let fake = FakePlugin::new().on(Verb::Gc, |_| no());
    let noting = Noting::new("a", &journal).failing("gc");
    let (code, msg, steps) = gc(config, noting, &journal, fake);
    assert_eq!((code, msg.as_str()), (150, "gc failed; no"));
    assert_eq!(steps, "valid: c1/eth0 a.gc inner GC");
}
