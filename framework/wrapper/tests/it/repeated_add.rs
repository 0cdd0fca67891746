//! An ADD of an attachment that existed before: what its rollback leaves alone.

use std::sync::Arc;

use async_std::task::block_on;
use cni_test_kit::{Behaviour, FakePlugin, Journal, Outcome, PluginDir, Script, fake_call};
use cni_wrapper::{
    AddResult, Call, Environment, Error, ErrorObject, Innermost, Layers, Plugin, Reply, Request,
    Stack, Verb, VerbFuture, dispatch,
};
use serde_json::{Value, json};

use crate::common::recorder::{Recorder, config, error, reply};

/// Returns a call whose namespace can't be examined, so that the records of the layers decide.
fn call(verb: Verb, path: &str, config: Value) -> Call {
    let environment: Environment = [
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/dev/null"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", path),
    ]
    .into_iter()
    .collect();
    let mut config = config;
    config["name"] = json!("net");
    let request = Request::read(verb, environment, config.to_string().as_bytes());
    Call::new(request.expect("a request")).expect("a call")
}

/// Returns the error of an ADD, and its steps.
fn add(layers: impl Layers, journal: &Journal, fake: FakePlugin) -> (ErrorObject, String) {
    let fake = fake.recording_in(journal);
    let reply = reply(&call(Verb::Add, "/none", config()), layers, &fake);
    let steps = journal.take().into_iter().filter(|step| !step.ends_with(".rewrite"));
    (error(&reply), steps.collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn assert_left_alone(error: &ErrorObject, code: u32, msg: &str) {
    assert_eq!((error.code, error.msg.as_str()), (code, msg), "code and message are kept");
    let details = error.details.as_deref().unwrap_or_default();
    assert!(details.contains("eth0 of container c1 was attached already"), "{details}");
    assert!(details.contains("left alone") && details.contains("call DEL"), "{details}");
}

#[test]
fn a_failed_hook_of_a_repeated_add_undoes_nothing() {
    for (hook, expected) in
        [("before_add", "a.before_add"), ("after_add", "a.before_add inner ADD a.after_add")]
    {
        let journal = Journal::default();
        let recorder = Recorder::new("a", &journal).attached().failing(hook);
        let (error, steps) = add(recorder, &journal, FakePlugin::new());
        assert_left_alone(&error, 150, &format!("{hook} failed"));
        assert_eq!(steps, expected);
    }
}

#[test]
fn each_layer_leaves_alone_what_it_and_the_layers_inside_of_it_had_created() {
    // The layers that have a record, and what runs after b.after_add has failed.
    let table: [(&[&str], &str); 4] = [
        (&[], " a.before_del b.before_del inner DEL b.after_del a.after_del"),
        (&["b"], " a.after_del"),
        (&["a"], ""),
        (&["a", "b"], ""),
    ];
    for (attached, undone) in table {
        let journal = Journal::default();
        let layer = |name| match attached.contains(&name) {
            true => Recorder::new(name, &journal).attached(),
            false => Recorder::new(name, &journal),
        };
        let stack = Stack::new().with(layer("a")).with(layer("b").failing("after_add"));
        let (_, steps) = add(stack, &journal, FakePlugin::new());
        let begun = "a.before_add b.before_add inner ADD b.after_add";
        assert_eq!(steps, format!("{begun}{undone}"), "{attached:?}");
    }
}

#[test]
fn the_rollback_of_an_outer_layer_leaves_an_inner_one_alone() {
    let journal = Journal::default();
    let stack = Stack::new()
        .with(Recorder::new("a", &journal).failing("after_add"))
        .with(Recorder::new("b", &journal).attached());
    let (_, steps) = add(stack, &journal, FakePlugin::new());
    assert_eq!(
        steps,
        "a.before_add b.before_add inner ADD b.after_add a.after_add a.before_del a.after_del"
    );
}

#[test]
fn a_record_of_an_attachment_whose_interface_no_longer_exists_is_removed() {
    let journal = Journal::default();
    let fake = FakePlugin::new().recording_in(&journal);
    let recorder = Recorder::new("a", &journal).attached().failing("after_add");
    // The namespace of this call does not exist.
    let reply = reply(&fake_call(Verb::Add, config()), recorder, &fake);
    assert_eq!(error(&reply).details, None);
    assert!(journal.take().join(" ").ends_with("a.before_del inner DEL a.after_del"));
}

#[test]
fn a_result_that_can_t_be_converted_leaves_an_earlier_attachment_alone() {
    let journal = Journal::default();
    let fake = FakePlugin::new().result(json!({"cniVersion": "1.0.0", "ips": []}));
    let fake = fake.recording_in(&journal);
    let config = json!({"cniVersion": "0.2.0", "delegate": {"type": "inner"}});
    let call = call(Verb::Add, "/none", config);
    let reply = reply(&call, Recorder::new("a", &journal).attached(), &fake);
    let details = error(&reply).details.unwrap_or_default();
    assert!(error(&reply).code == 6 && details.contains("left alone"), "{details}");
    assert!(journal.take().join(" ").ends_with("inner ADD a.after_add"));
}

#[test]
fn what_an_earlier_attachment_left_is_removed_even_if_the_failed_hook_changed_nothing() {
    let journal = Journal::default();
    let fake = FakePlugin::new().recording_in(&journal);
    let locked = || Err(Error::TryAgainLater("locked".to_owned()).nothing_to_undo());
    let recorder = Recorder::new("a", &journal).attached().on("after_add", locked);
    let config = json!({"delegate": {"type": "inner"}});
    // The namespace of this call does not exist, and so does its interface.
    let reply = reply(&fake_call(Verb::Add, config), recorder, &fake);
    assert_eq!(error(&reply).code, 11);
    assert!(journal.take().join(" ").ends_with("a.before_del inner DEL a.after_del"));
}

/// A plugin around a plugin whose ADD panics, before or after the inner ADD.
struct Panics(Box<dyn Plugin>, &'static str);

impl Plugin for Panics {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            if self.1 == "after" {
                let _ = self.0.add(call).await;
            }
            panic!("oh")
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

#[test]
fn a_plugin_that_panics_outside_of_an_attached_layer_leaves_it_alone() {
    for (when, steps) in [("before", ""), ("after", "a.before_add inner ADD a.after_add")] {
        let journal = Journal::default();
        let stack = Stack::new()
            .with_plugin(move |inner| Box::new(Panics(inner, when)))
            .with(Recorder::new("a", &journal).attached());
        assert_eq!(add(stack, &journal, FakePlugin::new()).1, steps, "{when}");
    }
}

#[test]
fn what_an_attempt_leaves_behind_is_not_taken_for_an_earlier_attachment() {
    let result = json!({"cniVersion": "1.1.0", "ips": []});
    // Its record exists once the first attempt has begun, as if that attempt was killed.
    let journal = Journal::default();
    let plugin =
        Recorder::new("a", &journal).failing("after_add").around(FakePlugin::new().boxed());
    let repeated = Recorder::new("a", &journal).attached().failing("after_add");
    let repeated = repeated.around(FakePlugin::new().boxed());
    let call = call(Verb::Add, "/none", json!({"cniVersion": "1.1.0", "prevResult": result}));
    for plugin in [plugin, repeated] {
        block_on(plugin.add(&call)).expect_err("after_add fails");
        let steps = journal.take().join(" ");
        assert!(steps.ends_with("a.after_add a.before_del a.after_del"), "{steps}");
    }
}

/// Returns the answer of a stack around the real innermost plugin, with delegates in `dir`.
fn answer(verb: Verb, layers: impl Layers, dir: &PluginDir, delegate: Value) -> Reply {
    let config = json!({"cniVersion": "1.0.0", "delegate": delegate});
    let call = call(verb, &dir.path().display().to_string(), config);
    block_on(dispatch(&*layers.around(Box::new(Innermost)), &call))
}

#[test]
fn a_failed_delegate_of_a_repeated_add_gets_no_del() {
    let failing = Script::succeed().on("ADD", Behaviour::error(999, "eth0 already exists"));
    for delegate in [
        json!({"type": "inner"}),
        json!([{"type": "inner"}, {"type": "second"}]),
        json!([{"type": "second"}, {"type": "inner"}]),
    ] {
        let dir = PluginDir::new().with("inner", &failing).with("second", &Script::succeed());
        let journal = Journal::default();
        let stack = Stack::new()
            .with(Recorder::new("a", &journal).attached())
            .with(Recorder::new("b", &journal));
        let error = error(&answer(Verb::Add, stack, &dir, delegate.clone()));
        assert_left_alone(&error, 999, "eth0 already exists");
        assert!(!dir.verbs().iter().any(|verb| verb.ends_with("DEL")), "{delegate}");
        assert!(!journal.take().iter().any(|step| step.ends_with("_del")), "{delegate}");
    }
}

#[test]
fn delegates_in_a_list_are_left_alone_by_the_record_of_their_result() {
    let dir = PluginDir::new().with("inner", &Script::succeed());
    let prev = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    let results = dir.path().join("results");
    let call = crate::common::add(&dir, json!({"type": "inner"}))
        .key("prevResult", prev)
        // It can't be examined, so the record decides.
        .netns("/dev/null");
    let records = || std::fs::read_dir(results.join("nothing")).map_or(0, Iterator::count);
    let add = |behaviour| {
        dir.script("inner", &Script::succeed().on("ADD", behaviour));
        call.run(crate::common::wrapper())
    };
    add(Behaviour::error(120, "no")).error();
    assert_eq!(dir.verbs(), ["inner ADD", "inner DEL"], "the first one is undone");
    add(Behaviour::succeed()).expect_success();
    assert_eq!(records(), 1);
    let (code, _, details) = add(Behaviour::error(120, "no")).error();
    assert!(code == 120 && details.contains("left alone"), "{details}");
    assert_eq!(dir.verbs().last().map(String::as_str), Some("inner ADD"), "no DEL");

    let gc = |valid| {
        let gc = call.clone().as_verb("GC").key("cniVersion", json!("1.1.0"));
        gc.key("cni.dev/valid-attachments", valid).run(crate::common::wrapper()).expect_success()
    };
    gc(json!([{"containerID": "c1", "ifname": "eth0"}]));
    assert_eq!(records(), 1);
    gc(json!([]));
    assert_eq!(records(), 0);
    add(Behaviour::succeed()).expect_success();
    call.clone().as_verb("DEL").run(crate::common::wrapper()).expect_success();
    assert_eq!(records(), 0);
}

/// Adds an attachment, loses the record of the outermost wrapper, and adds it again with a delegate
/// that fails. Returns the answer.
fn add_without_the_outer_record(dir: &PluginDir, delegate: Value) -> Outcome {
    let prev = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    // It can't be examined, so the records decide.
    let call = crate::common::add(dir, delegate).key("prevResult", prev).netns("/dev/null");
    call.run(crate::common::wrapper()).expect_success();
    std::fs::remove_dir_all(dir.path().join("results")).expect("removed");
    dir.script("inner", &Script::succeed().on("ADD", Behaviour::error(120, "no")));
    call.run(crate::common::wrapper())
}

#[test]
fn a_delegate_that_left_an_attachment_alone_gets_no_del_from_a_wrapper_without_a_record() {
    let record = |dir: &PluginDir| json!({"resultDir": dir.path().join("of-w")});
    let fixture = || {
        let dir = PluginDir::new().with("inner", &Script::succeed());
        std::fs::copy(crate::common::wrapper(), dir.path().join("w")).expect("copied");
        let delegate = json!({"type": "w", "delegate": {"type": "inner"}, "wrapper": record(&dir)});
        (dir.with("second", &Script::succeed()), delegate)
    };
    let (dir, delegate) = fixture();
    let refused = add_without_the_outer_record(&dir, delegate);
    assert_eq!(dir.verbs(), ["inner ADD", "inner ADD"], "it lives");
    assert!(refused.stdout.contains("\"leftAlone\":true"), "for the next: {}", refused.stdout);

    let (dir, delegate) = fixture();
    let refused = add_without_the_outer_record(&dir, json!([{"type": "second"}, delegate]));
    let again = ["second ADD", "inner ADD", "second DEL"];
    assert_eq!(dir.verbs()[2..], again, "what this ADD began is undone");
    assert!(!refused.stdout.contains("leftAlone"), "more was begun: {}", refused.stdout);
    assert_eq!(refused.error().0, 120);
}

#[test]
fn own_rules_of_every_layer_are_removed_before_the_del_of_a_delegate_whose_add_failed() {
    let failing = Script::succeed().on("ADD", Behaviour::error(120, "no"));
    let dir = Arc::new(PluginDir::new().with("inner", &failing));
    let journal = Journal::default();
    let layer = |name| {
        let (verbs, journal) = (dir.clone(), journal.clone());
        Recorder::new(name, &journal.clone()).on("before_del", move || {
            journal.record(&format!("after {}", verbs.verbs().join(", ")));
            Ok(())
        })
    };
    let stack = Stack::new().with(layer("a")).with(layer("b"));
    assert_eq!(error(&answer(Verb::Add, stack, &dir, json!({"type": "inner"}))).code, 120);
    let mut steps = journal.take();
    steps.retain(|step| !step.ends_with(".rewrite"));
    assert_eq!(
        steps.join(" "),
        "a.before_add b.before_add a.before_del after inner ADD b.before_del after inner ADD \
         b.after_del a.after_del"
    );
    assert_eq!(dir.verbs(), ["inner ADD", "inner DEL"]);
}

#[test]
fn a_delegate_is_not_undone_while_own_rules_can_t_be_removed() {
    let failing = Script::succeed().on("ADD", Behaviour::error(120, "no"));
    let dir = PluginDir::new().with("inner", &failing);
    let recorder = Recorder::new("a", &Journal::default()).failing("before_del");
    let error = error(&answer(Verb::Add, recorder, &dir, json!({"type": "inner"})));
    assert_eq!((error.code, error.msg.as_str()), (120, "no"));
    let details = error.details.unwrap_or_default();
    assert!(details.contains("rollback: own cleanup failed: before_del failed"), "{details}");
    assert_eq!(dir.verbs(), ["inner ADD"], "the runtime's DEL goes on from here");
}

#[test]
fn a_del_without_the_program_of_the_delegate_fails_if_the_plugin_has_a_record() {
    let dir = PluginDir::new();
    let delegate = json!({"type": "none-such"});
    let journal = Journal::default();
    let recorder = Recorder::new("a", &journal).attached();
    let error = error(&answer(Verb::Del, recorder, &dir, delegate.clone()));
    assert_eq!(error.code, 7);
    assert!(
        error.msg.contains("has a record") && error.msg.contains("call DEL again"),
        "{error:?}"
    );
    assert!(journal.take().contains(&"a.before_del".to_owned()), "own rules are removed");
    let reply = answer(Verb::Del, Recorder::new("a", &journal), &dir, delegate);
    assert_eq!(reply.exit_status(), 0, "without a record: {reply:?}");
}
