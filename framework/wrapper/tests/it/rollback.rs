//! Failures: what a failed ADD undoes, where DEL stops, and how GC goes on.

use std::sync::atomic::{AtomicU32, Ordering};

use cni_test_kit::{FakePlugin, Journal, fake_call};
use cni_wrapper::{AddResult, Call, Error, Middleware, Plugin, Stack, Verb, VerbFuture};
use serde_json::{Value, json};

use crate::common::recorder::{self, Recorder, config, error, reply, steps};

fn no() -> Result<(), Error> {
    Err(Error::plugin(120, "no"))
}

/// Returns code, message and details of a failed ADD, and its steps.
fn add(recorder: impl Fn(Recorder) -> Recorder, fake: FakePlugin) -> (u32, String, String, String) {
    let journal = Journal::default();
    let (reply, steps) = steps(Verb::Add, recorder(Recorder::new("a", &journal)), &journal, fake);
    let error = error(&reply);
    (error.code, error.msg, error.details.unwrap_or_default(), steps.join(" "))
}

#[test]
fn a_failed_before_add_is_undone_and_the_inner_plugin_is_not_called() {
    let (code, msg, details, steps) =
        add(|recorder| recorder.failing("before_add"), FakePlugin::new());
    assert_eq!((code, msg.as_str(), details.as_str()), (150, "before_add failed", ""));
    assert_eq!(steps, "a.before_add a.after_del");
}

#[test]
fn a_failed_inner_add_has_undone_itself_and_only_after_del_runs() {
    let (code, msg, details, steps) =
        add(|recorder| recorder, FakePlugin::new().on(Verb::Add, |_| no()));
    assert_eq!((code, msg.as_str(), details.as_str()), (120, "no", ""));
    assert_eq!(steps, "a.before_add inner ADD a.after_del");
}

#[test]
fn a_failed_after_add_is_undone_with_a_whole_del() {
    let (code, .., steps) = add(|recorder| recorder.failing("after_add"), FakePlugin::new());
    assert_eq!(code, 150);
    assert_eq!(steps, "a.before_add inner ADD a.after_add a.before_del inner DEL a.after_del");
}

#[test]
fn an_error_with_nothing_to_undo_skips_the_counterpart_of_its_hook_and_no_more() {
    let table = [
        ("before_add", "a.before_add"),
        ("after_add", "a.before_add inner ADD a.after_add inner DEL a.after_del"),
    ];
    for (hook, expected) in table {
        let locked = || Err(Error::TryAgainLater("locked".to_owned()).nothing_to_undo());
        let (code, msg, _, steps) = add(|recorder| recorder.on(hook, locked), FakePlugin::new());
        assert_eq!((code, msg.as_str(), steps.as_str()), (11, "locked", expected));
    }
}

/// Records for `before_del` and `after_del` whether they undo a failed ADD.
struct Rollbacks(Journal);

impl Rollbacks {
    fn record(&self, hook: &str, call: &Call) -> Result<(), Error> {
        self.0.record(&format!("{hook} {}", call.is_rollback()));
        Ok(())
    }
}

impl Middleware for Rollbacks {
    type Config = serde::de::IgnoredAny;

    async fn before_del(&self, call: &Call, _: &Self::Config) -> Result<(), Error> {
        self.record("before_del", call)
    }
    async fn after_del(&self, call: &Call, _: &Self::Config) -> Result<(), Error> {
        self.record("after_del", call)
    }
}

#[test]
fn hooks_can_tell_a_rollback_from_a_del_of_the_runtime() {
    let journal = Journal::default();
    let run = |verb: Verb, config: Value, layers: Stack, fake: FakePlugin| {
        let reply = reply(&fake_call(verb, config), layers, &fake);
        (reply.exit_status(), journal.take().join(", "))
    };
    let own = || Stack::new().with(Rollbacks(journal.clone()));
    let both = |what: bool| format!("before_del {what}, after_del {what}");
    assert_eq!(run(Verb::Del, config(), own(), FakePlugin::new()), (0, both(false)));
    // The inner ADD failed, a layer outside failed, the result can't be converted.
    let inner = run(Verb::Add, config(), own(), FakePlugin::new().on(Verb::Add, |_| no()));
    assert_eq!(inner, (1, "after_del true".to_owned()));
    let unused = Journal::default();
    let outer = Stack::new().with(Recorder::new("a", &unused).failing("after_add")).with(own());
    assert_eq!(run(Verb::Add, config(), outer, FakePlugin::new()), (1, both(true)));
    let fake = FakePlugin::new().result(json!({"cniVersion": "1.0.0", "ips": []}));
    assert_eq!(run(Verb::Add, json!({"cniVersion": "0.2.0"}), own(), fake), (1, both(true)));
}

