//! Every behaviour of the scripted plugin does what is documented.

mod scripts;

use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use cni_test_kit::{
    Behaviour, CallBuilder, Host, Outcome, PluginDir, Script, StdinUse, Stream, wait_until,
};
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

fn directory(behaviour: Behaviour) -> PluginDir {
    PluginDir::new().with("fake", &Script::always(behaviour))
}

fn add() -> CallBuilder {
    CallBuilder::add("net").config(json!({ "cniVersion": "1.0.0" }))
}

fn answer(behaviour: Behaviour) -> Outcome {
    add().run(directory(behaviour).program("fake"))
}

#[test]
fn it_succeeds_by_default() {
    let plugins = PluginDir::new().with("fake", &Script::succeed());
    let fake = plugins.program("fake");
    assert_eq!(add().run(&fake).expect_success().json(), json!({ "cniVersion": "1.0.0" }));
    let previous =
        json!({ "cniVersion": "1.0.0", "ips": [{ "address": "10.0.0.2/24" }], "x": 1.50 });
    let echoed = add().key("prevResult", previous.clone()).run(&fake).expect_success();
    assert_eq!(echoed.json(), previous);
    for verb in ["DEL", "CHECK", "GC", "STATUS"] {
        assert_eq!(add().as_verb(verb).run(&fake).expect_success().stdout, "", "{verb}");
    }
    let versions = add().as_verb("VERSION").run(&fake).expect_success().json();
    assert_eq!(versions["supportedVersions"][6], "1.1.0");
}

#[test]
fn it_returns_a_result_in_the_requested_version() {
    let result = json!({
        "ips": [
            { "address": "10.0.0.2/24", "gateway": "10.0.0.1" },
            { "address": "fd00::2/64" },
        ],
        "routes": [{ "dst": "0.0.0.0/0" }],
    });
    let plugins = directory(Behaviour::result(result));
    let ask = |version: &str| {
        let call = CallBuilder::add("net").config(json!({ "cniVersion": version }));
        call.run(plugins.program("fake")).expect_success().json()
    };
    assert_eq!(ask("1.1.0")["ips"][0], json!({ "address": "10.0.0.2/24", "gateway": "10.0.0.1" }));
    assert_eq!(ask("0.4.0")["ips"][1], json!({ "address": "fd00::2/64", "version": "6" }));
    let oldest = json!({
        "cniVersion": "0.2.0",
        "ip4": {
            "ip": "10.0.0.2/24", "gateway": "10.0.0.1", "routes": [{ "dst": "0.0.0.0/0" }]
        },
        "ip6": { "ip": "fd00::2/64" },
    });
    assert_eq!(ask("0.2.0"), oldest);
    let unasked = CallBuilder::add("net").run(plugins.program("fake")).json();
    assert_eq!(unasked["cniVersion"], "0.1.0", "no cniVersion means 0.1.0");
}

#[test]
fn it_prints_a_result_with_a_cni_version_unchanged() {
    let result = json!({ "cniVersion": "0.4.0", "ips": [] });
    assert_eq!(answer(Behaviour::result(result.clone())).expect_success().json(), result);
    let wrong = answer(Behaviour::wrong_version("9.9.9")).expect_success().json();
    assert_eq!(wrong["cniVersion"], "9.9.9");
}

#[test]
fn it_fails_with_an_error_object() {
    let failed = answer(Behaviour::error(11, "try again").with_stderr("more on stderr"));
    assert_eq!(failed.error(), (11, "try again".to_owned(), String::new()));
    assert_eq!((failed.code(), failed.stderr.as_str()), (Some(1), "more on stderr"));
    assert_eq!(failed.json()["cniVersion"], "1.0.0");

    let zero = answer(Behaviour::error_with_exit_zero(7, "odd")).expect_success();
    assert_eq!(zero.json()["code"], 7);
    assert_eq!(answer(Behaviour::error(7, "x").exiting(42)).code(), Some(42));
}

