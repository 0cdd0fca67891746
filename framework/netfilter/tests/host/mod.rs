//! A network namespace of its own for one test.
//!
//! The functions under test act on the namespace of their process. So a test starts itself again,
//! inside fresh network and mount namespaces, which end with that process.

use std::process::{Command, Stdio};

#[allow(dead_code, reason = "not every test file needs a ruleset")]
pub(crate) mod ruleset;

const INSIDE: &str = "NETFILTER_TEST_INSIDE";

#[allow(clippy::disallowed_methods, reason = "how a test knows that it was started by itself")]
fn is_inside(test: &str) -> bool {
    std::env::var(INSIDE).is_ok_and(|name| name == test)
}

/// Runs `body` in a fresh host: loopback up, an empty /run, nothing else. `test` is the test's own name.
pub(crate) fn inside(test: &str, body: impl FnOnce()) {
    if is_inside(test) {
        run("mount -t tmpfs tmpfs /run");
        run("ip link set lo up");
        return body();
    }
    let itself = std::env::current_exe().expect("the test binary");
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private", "--kill-child", "--fork"])
        .arg(itself)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, test)
        .stdin(Stdio::null())
        .output()
        .expect("unshare starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    // A misspelt name would run no test at all, and succeed.
    let passed = output.status.success() && said.contains("1 passed");
    assert!(passed, "{test} failed inside its namespace:\n{said}{complained}");
}

/// Runs a command, split at blanks; returns what it printed; fails when it fails.
pub(crate) fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let program = words.next().expect("a program");
    let output = Command::new(program).args(words).output().expect("the program starts");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{command}` failed: {complained}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A namespace `name` joined by a veth: `name` here with the address `.1` of `net`, eth0 there with `.2`.
#[allow(dead_code, reason = "not every test file needs a container")]
pub(crate) fn container(name: &str, net: &str) {
    run(&format!("ip netns add {name}"));
    run(&format!("ip link add {name} type veth peer name eth0 netns {name}"));
    run(&format!("ip address add {net}.1/24 dev {name}"));
    run(&format!("ip link set {name} up"));
    run(&format!("ip -n {name} address add {net}.2/24 dev eth0"));
    run(&format!("ip -n {name} link set eth0 up"));
}