#[test]
fn a_failed_cleanup_in_a_rollback_keeps_the_address_and_the_first_error() {
    let recorder = |recorder: Recorder| recorder.failing("after_add").failing("before_del");
    let (code, msg, details, steps) = add(recorder, FakePlugin::new());
    assert_eq!((code, msg.as_str()), (150, "after_add failed"));
    assert!(details.contains("rollback: own cleanup failed: before_del failed"), "{details}");
    assert!(!steps.contains("inner DEL") && !steps.contains("after_del"), "{steps}");
}

#[test]
fn errors_of_every_later_step_of_a_rollback_are_reported() {
    let recorder = |recorder: Recorder| recorder.failing("after_add").failing("after_del");
    let (code, msg, details, steps) = add(recorder, FakePlugin::new().on(Verb::Del, |_| no()));
    assert_eq!((code, msg.as_str()), (150, "after_add failed"));
    assert!(details.contains("DEL of the inner plugin failed: no"), "{details}");
    assert!(details.contains("after_del failed"), "{details}");
    assert!(steps.ends_with("inner DEL a.after_del"), "{steps}");
}

#[test]
fn an_inner_layer_undoes_its_own_part_before_the_outer_one() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Recorder::new("a", &journal))
        .with(Recorder::new("b", &journal).failing("after_add"));
    let (_, steps) = steps(Verb::Add, stack, &journal, FakePlugin::new());
    assert_eq!(
        steps.join(" "),
        "a.before_add b.before_add inner ADD b.after_add \
         a.before_del b.before_del inner DEL b.after_del a.after_del"
    );
}

#[test]
fn a_failed_outer_layer_undoes_the_whole_inner_one() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Recorder::new("a", &journal).failing("after_add"))
        .with(Recorder::new("b", &journal));
    let (_, steps) = steps(Verb::Add, stack, &journal, FakePlugin::new());
    assert_eq!(
        steps.join(" "),
        "a.before_add b.before_add inner ADD b.after_add a.after_add \
         a.before_del b.before_del inner DEL b.after_del a.after_del"
    );
}

#[test]
fn a_result_that_can_t_be_converted_is_a_failed_add() {
    let (journal, fake) = (Journal::default(), FakePlugin::new());
    let fake = fake.result(json!({"cniVersion": "1.0.0", "ips": []})).recording_in(&journal);
    let call = fake_call(Verb::Add, json!({"cniVersion": "0.2.0"}));
    let error = error(&reply(&call, Recorder::new("a", &journal), &fake));
    assert_eq!(error.code, 6);
    assert!(journal.take().join(" ").ends_with("a.before_del inner DEL a.after_del"));
}

#[test]
fn a_hook_that_panics_is_undone_like_a_failed_one_and_is_code_999() {
    let table = [
        ("before_add", "a.before_add a.after_del"),
        ("after_add", "a.before_add inner ADD a.after_add a.before_del inner DEL a.after_del"),
    ];
    for (hook, expected) in table {
        let (code, msg, _, steps) =
            add(|recorder| recorder.on(hook, || panic!("index out of bounds")), FakePlugin::new());
        assert_eq!(code, 999);
        assert!(msg.contains(hook) && msg.contains("index out of bounds"), "{msg}");
        assert_eq!(steps, expected);
    }
}

#[test]
fn a_rewrite_that_panics_in_an_inner_layer_is_undone_in_the_outer_one() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Recorder::new("a", &journal))
        .with(Recorder::new("b", &journal).on("rewrite", || panic!("oh")));
    let (reply, steps) = steps(Verb::Add, stack, &journal, FakePlugin::new());
    assert_eq!(error(&reply).code, 999);
    assert_eq!(steps.join(" "), "a.before_add a.after_del");
}

