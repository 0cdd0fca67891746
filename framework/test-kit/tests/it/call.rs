//! Calls of plugins are made as runtimes make them.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cni_test_kit::{Behaviour, CallBuilder, Host, PluginDir, Script, binary, wait_until};
use serde_json::json;

#[test]
fn mesos_sends_sorted_keys_in_a_regular_file_and_six_variables() {
    let plugins = PluginDir::new().with("fake", &Script::succeed());
    let info = json!({
        "port_mappings": [{ "host_port": 8080, "container_port": 80 }],
        "labels": {},
    });
    let call = CallBuilder::add("mynet")
        .config(json!({ "type": "fake", "chain": "C", "args": { "other": { "b": 1, "a": 2 } } }))
        .cni_path(&plugins)
        .mesos(info);
    call.run(plugins.program("fake")).expect_success();
    let recorded = &plugins.calls("fake")[0];
    let expected = concat!(
        r#"{"args":{"org.apache.mesos":{"network_info":{"labels":{},"name":"mynet","#,
        r#""port_mappings":[{"container_port":80,"host_port":8080}]}},"other":{"a":2,"b":1}},"#,
        r#""chain":"C","name":"mynet","type":"fake"}"#
    );
    assert_eq!(recorded.stdin.as_deref(), Some(expected));
    let keys: Vec<_> = recorded.environment.keys().map(String::as_str).collect();
    let six = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_PATH", "PATH"];
    assert_eq!(keys, six);

    let shown = call.run(show_stdin()).expect_success().stdout;
    assert_eq!(shown.trim(), "regular file");
}

/// Returns a program that prints the file type of its input.
fn show_stdin() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/show-stdin.sh")
}

#[test]
fn verbs_without_an_attachment_set_no_attachment_variables() {
    let plugins = PluginDir::new().with("fake", &Script::succeed());
    let run = |call: CallBuilder| {
        call.run(plugins.program("fake")).expect_success();
        let last = plugins.calls("fake").pop().unwrap();
        last.environment.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(run(CallBuilder::gc("net")), ["CNI_COMMAND", "CNI_PATH", "PATH"]);
    assert_eq!(run(CallBuilder::status("net")), ["CNI_COMMAND", "CNI_PATH", "PATH"]);
    assert_eq!(run(CallBuilder::version()), ["CNI_COMMAND", "PATH"]);
    let after_reboot = run(CallBuilder::del("net").without_netns());
    assert!(!after_reboot.contains(&"CNI_NETNS".to_owned()));
}

#[test]
fn a_call_on_a_host_has_the_same_environment() {
    let host = Host::new();
    let container = host.container("c7");
    let plugins = PluginDir::new().with("fake", &Script::succeed());
    CallBuilder::add("net").container(&container).run(plugins.program("fake")).expect_success();
    CallBuilder::add("net").container_id("c7").netns("/run/netns/c7").run(plugins.program("fake"));
    let [inside, outside] = &plugins.calls("fake")[..] else { panic!("two calls") };
    assert_eq!(inside.environment, outside.environment);
    assert_eq!(inside.argv0, outside.argv0);
    assert_eq!(inside.stdin, outside.stdin);
}

#[test]
fn a_plugin_that_does_not_exit_is_killed_at_the_limit() {
    let host = Host::new();
    let plugins = PluginDir::new().with("fake", &Script::always(Behaviour::hang()));
    let limit = Duration::from_millis(500);
    let call = CallBuilder::add("net").within(&host).limit(limit);
    let panicked = catch_unwind(|| call.run(plugins.program("fake"))).unwrap_err();
    let message = panicked.downcast_ref::<String>().unwrap();
    assert!(message.contains("ADD: still running, or its outputs still open"), "{message}");
    wait_until("no process is left", || host.processes().is_empty());
}

#[test]
fn a_call_that_would_be_killed_later_ends_when_the_program_has_ended() {
    let plugins = PluginDir::new().with("fake", &Script::succeed());
    let (started, after) = (Instant::now(), Duration::from_secs(60));
    CallBuilder::add("net").run_or_kill(plugins.program("fake"), after).expect_success();
    assert!(started.elapsed() < after, "the time to the kill was waited for");
}

#[test]
fn a_binary_is_found_by_concurrent_threads() {
    let test = std::env::current_exe().unwrap();
    let expected = test.ancestors().nth(2).expect("target/debug/deps/TEST").join("cni-test-peer");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(binary("cni-test-peer"), expected));
        }
    });
    let output = std::process::Command::new(expected).output().unwrap();
    assert!(!output.status.success() && !output.stderr.is_empty(), "it is a program: {output:?}");
}

#[test]
fn the_message_names_a_binary_that_does_not_exist() {
    let panicked = catch_unwind(|| binary("no-such-program")).unwrap_err();
    let message = panicked.downcast_ref::<String>().unwrap();
    assert!(message.starts_with("can't build no-such-program of cni-test-kit"), "{message}");
}
