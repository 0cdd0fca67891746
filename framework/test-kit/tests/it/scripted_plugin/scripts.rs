//! Scripts are read, and calls are recorded.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use cni_test_kit::{Answer, Behaviour, PluginDir, Script};
use serde_json::json;

use super::{add, directory};

#[test]
fn it_behaves_differently_on_different_verbs() {
    let script =
        Script::succeed().on("DEL", Behaviour::error(11, "busy")).on("CHECK", Behaviour::exit(9));
    let plugins = PluginDir::new().with("fake", &script);
    let run = |verb: &str| add().as_verb(verb).run(plugins.program("fake"));
    run("ADD").expect_success();
    assert_eq!(run("DEL").error().0, 11);
    assert_eq!(run("CHECK").code(), Some(9));

    plugins.script("fake", &Script::succeed());
    run("DEL").expect_success();
}

#[test]
fn every_call_is_recorded_with_its_order_and_content() {
    let plugins = PluginDir::new()
        .with("one", &Script::succeed())
        .with("two", &Script::always(Behaviour::crash(9)));
    let call = add().cni_path(&plugins).key("odd", json!("é\n")).env("CNI_ARGS", "A=b");
    call.run(plugins.program("two"));
    call.run(plugins.program("one"));
    call.as_verb("DEL").run(plugins.program("one"));
    assert_eq!(plugins.verbs(), ["two ADD", "one ADD", "one DEL"]);

    let crashed = &plugins.calls("two")[0];
    assert_eq!(crashed.end_ns, None, "it did not answer");
    let [first, second] = &plugins.calls("one")[..] else { panic!("two calls") };
    assert!(crashed.start_ns < first.start_ns);
    assert!(first.end_ns.unwrap() < second.start_ns, "one after the other");
    assert_eq!(first.config.as_ref().unwrap()["odd"], "é\n");
    let expected: BTreeMap<String, String> = [
        ("CNI_ARGS", "A=b"),
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_PATH", plugins.path().to_str().unwrap()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let mut seen = first.environment.clone();
    assert!(seen.remove("PATH").is_some());
    assert_eq!(seen, expected);
}

#[test]
fn concurrent_calls_are_all_recorded() {
    let plugins = directory(Behaviour::succeed());
    let big = "x".repeat(300_000);
    std::thread::scope(|scope| {
        for number in 0..16 {
            let call = add().container_id(&format!("c{number}")).key("big", json!(big));
            let fake = plugins.program("fake");
            scope.spawn(move || call.run(fake).expect_success());
        }
    });
    let calls = plugins.calls("fake");
    assert_eq!(calls.len(), 16);
    assert!(calls.iter().all(|call| call.config.as_ref().unwrap()["big"] == big.as_str()));
    assert!(calls.iter().all(|call| call.end_ns.is_some()));
}

#[test]
fn it_finds_its_script_by_a_symbolic_link_and_by_another_argv0() {
    use std::os::unix::process::CommandExt;
    let plugins = directory(Behaviour::exit(5));
    std::os::unix::fs::symlink(plugins.program("fake"), plugins.program("linked")).unwrap();
    plugins.script("linked", &Script::always(Behaviour::exit(6)));
    let status = |command: &mut Command| command.stdin(Stdio::null()).status().unwrap().code();
    assert_eq!(status(&mut Command::new(plugins.program("linked"))), Some(6));
    assert_eq!(status(Command::new(plugins.program("fake")).arg0("fake")), Some(5));
    assert_eq!(plugins.calls("linked").len(), 1);
}

#[test]
fn a_bad_script_is_reported_with_its_own_code() {
    let plugins = directory(Behaviour::succeed());
    std::fs::write(plugins.path().join("fake.script.json"), r#"{"onn": {}}"#).unwrap();
    let (code, msg, _) = add().run(plugins.program("fake")).error();
    assert_eq!(code, 999);
    assert!(msg.contains("fake.script.json: unknown field `onn`"), "{msg}");
}

#[test]
fn a_handwritten_script_is_read() {
    let text = r#"{"on": {"ADD": {"slow_ms": 5, "answer": {"error": {"code": 7, "msg": "no"}}}}}"#;
    let script: Script = serde_json::from_str(text).unwrap();
    let expected = Behaviour::error(7, "no").waiting(Duration::from_millis(5));
    assert_eq!(script, Script::succeed().on("ADD", expected));
    assert_eq!(script.behaviour("DEL", 0).answer, Answer::Succeed);
}

#[test]
fn its_first_calls_can_have_their_own_behaviours() {
    let first = [Behaviour::error(11, "one"), Behaviour::error(12, "two")];
    let script = Script::succeed().at_first("ADD", first).on("ADD", Behaviour::exit(3));
    let plugins = PluginDir::new().with("fake", &script);
    let run = |verb: &str| add().as_verb(verb).run(plugins.program("fake"));
    assert_eq!(run("ADD").error().1, "one");
    run("DEL").expect_success();
    assert_eq!(run("ADD").error().1, "two");
    assert_eq!(run("ADD").code(), Some(3));
}
