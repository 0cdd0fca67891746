//! Programs of other days, played by scripts that hand over to today's iptables, and programs that fail.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use cni_wrapper_test::CallBuilder;
use serde_json::json;

use crate::common::{add, del, plugin, tcp};
use crate::world::{Paper, STATE, files, wait_until};

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
        let path = directory.join(name);
        std::fs::create_dir_all(directory).expect("a directory for programs");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("chmod");
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
    let free =
        old.paper.host.command("flock").args(["--nonblock", "/run/xtables.lock", "true"]).status();
    assert!(free.is_ok_and(|status| status.success()), "the lock is free again");
}

fn a_lock_of_iptables_1_4_that_another_holds_is_waited_for(backend: &'static str) {
    let old = Old::new(backend, "1.4.21", NO_WAIT);
    let mut holder = old.paper.host.command("flock");
    let mut holder =
        holder.args(["--no-fork", "/run/xtables.lock", "sleep", "60"]).spawn().expect("flock");
    let is_held = || {
        let mut flock = old.paper.host.command("flock");
        let status = flock.args(["--nonblock", "/run/xtables.lock", "true"]).status();
        status.is_ok_and(|status| !status.success())
    };
    wait_until("the lock is held", is_held);
    let refused = old.call("c1", 8080).key("lockTimeout", json!(0.3)).run(plugin());
    let (code, msg, _) = refused.error();
    assert_eq!(code, 11, "try again later: {msg}");
    assert!(msg.contains("/run/xtables.lock"), "the message names the lock: {msg}");
    assert!(refused.took < Duration::from_secs(10), "bounded: {:?}", refused.took);
    let waiting = old.call("c2", 8081).key("lockTimeout", json!(30)).start(plugin());
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

/// Once is enough for all variants, since it takes its time: 30 seconds.
#[test]
fn iptables_that_hangs_ends_in_bounded_time_and_is_undone() {
    // The first listing hangs, with a child that holds the outputs; those after it work.
    let old = Old::new("iptables-nft", "1.8.9", "");
    old.program(
        "iptables-restore",
        "if mkdir /run/first 2>/dev/null; then sleep 1000 & exec sleep 1000; fi
         exec iptables-nft-restore \"$@\"",
    );
    let outcome = old.call("c1", 8080).key("lockTimeout", json!(0.1)).run(plugin());
    let (code, msg, _) = outcome.error();
    assert_eq!(code, 11, "it may work later: {msg}");
    assert!(msg.contains("iptables-restore"), "the message names the program: {msg}");
    assert!(outcome.took < Duration::from_secs(45), "bounded: {:?}", outcome.took);
    old.assert_undone();
    let processes = old.paper.host.processes();
    let left: Vec<_> = processes.iter().filter(|one| one.command.contains("sleep 1000")).collect();
    assert!(left.is_empty(), "no process is left: {left:?}");
}