/// A plugin around a plugin that panics after the inner ADD.
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
fn a_plugin_around_a_plugin_that_panics_is_undone() {
    let journal = Journal::default();
    let stack = || {
        Stack::new().with(Recorder::new("a", &journal)).with_plugin(|inner| Box::new(Panics(inner)))
    };
    let (reply, steps) = steps(Verb::Add, stack(), &journal, FakePlugin::new());
    assert_eq!(error(&reply).code, 999);
    assert_eq!(steps.join(" "), "a.before_add inner ADD inner DEL a.after_del");
    let (reply, _) = recorder::steps(Verb::Check, stack(), &journal, FakePlugin::new());
    assert_eq!(error(&reply).code, 999);
}

#[test]
fn before_del_is_tried_three_times_and_then_del_fails_with_11_before_the_inner_plugin() {
    let journal = Journal::default();
    let recorder = Recorder::new("a", &journal).failing("before_del");
    let (reply, steps) = steps(Verb::Del, recorder, &journal, FakePlugin::new());
    let error = error(&reply);
    assert_eq!(error.code, 11);
    assert!(error.msg.contains("before_del failed") && error.msg.contains("call DEL again"));
    assert_eq!(steps, ["a.before_del"; 3]);
}

#[test]
fn a_before_del_that_succeeds_when_retried_is_a_success() {
    let (journal, tries) = (Journal::default(), AtomicU32::new(0));
    let recorder = Recorder::new("a", &journal).on("before_del", move || {
        if tries.fetch_add(1, Ordering::Relaxed) < 2 { no() } else { Ok(()) }
    });
    let (reply, steps) = steps(Verb::Del, recorder, &journal, FakePlugin::new());
    assert_eq!(reply.exit_status(), 0, "{reply:?}");
    assert_eq!(&steps[3..], ["inner DEL", "a.after_del"]);
}

#[test]
fn an_error_that_a_retry_does_not_fix_is_not_retried_and_keeps_its_code() {
    type Fault = fn() -> Result<(), Error>;
    let table: [(Fault, u32); 3] = [
        (|| Err(Error::config("chain", "it is too long")), 7),
        (|| panic!("oh"), 999),
        (|| Err(Error::TryAgainLater("the lock is held".into())), 11),
    ];
    for (fault, code) in table {
        let journal = Journal::default();
        let recorder = Recorder::new("a", &journal).on("before_del", fault);
        let (reply, steps) = steps(Verb::Del, recorder, &journal, FakePlugin::new());
        assert_eq!(error(&reply).code, code);
        assert_eq!(steps, ["a.before_del"]);
    }
}

#[test]
fn a_failed_inner_del_keeps_its_code_and_after_del_runs_all_the_same() {
    let journal = Journal::default();
    let fake = FakePlugin::new().on(Verb::Del, |nth| if nth == 0 { no() } else { Ok(()) });
    let fake = fake.recording_in(&journal);
    let call = fake_call(Verb::Del, json!({"delegate": {"type": "inner"}}));
    let del = || reply(&call, Recorder::new("a", &journal), &fake);
    assert_eq!(error(&del()).code, 120);
    assert_eq!(journal.take()[1..], ["a.before_del", "inner DEL", "a.after_del"]);
    for _ in 0..2 {
        assert_eq!(del().exit_status(), 0, "a DEL can be repeated");
        assert_eq!(journal.take()[1..], ["a.before_del", "inner DEL", "a.after_del"]);
    }
}

fn gc(
    config: Value,
    recorder: Recorder,
    journal: &Journal,
    fake: FakePlugin,
) -> (u32, String, String) {
    let fake = fake.recording_in(journal);
    let reply = reply(&fake_call(Verb::Gc, config), recorder, &fake);
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
        let (code, _, steps) =
            gc(config, Recorder::new("a", &journal), &journal, FakePlugin::new());
        assert_eq!((code, steps.as_str()), (0, "inner GC"));
    }
}

#[test]
fn gc_reads_both_keys_of_the_list_and_an_empty_list_means_none_is_valid() {
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
        let (code, _, steps) =
            gc(config, Recorder::new("a", &journal), &journal, FakePlugin::new());
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
            gc(config, Recorder::new("a", &journal), &journal, FakePlugin::new());
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
    let recorder = Recorder::new("a", &journal).failing("gc");
    let (code, msg, steps) = gc(config, recorder, &journal, fake);
    assert_eq!((code, msg.as_str()), (150, "gc failed; no"));
    assert_eq!(steps, "valid: c1/eth0 a.gc inner GC");
}

