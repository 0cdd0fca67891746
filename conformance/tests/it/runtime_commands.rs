//! The runtime commands (`add`, `check`, `del` …), on a disposable host.

use std::process::Output;

use cni_test_kit::{Container, Host, Traffic, plugin_binary};
use serde_json::Value;

const LIST: &str = r#"{
    "cniVersion": "1.0.0", "name": "hand",
    "plugins": [
        { "type": "bridge", "bridge": "hand0", "isGateway": true,
          "ipam": {
            "type": "host-local", "subnet": "10.98.0.0/24", "routes": [{ "dst": "0.0.0.0/0" }]
          } },
        { "type": "mesos-cni-port-mapper", "capabilities": { "portMappings": true } }
    ]
}"#;
const SINGLE: &str = r#"{
    "name": "mesos", "type": "mesos-cni-port-mapper",
    "delegate": { "type": "bridge", "bridge": "hand1", "isGateway": true,
        "ipam": {
            "type": "host-local", "subnet": "10.97.0.0/24", "routes": [{ "dst": "0.0.0.0/0" }]
        } }
}"#;
const CAP: &str =
    r#"{"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}"#;
const INFO: &str =
    r#"{"port_mappings": [{"host_port": 8080, "container_port": 80, "protocol": "tcp"}]}"#;

struct World {
    host: Host,
    container: Container,
    path: String,
}

