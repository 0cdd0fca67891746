//! Runs a test in its own network and mount namespaces.
//!
//! The functions under test act on the network namespace of their process. A test therefore starts
//! itself again in new namespaces, which are removed when that process exits.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The variable with the name of the test, in the process that the test starts.
const INSIDE: &str = "CNI_NETLINK_TEST_INSIDE";

/// Runs the body of a test in new namespaces, where loopback is up and `/run` is empty.
///
/// `body` must be a closure in the test function, from which the name of the test is derived.
pub(crate) fn inside<F: FnOnce()>(body: F) {
    let test = test_name(&body);
    if is_inside(test) {
        run("mount -t tmpfs tmpfs /run");
        run("ip link set lo up");
        return body();
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--propagation", "private", "--kill-child", "--fork"]);
    unshare.env(INSIDE, test);
    start(unshare, test, &[]);
}

/// Runs an ignored test of this binary by way of `command` (split at whitespace), and returns its
/// output.
pub(crate) fn run_helper<F: Fn()>(command: &str, helper: F) -> String {
    let mut words = command.split_whitespace();
    let mut starter = Command::new(words.next().expect("a program"));
    starter.args(words);
    start(starter, test_name(&helper), &["--ignored"])
}

#[allow(clippy::disallowed_methods, reason = "how a test detects that it was started by itself")]
fn is_inside(test: &str) -> bool {
    std::env::var(INSIDE).is_ok_and(|name| name == test)
}

/// Returns the test harness's name of a test function, or of the function that contains a closure:
/// its path without the crate.
fn test_name<F>(_: &F) -> &'static str {
    let path = std::any::type_name::<F>();
    let path = path.split_once("::").map_or(path, |(_, path)| path);
    path.split_once("::{{closure}}").map_or(path, |(path, _)| path)
}

/// Makes `command` run one test of this binary, which must pass.
fn start(mut command: Command, test: &str, options: &[&str]) -> String {
    command.arg(std::env::current_exe().expect("the test binary"));
    command.args([test, "--exact", "--nocapture"]).args(options);
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    // With a name that does not exist no test would run, which counts as success.
    let passed = output.status.success() && stdout.contains("1 passed");
    assert!(passed, "{test} failed in the process that was started for it:\n{stdout}{stderr}");
    stdout.into_owned()
}

/// Runs a command, split at whitespace, and returns its output. Panics if it fails.
pub(crate) fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let program = words.next().expect("a program");
    let output = Command::new(program).args(words).output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{command}` failed: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Adds the network namespace `name` and a veth pair to it. The end `name` has the address `.1` of
/// `net`, the end eth0 in the namespace has `.2`.
pub(crate) fn container(name: &str, net: &str) {
    run(&format!("ip netns add {name}"));
    run(&format!("ip link add {name} type veth peer name eth0 netns {name}"));
    run(&format!("ip address add {net}.1/24 dev {name}"));
    run(&format!("ip link set {name} up"));
    run(&format!("ip -n {name} address add {net}.2/24 dev eth0"));
    run(&format!("ip -n {name} link set eth0 up"));
}

/// Waits for a condition. The limit ends a hang, however slow the machine is.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    const LIMIT: Duration = Duration::from_secs(120);
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "still waiting after {LIMIT:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