/// Records whether the inner DEL had failed.
struct SeesInner(Journal);

impl Middleware for SeesInner {
    type Config = serde::de::IgnoredAny;

    async fn after_del(&self, call: &Call, _: &Self::Config) -> Result<(), Error> {
        self.0.record(&format!("failed: {}", call.has_inner_failed()));
        Err(Error::plugin(130, "own trouble"))
    }
}

#[test]
fn after_del_knows_of_a_failed_inner_del_and_both_errors_are_reported() {
    let (journal, call) =
        (Journal::default(), fake_call(Verb::Del, json!({"delegate": {"type": "inner"}})));
    let fake = FakePlugin::new().on(Verb::Del, |nth| if nth == 0 { no() } else { Ok(()) });
    let del = || error(&reply(&call, SeesInner(journal.clone()), &fake));
    let first = del();
    assert_eq!(first.code, 120, "the delegate's");
    assert!(first.msg.contains("own trouble"), "{}", first.msg);
    assert_eq!(del().code, 130);
    assert_eq!(journal.take(), ["failed: true", "failed: false"]);
}

#[test]
fn after_del_of_an_outer_layer_does_not_run_if_no_delegate_was_called() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Recorder::new("a", &journal))
        .with(Recorder::new("b", &journal).on("before_del", || Err(Error::config("b", "wrong"))));
    let (reply, steps) = steps(Verb::Del, stack, &journal, FakePlugin::new());
    assert_eq!(error(&reply).code, 7);
    assert_eq!(steps, ["a.before_del", "b.before_del"]);
}

/// Gives an error of the inner plugin another code and message.
struct Maps;

impl Middleware for Maps {
    type Config = serde::de::IgnoredAny;

    fn map_error(&self, _: &Call, _: &Self::Config, error: Error) -> Error {
        let msg = format!("mapped: {error}");
        Error::plugin(140, msg).with_details(error.details().unwrap_or("none".to_owned()))
    }
}

#[test]
fn a_hook_maps_the_error_of_every_verb_of_the_inner_plugin() {
    for verb in [Verb::Add, Verb::Del, Verb::Check, Verb::Gc, Verb::Status] {
        let fake = FakePlugin::new().on(verb, |_| no());
        let error = error(&reply(&fake_call(verb, config()), Maps, &fake));
        assert_eq!((error.code, error.msg.as_str()), (140, "mapped: no"), "{verb}");
        assert_eq!(error.details.as_deref(), Some("none"));
    }
}

#[test]
fn a_mapped_error_keeps_what_the_rollback_could_not_undo() {
    let journal = Journal::default();
    let inner = Recorder::new("b", &journal).failing("after_add").failing("after_del");
    let stack = Stack::new().with(Maps).with(inner);
    let call = fake_call(Verb::Add, json!({"delegate": {"type": "inner"}}));
    let error = error(&reply(&call, stack, &FakePlugin::new()));
    assert_eq!((error.code, error.msg.as_str()), (140, "mapped: after_add failed"));
    let details = error.details.unwrap();
    assert!(details.contains("rollback: after_del failed: after_del failed"), "{details}");
}

#[test]
fn context_is_added_in_one_line_and_keeps_code_and_details() {
    use cni_wrapper::Context;
    let io = || std::fs::read("/none").map(drop);
    let bare: Error = io().unwrap_err().into();
    assert_eq!(bare.to_string(), "No such file or directory (os error 2)");
    let error = io().context("reading /none").unwrap_err();
    assert_eq!(error.to_string(), "reading /none: No such file or directory (os error 2)");
    let error = Err::<(), _>(error).context("loading the secret").unwrap_err();
    assert!(error.to_string().starts_with("loading the secret: reading /none: No such"), "{error}");
    assert_eq!(error.code(), 5);
    let error = Error::plugin(150, "no").with_details("why").context("asking").context("adding");
    assert_eq!((error.code(), error.details().as_deref()), (150, Some("why")));
    assert_eq!(error.to_string(), "adding: asking: no");
}