impl World {
    fn new() -> Self {
        let host = Host::new();
        let container = host.container("c1");
        let ours = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
        let path = format!("/usr/lib/cni:{}", ours.parent().unwrap().display());
        host.run("mkdir /run/net.d");
        host.write("/run/net.d/10-hand.conflist", LIST);
        host.write("/run/net.d/20-mesos.conf", SINGLE);
        host.write("/run/outside.conf", r#"{"name": "../../etc/x", "type": "bridge"}"#);
        Self { host, container, path }
    }

    fn command(&self, words: &[&str]) -> Output {
        let mut command = self.host.command(env!("CARGO_BIN_EXE_cni-conformance"));
        command.args(words).env("CNI_PATH", &self.path).env("NETCONFPATH", "/run/net.d");
        command.output().unwrap()
    }

    /// Expects a command to succeed and returns its stdout.
    fn succeeds(&self, words: &[&str]) -> String {
        let output = self.command(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Expects a command to exit with this status and returns its output.
    fn exits_with(&self, words: &[&str], status: i32) -> String {
        let output = self.command(words);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {}", text(&output));
        assert!(output.stdout.is_empty(), "{words:?}: {}", text(&output));
        text(&output)
    }
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_list_is_added_checked_and_deleted_by_name() {
    let world = World::new();
    let result: Value =
        serde_json::from_str(&world.succeeds(&["add", "hand", "c1", "--cap", CAP])).unwrap();
    assert_eq!(result["ips"][0]["address"], "10.98.0.2/24");
    let _server = world.container.serve(Traffic::Http, 80);
    world.host.fetch("http://127.0.0.1:8080/").expect("the port is mapped");
    assert_eq!(world.succeeds(&["check", "hand", "/run/netns/c1", "--cap", CAP]), "");
    assert_eq!(world.succeeds(&["status", "hand"]), "");
    // The id contains the SHA-512 of the namespace, like those of cnitool.
    let id = world.host.run("ls /var/lib/cni/results");
    assert!(id.starts_with("hand-cnitool-") && id.trim().ends_with("-eth0"), "{id}");
    assert_eq!(world.succeeds(&["del", "hand", "c1", "--cap", CAP]), "");
    world.host.fetch("http://127.0.0.1:8080/").expect_err("the port is no longer mapped");
    assert_eq!(world.succeeds(&["del", "hand", "c1"]), "", "twice");
    world.exits_with(&["check", "hand", "c1"], 1);
}

#[test]
fn a_file_is_used_as_it_is_and_every_call_can_be_shown() {
    let world = World::new();
    let output = world.command(&[
        "add",
        "/run/net.d/10-hand.conflist",
        "c1",
        "--id",
        "mine",
        "--ifname",
        "net0",
        "--args",
        "IgnoreUnknown=1;K=v",
        "-v",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let shown = String::from_utf8(output.stderr).unwrap();
    for part in [
        "bridge ADD",
        "mesos-cni-port-mapper ADD",
        "CNI_CONTAINERID=mine",
        "CNI_IFNAME=net0",
        "CNI_ARGS=IgnoreUnknown=1;K=v",
        "stdin  {",
        "exit 0 after",
    ] {
        assert!(shown.contains(part), "missing {part:?} in:\n{shown}");
    }
    serde_json::from_slice::<Value>(&output.stdout).expect("only the result");
    assert!(world.container.run("ip -o link show net0").contains("net0"));
    world.succeeds(&[
        "del",
        "/run/net.d/10-hand.conflist",
        "c1",
        "--id",
        "mine",
        "--ifname",
        "net0",
    ]);
    assert!(!world.container.run("ip -o link show").contains("net0"));
}

#[test]
fn gc_removes_only_what_is_not_valid() {
    let world = World::new();
    let second = world.host.container("c2");
    world.succeeds(&["add", "hand", "c1", "--id", "one"]);
    world.succeeds(&["add", "hand", "c2", "--id", "two"]);
    let refused = world.exits_with(&["gc", "hand"], 2);
    assert!(refused.contains("--valid") && refused.contains("--all"), "{refused}");
    world.succeeds(&["gc", "hand", "--valid", "one"]);
    assert!(world.container.run("ip -o link show").contains("eth0"), "the valid one remains");
    assert!(!second.run("ip -o link show").contains("eth0"), "the other one is removed");
    world.succeeds(&["gc", "hand", "--all"]);
    assert!(!world.container.run("ip -o link show").contains("eth0"));
}

#[test]
fn with_mesos_a_single_plugin_is_added_and_deleted() {
    let world = World::new();
    let mesos = |verb: &'static str| ["--runtime", "mesos", verb, "mesos", "c1"];
    let words = |verb| {
        let [a, b, verb, c, d] = mesos(verb);
        [verb, c, d, a, b]
    };
    let result = world.succeeds(&[&words("add")[..], &["--info", INFO]].concat());
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["ip4"]["ip"], "10.97.0.2/24", "the format that Mesos reads");
    let server = world.container.serve(Traffic::Http, 80);
    world.host.fetch("http://127.0.0.1:8080/").expect("the port is mapped");
    drop(server);
    // As after a crash: DEL uses the checkpoint, without CNI_NETNS.
    world.container.delete();
    let shown = world.succeeds(&[&words("del")[..], &["-v"]].concat());
    assert_eq!(shown, "", "stdout is for results");
    world.host.fetch("http://127.0.0.1:8080/").expect_err("the port is no longer mapped");
    let again = world.command(&words("del"));
    assert_eq!(again.status.code(), Some(0));
    assert!(text(&again).contains("no checkpoint of a container"), "{}", text(&again));
    let refused = world.exits_with(&["check", "mesos", "c1", "--runtime", "mesos"], 2);
    assert!(refused.contains("Mesos never calls CHECK"), "{refused}");
}

#[test]
fn an_error_of_a_plugin_is_reported_and_not_undone() {
    let world = World::new();
    world.succeeds(&["add", "hand", "c1"]);
    let failed = world.exits_with(&["add", "hand", "c1"], 1);
    assert!(failed.contains("plugin type=\"bridge\" failed (add)"), "{failed}");
    assert!(
        world.container.run("ip -o link show").contains("eth0"),
        "the first attachment remains"
    );
}

#[test]
fn mistakes_are_refused_with_a_clear_message() {
    let world = World::new();
    for (words, part) in [
        (vec!["add"], "<NETCONF> <NETNS>"),
        (vec!["add", "hand"], "<NETNS>"),
        (vec!["add", "hand", "nowhere"], "the network namespace /run/netns/nowhere does not exist"),
        (
            vec!["add", "no-such-network", "c1"],
            "no net configuration with name \"no-such-network\"",
        ),
        (vec!["add", "./no-such.conflist", "c1"], "error reading ./no-such.conflist"),
        (vec!["add", "hand", "c1", "--id", "a b"], "--id: "),
        (vec!["del", "/run/outside.conf", "c1"], "name: "),
        (vec!["add", "hand", "c1", "--ifname", "a/b"], "--ifname: "),
        (vec!["add", "hand", "c1", "--args", "K"], "\"K\" is not KEY=VALUE"),
        (vec!["add", "hand", "c1", "--cap", "{"], "'--cap <JSON|FILE>': not a JSON object"),
        (vec!["add", "hand", "c1", "--valid", "x"], "unexpected argument '--valid'"),
        (vec!["add", "hand", "c1", "--info", "{}"], "only Mesos sends it"),
        (vec!["add", "hand", "c1", "--typo", "x"], "unexpected argument '--typo'"),
        (vec!["gc", "hand", "--all", "--valid", "x"], "'--all' cannot be used with '--valid"),
        (vec!["status", "hand", "--id", "x"], "unexpected argument '--id'"),
        (vec!["add", "hand", "c1", "--runtime", "mesos"], "Unknown CNI network 'hand'"),
        (
            vec!["add", "mesos", "c1", "--runtime", "mesos", "--cap", "{}"],
            "Mesos supplies no capabilities",
        ),
        (vec!["add", "hand", "c1", "--path", "/nowhere"], "failed to find plugin \"bridge\""),
    ] {
        let text = world.exits_with(&words, 2);
        assert!(text.contains(part), "{words:?}: {text}");
    }
    assert_eq!(world.container.run("ip -o link show type veth"), "");
}
