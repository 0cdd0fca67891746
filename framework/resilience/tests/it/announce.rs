//! The example as a process, with a server that is busy, refuses or does not answer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cni_test_kit::{CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

/// Returns the path of the example, which Cargo builds together with the tests.
fn announce() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("target/debug/deps/TEST");
    profile.join("examples/announce")
}

fn delegate() -> PluginDir {
    PluginDir::new().with("d", &Script::succeed())
}

fn socket(dir: &PluginDir) -> PathBuf {
    dir.path().join("server.sock")
}

fn add(dir: &PluginDir, keys: Value) -> CallBuilder {
    let config = json!({"cniVersion": "1.1.0", "delegate": {"type": "d"}, "server": socket(dir)});
    let call = CallBuilder::add("net").cni_path(dir.path()).config(config);
    let keys = keys.as_object().into_iter().flatten();
    keys.fold(call, |call, (key, value)| call.key(key, value.clone()))
}

/// Answers the connections one after the other, and returns the lines that they sent.
fn serve(socket: &Path, answers: &'static [&'static str]) -> JoinHandle<Vec<String>> {
    let listener = UnixListener::bind(socket).expect("the socket");
    let answer = move |answer: &&str| {
        let (stream, _) = listener.accept().expect("a call");
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).expect("a line");
        // At the end of a test the client has already closed the connection.
        let _ = writeln!(&stream, "{answer}");
        line
    };
    thread::spawn(move || answers.iter().map(answer).collect())
}

/// Ends a server that still waits for connections, and returns how often c1 was announced.
fn announcements(server: JoinHandle<Vec<String>>, socket: &Path) -> usize {
    while !server.is_finished() {
        let _ = UnixStream::connect(socket).and_then(|mut stream| stream.write_all(b"end\n"));
    }
    let lines = server.join().expect("the server did not panic");
    lines.iter().filter(|line| *line == "c1\n").count()
}

#[test]
fn an_announcement_is_retried_while_the_server_is_busy() {
    let dir = delegate();
    let server = serve(&socket(&dir), &["busy", "busy", "ok"]);
    let keys = json!({"deadline": 3600, "retry": {"maxAttempts": 3, "backoff": 0.01}});
    add(&dir, keys).run(announce()).expect_success();
    assert_eq!(announcements(server, &socket(&dir)), 3);
    assert_eq!(dir.verbs(), ["d ADD"]);
}

#[test]
fn after_the_last_attempt_the_add_fails_and_is_undone() {
    let dir = delegate();
    let server = serve(&socket(&dir), &["busy", "busy", "ok"]);
    let keys = json!({"deadline": 3600, "retry": {"maxAttempts": 2, "backoff": 0.01}});
    let (code, msg, _) = add(&dir, keys).run(announce()).error();
    assert!(code == 11 && msg.contains("is busy"), "{code}: {msg}");
    assert_eq!(announcements(server, &socket(&dir)), 2);
    assert_eq!(dir.verbs(), ["d ADD", "d DEL"]);
}

#[test]
fn a_permanent_error_is_not_retried() {
    let dir = delegate();
    let server = serve(&socket(&dir), &["no", "ok"]);
    let keys = json!({"deadline": 3600, "retry": {"maxAttempts": 5, "backoff": 0.01}});
    assert_eq!(add(&dir, keys).run(announce()).error().0, 120);
    assert_eq!(announcements(server, &socket(&dir)), 1);
}

#[test]
fn a_server_that_does_not_answer_fails_the_add_at_the_deadline() {
    let dir = delegate();
    let _silent = UnixListener::bind(socket(&dir)).expect("the socket");
    let outcome = add(&dir, json!({"deadline": 0.5})).run(announce());
    let (code, msg, _) = outcome.error();
    assert!(code == 11 && msg.contains("its deadline of 500ms"), "{code}: {msg}");
    assert!(outcome.took >= Duration::from_millis(500), "it ended after {:?}", outcome.took);
    assert_eq!(dir.verbs(), ["d ADD", "d DEL"]);
}
