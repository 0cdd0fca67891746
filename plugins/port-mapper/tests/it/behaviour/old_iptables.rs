//! Old versions of iptables, which are scripts that run the installed one, and programs that fail.

use cni_test_kit::CallBuilder;
use serde_json::json;

use super::testbed::{RulesTestbed, STATE, files};
use crate::common::{add, del, is_locked, is_waiting_for_a_lock, plugin, tcp, wait_until};
use crate::programs::executable;

on_both_iptables!(
    iptables_1_4_20_works_and_the_plugin_holds_its_lock,
    a_lock_of_iptables_1_4_that_another_holds_is_waited_for,
    iptables_before_1_4_20_is_refused_by_its_version,
    a_missing_comment_match_is_reported,
);

/// What `iptables-restore` did with `-w` before 1.6.2.
const NO_WAIT: &str = "for word; do
    if [ \"$word\" = -w ]; then echo \"iptables-restore: invalid option -- 'w'\" >&2; exit 2; fi
done";

/// A host on which the programs of iptables are scripts.
struct Old {
    testbed: RulesTestbed,
}

impl Old {
    fn new(backend: &'static str, version: &str, before_restore: &str) -> Self {
        let testbed = RulesTestbed::new(backend);
        let old = Self { testbed };
        for family in ["iptables", "ip6tables"] {
            let real = old.testbed.backend.replacen("iptables", family, 1);
            // The plugin holds the lock here, so the installed program must not wait for it.
            let real = |program| {
                format!("exec env XTABLES_LOCKFILE=/run/unused /usr/sbin/{real}{program} \"$@\"")
            };
            old.program(family, &format!("echo '{family} v{version}'"));
            old.program(&format!("{family}-save"), &real("-save"));
            let restore = format!("{before_restore}\n{}", real("-restore"));
            old.program(&format!("{family}-restore"), &restore);
        }
        old
    }

    fn program(&self, name: &str, script: &str) {
        let directory = self.testbed.plugins.path().join("bin");
        std::fs::create_dir_all(&directory).expect("a directory for programs");
        executable(&directory.join(name), script);
    }

    fn call(&self, id: &str, host_port: u16) -> CallBuilder {
        let bin = self.testbed.plugins.path().join("bin");
        // A host with an iptables of that age has no variant under another name.
        let path = format!("{}:/usr/bin", bin.display());
        let call = self.testbed.call(id, &[tcp(host_port, 80)]).env("PATH", &path);
        call.key("backend", json!("iptables"))
    }

    /// Checks that no rule or file is left, and that the delegate was rolled back.
    fn assert_rolled_back(&self) {
        assert_eq!(self.testbed.own_rules(), "", "no rule is left");
        assert_eq!(
            self.testbed.plugins.verbs(),
            ["inner ADD", "inner DEL"],
            "the delegate was rolled back"
        );
        let mut left = files(&self.testbed.host, STATE);
        left.retain(|name| name != "lock");
        assert_eq!(left, [] as [&str; 0], "no file is left");
    }
}

fn iptables_1_4_20_works_and_the_plugin_holds_its_lock(backend: &'static str) {
    let watch = format!(
        "{NO_WAIT}
         flock --nonblock /run/xtables.lock true && echo free >>/run/seen || echo held >>/run/seen
         ss -Hlx | grep -q ' @xtables ' && echo held >>/run/seen || echo free >>/run/seen"
    );
    let old = Old::new(backend, "1.4.20", &watch);
    let call = old.call("c1", 8080);
    old.testbed.host.sh("! [ -e /run/seen ]");
    add(&call);
    let rules = old.testbed.own_rules();
    assert!(rules.contains("10.0.0.2:80"), "the rules are there: {rules}");
    let seen = || old.testbed.host.read("/run/seen");
    assert_eq!(seen(), "held\nheld\n", "the locks of 1.6 and 1.4 while restore ran");
    del(&call);
    assert_eq!(old.testbed.own_rules(), "", "DEL works as well");
    assert_eq!(seen(), "held\n".repeat(4), "and holds the locks as well");
    assert!(!is_locked(&old.testbed.host, "/run/xtables.lock"), "the lock is released");
}

fn a_lock_of_iptables_1_4_that_another_holds_is_waited_for(backend: &'static str) {
    let old = Old::new(backend, "1.4.21", NO_WAIT);
    let mut holder = old.testbed.host.command("flock");
    let mut holder =
        holder.args(["--no-fork", "/run/xtables.lock", "sleep", "600"]).spawn().expect("flock");
    let host = &old.testbed.host;
    wait_until("the lock is held", || is_locked(host, "/run/xtables.lock"));
    let refused = old.call("c1", 8080).key("lockTimeout", json!(0.3)).run(plugin());
    let (code, msg, _) = refused.error();
    assert_eq!(code, 11, "try again later: {msg}");
    assert!(msg.contains("/run/xtables.lock"), "the message names the lock: {msg}");
    let waiting = old.call("c2", 8081).start(plugin());
    wait_until("the call waits", || is_waiting_for_a_lock(host));
    holder.kill().expect("kill");
    holder.wait().expect("wait");
    waiting.finish().expect_success();
}

fn iptables_before_1_4_20_is_refused_by_its_version(backend: &'static str) {
    let old = Old::new(backend, "1.4.19", NO_WAIT);
    let (code, msg, _) = old.call("c1", 8080).run(plugin()).error();
    assert_eq!(code, 103, "{msg}");
    let has_versions = msg.contains("v1.4.19 is too old") && msg.contains("1.4.20");
    assert!(has_versions, "its version, and the one that is needed: {msg}");
    old.assert_rolled_back();
    let (code, msg, _) = old.call("c1", 8080).as_verb("STATUS").run(plugin()).error();
    assert_eq!(code, 50, "STATUS reports it, too: {msg}");
    assert!(msg.contains("v1.4.19 is too old"), "with the same message: {msg}");
}

fn a_missing_comment_match_is_reported(backend: &'static str) {
    for message in [
        "iptables-restore v1.4.21: Couldn'\\''t load match `comment'\\'':No such file or directory",
        "Warning: Extension comment revision 0 not supported, missing kernel module?",
    ] {
        let fails = format!("echo '{message}' >&2; exit 2");
        let old = Old::new(backend, "1.4.21", &fails);
        let (code, msg, _) = old.call("c1", 8080).run(plugin()).error();
        assert_eq!(code, 103, "{msg}");
        assert!(msg.contains("xt_comment"), "the message says what to load: {msg}");
        old.assert_rolled_back();
    }
}