#[test]
fn it_prints_malformed_output() {
    assert!(serde_json::from_str::<Value>(&answer(Behaviour::garbage()).stdout).is_err());
    let two = answer(Behaviour::two_documents()).expect_success().stdout;
    assert_eq!(serde_json::Deserializer::from_str(&two).into_iter::<Value>().count(), 2);
    assert_eq!(answer(Behaviour::empty()).expect_success().stdout, "");
    assert_eq!(answer(Behaviour::raw("[1")).expect_success().stdout, "[1");
    let silent = answer(Behaviour::exit(3));
    assert_eq!((silent.code(), silent.stdout.as_str()), (Some(3), ""));
}

#[test]
fn it_is_terminated_by_a_signal() {
    for signal in [9, 11, 15] {
        assert_eq!(answer(Behaviour::crash(signal)).signal(), Some(signal));
    }
    let host = Host::new();
    let plugins = directory(Behaviour::crash(9));
    let inside = add().within(&host).run(plugins.program("fake"));
    assert_eq!(inside.signal(), Some(9), "a host passes the signal on");
}

#[test]
fn it_floods_either_stream() {
    let flooded = answer(Behaviour::flood(Stream::Stdout, Some(3_000_001))).expect_success();
    assert_eq!((flooded.stdout.len(), flooded.stderr.len()), (3_000_001, 0));
    let flooded = answer(Behaviour::flood(Stream::Stderr, Some(100_000))).expect_success();
    assert_eq!((flooded.stdout.len(), flooded.stderr.len()), (0, 100_000));

    let plugins = directory(Behaviour::flood(Stream::Stdout, None));
    let mut plugin = start(&plugins);
    drop(plugin.stdin());
    let mut buffer = vec![0; 50_000_000];
    plugin.0.stdout.take().unwrap().read_exact(&mut buffer).expect("an endless flood continues");
    assert!(!plugin.0.wait().unwrap().success(), "it exits when its output is closed");
}

/// A plugin that is killed when the test ends, even if it fails.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // Fails only if the plugin has already exited.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Started {
    fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    fn assert_alive(&mut self) {
        assert_eq!(self.0.try_wait().unwrap(), None, "it hangs");
    }
}

