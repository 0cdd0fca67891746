//! Programs of other days, played by scripts that hand over to today's iptables, and programs that fail.

use cni_test_kit::CallBuilder;
use serde_json::json;

use super::world::{Paper, STATE, files};
use crate::common::{add, del, is_locked, is_waiting_for_a_lock, plugin, tcp, wait_until};
use crate::programs::executable;

on_both_iptables!(
    iptables_1_4_20_works_and_its_lock_is_held_by_us,
    a_lock_of_iptables_1_4_that_another_holds_is_waited_for,
    iptables_before_1_4_20_is_refused_by_its_version,
    a_missing_comment_match_is_told_as_such,
);

/// What `iptables-restore` did before 1.6.2 when told to wait.
const NO_WAIT: &str = "for word; do
    if [ \"$word\" = -w ]; then echo \"iptables-restore: invalid option -- 'w'\" >&2; exit 2; fi
done";

/// A host whose `iptables` are scripts: `before` stands before `iptables-restore` proper.
struct Old {
    paper: Paper,
}

impl Old {
    fn new(backend: &'static str, version: &str, before_restore: &str) -> Self {
        let paper = Paper::new(backend);
        let old = Self { paper };
        for family in ["iptables", "ip6tables"] {
            let real = old.paper.backend.replacen("iptables", family, 1);
            // The lock is ours to hold here: today's program must not look at it.
            let real =
                |program| format!("exec env XTABLES_LOCKFILE=/run/unused {real}{program} \"$@\"");
            old.program(family, &format!("echo '{family} v{version}'"));
            old.program(&format!("{family}-save"), &real("-save"));
            let restore = format!("{before_restore}\n{}", real("-restore"));
            old.program(&format!("{family}-restore"), &restore);
        }
        old
    }

    fn program(&self, name: &str, script: &str) {
        let directory = self.paper.plugins.path().join("bin");
        std::fs::create_dir_all(&directory).expect("a directory for programs");
        executable(&directory.join(name), script);
    }

    fn call(&self, id: &str, host_port: u16) -> CallBuilder {
        let bin = self.paper.plugins.path().join("bin");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
        let call = self.paper.call(id, &[tcp(host_port, 80)]).env("PATH", &path);
        call.key("backend", json!("iptables"))
    }

    /// The rules are as they were, and the delegate was told to give its address back.
    fn assert_undone(&self) {
        assert_eq!(self.paper.traces(), "", "no rule is left");
        assert_eq!(
            self.paper.plugins.verbs(),
            ["inner ADD", "inner DEL"],
            "the delegate was undone"
        );
        let mut left = files(&self.paper.host, STATE);
        left.retain(|name| name != "lock");
        assert_eq!(left, [] as [&str; 0], "no file is left");
    }
}

fn iptables_1_4_20_works_and_its_lock_is_held_by_us(backend: &'static str) {
    let watch = format!(
        "{NO_WAIT}
         flock --nonblock /run/xtables.lock true && echo free >>/run/seen || echo held >>/run/seen
         ss -Hlx | grep -q ' @xtables ' && echo held >>/run/seen || echo free >>/run/seen"
    );
    let old = Old::new(backend, "1.4.20", &watch);
    let call = old.call("c1", 8080);
    old.paper.host.sh("! [ -e /run/seen ]");
    add(&call);
    let traces = old.paper.traces();
    assert!(traces.contains("10.0.0.2:80"), "the rules are there: {traces}");
    let seen = || old.paper.host.read("/run/seen");
    assert_eq!(seen(), "held\nheld\n", "the locks of 1.6 and 1.4 while restore ran");
    del(&call);
    assert_eq!(old.paper.traces(), "", "DEL works alike");
    assert_eq!(seen(), "held\n".repeat(4), "and holds the locks alike");
    assert!(!is_locked(&old.paper.host, "/run/xtables.lock"), "the lock is free again");
}

fn a_lock_of_iptables_1_4_that_another_holds_is_waited_for(backend: &'static str) {
    let old = Old::new(backend, "1.4.21", NO_WAIT);
    let mut holder = old.paper.host.command("flock");
    let mut holder =
        holder.args(["--no-fork", "/run/xtables.lock", "sleep", "600"]).spawn().expect("flock");
    let host = &old.paper.host;
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
    let told = msg.contains("v1.4.19 is too old") && msg.contains("1.4.20");
    assert!(told, "its version, and the one that is needed: {msg}");
    old.assert_undone();
    let (code, msg, _) = old.call("c1", 8080).as_verb("STATUS").run(plugin()).error();
    assert_eq!(code, 50, "STATUS knows before: {msg}");
    assert!(msg.contains("v1.4.19 is too old"), "and says the same: {msg}");
}

fn a_missing_comment_match_is_told_as_such(backend: &'static str) {
    for words in [
        "iptables-restore v1.4.21: Couldn'\\''t load match `comment'\\'':No such file or directory",
        "Warning: Extension comment revision 0 not supported, missing kernel module?",
    ] {
        let fails = format!("echo '{words}' >&2; exit 2");
        let old = Old::new(backend, "1.4.21", &fails);
        let (code, msg, _) = old.call("c1", 8080).run(plugin()).error();
        assert_eq!(code, 103, "{msg}");
        assert!(msg.contains("xt_comment"), "the message says what to load: {msg}");
        old.assert_undone();
    }
}