/// Starts the plugin with an input that remains open until it is dropped.
fn start(plugins: &PluginDir) -> Started {
    let child = Command::new(plugins.program("fake"))
        .env("CNI_COMMAND", "ADD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    Started(child.unwrap())
}

fn wait_for_call(plugins: &PluginDir) {
    wait_until("the call is recorded", || !plugins.calls("fake").is_empty());
}

/// Returns the signal that terminates a hanging plugin which gets SIGTERM and then SIGKILL.
///
/// The kernel acts on the first fatal signal, so there is no need to wait in between.
fn terminating_signal(behaviour: Behaviour) -> Option<i32> {
    let plugins = directory(behaviour);
    let mut plugin = start(&plugins);
    drop(plugin.stdin());
    wait_for_call(&plugins);
    plugin.assert_alive();
    for signal in ["-TERM", "-KILL"] {
        let mut kill = Command::new("kill");
        assert!(kill.args([signal, &plugin.0.id().to_string()]).status().unwrap().success());
    }
    let signal = plugin.0.wait().unwrap().signal();
    assert_eq!(plugins.calls("fake")[0].end_ns, None, "it did not answer");
    signal
}

#[test]
fn it_hangs_and_ignores_sigterm_only_if_scripted() {
    assert_eq!(terminating_signal(Behaviour::hang()), Some(15));
    assert_eq!(terminating_signal(Behaviour::hang().ignoring_term()), Some(9));
}

#[test]
fn ignoring_sigterm_changes_nothing_else() {
    let plugins = directory(Behaviour::succeed().ignoring_term());
    let call = add().env("WITH SPACE", "a b").without_env("PATH");
    call.run(plugins.program("fake")).expect_success();
    let recorded = &plugins.calls("fake")[0];
    assert_eq!(recorded.argv0, plugins.program("fake").to_str().unwrap());
    assert_eq!(recorded.environment["WITH SPACE"], "a b");
    assert!(!recorded.environment.contains_key("PATH"));
    assert_eq!(
        recorded.stdin.as_deref(),
        Some(r#"{"cniVersion":"1.0.0","name":"net","type":"fake"}"#)
    );
}

#[test]
fn it_is_slow() {
    let slow = answer(Behaviour::slow(SECOND / 5)).expect_success();
    assert!(slow.took >= SECOND / 5, "{:?}", slow.took);
}

#[test]
fn it_leaves_a_child_that_keeps_the_outputs_open() {
    for own_session in [false, true] {
        let behaviour = Behaviour::succeed().leaving_child(SECOND / 2, own_session);
        let outcome = answer(behaviour).expect_success();
        assert!(outcome.took >= SECOND / 2, "{:?}", outcome.took);
    }
}

#[test]
fn the_child_left_behind_has_its_own_session_only_if_scripted() {
    for own_session in [false, true] {
        let plugins = directory(Behaviour::succeed().leaving_child(3600 * SECOND, own_session));
        let host = Host::new();
        let mut running = add().within(&host).start(plugins.program("fake"));
        let leaving = || plugins.calls("fake").first().is_some_and(|call| call.end_ns.is_some());
        wait_until("the call has ended", leaving);
        let fields = |process: u32| -> Vec<String> {
            let stat = host.read(&format!("/proc/{process}/stat"));
            stat.rsplit_once(") ").unwrap().1.split(' ').map(str::to_owned).collect()
        };
        let mut child = 0;
        wait_until("the child is in its final session", || {
            let processes = host.processes();
            let found = processes.iter().find(|left| left.command.contains("--background"));
            child = found.map_or(0, |found| found.pid);
            // It starts with its parent's image and in its parent's session.
            found.is_some() && (!own_session || fields(child)[3] == child.to_string())
        });
        let [group, session] = [&fields(child)[2], &fields(child)[3]];
        let own = child.to_string();
        assert_eq!((*group == own, *session == own), (own_session, own_session));
        running.kill();
    }
}

#[test]
fn it_closes_its_input_unread() {
    let plugins = directory(Behaviour::hang().with_stdin(StdinUse::Close));
    let mut plugin = start(&plugins);
    wait_for_call(&plugins);
    let mut stdin = plugin.stdin();
    // A process that another test is starting may briefly have the other end open.
    wait_until("the pipe is broken", || {
        stdin.write_all(b"x").is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
    });
    plugin.assert_alive();
    assert_eq!(plugins.calls("fake")[0].stdin, None);
}

#[test]
fn it_leaves_its_input_unread_and_open() {
    const TEXT: &[u8] = b"fits into the pipe";
    let plugins = directory(Behaviour::hang().with_stdin(StdinUse::Ignore));
    let mut plugin = start(&plugins);
    let mut stdin = plugin.stdin();
    stdin.write_all(TEXT).unwrap();
    wait_for_call(&plugins);
    stdin.write_all(TEXT).expect("the pipe is still open");
    assert_eq!(rustix::io::ioctl_fionread(&stdin).unwrap(), 2 * TEXT.len() as u64);
    plugin.assert_alive();
    assert_eq!(plugins.calls("fake")[0].stdin, None);
}

#[test]
fn it_prints_padding_before_it_reads_its_input() {
    let plugins = directory(Behaviour::succeed().with_padding(200_000));
    let mut plugin = start(&plugins);
    let mut stdout = plugin.0.stdout.take().unwrap();
    let mut padding = vec![0; 200_000];
    // The input is neither written nor closed yet.
    stdout.read_exact(&mut padding).unwrap();
    assert!(padding.iter().all(|byte| *byte == b' '));
    assert_eq!(plugins.calls("fake"), []);
    plugin.stdin().write_all(br#"{"cniVersion":"0.4.0"}"#).unwrap();
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["cniVersion"], "0.4.0");
    assert!(plugin.0.wait().unwrap().success());
}
