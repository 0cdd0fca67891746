//! A plugin is killed while its iptables is about to change rules, and that iptables goes on.
//!
//! The kernel kills it with its plugin. But one that is deep in a change finishes it first; here it is made to take its time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use cni_wrapper_test::{Host, PluginDir};
use serde_json::json;

use crate::common::{del, nat, on_paper, plugin, scripted, tcp};

/// Does its work, but a change only when it is told to, whatever became of its parent.
const SLOW: &str = r#"#!/bin/sh
text=$(cat)
export text
case $text in
*'-A '*)
    exec setpriv --pdeathsig clear sh -c '
        touch /run/started
        until [ -e /run/go ]; do sleep 0.01; done
        printf "%s\n" "$text" | "$@"; touch /run/changed' sh /usr/sbin/NAME "$@" ;;
esac
printf '%s\n' "$text" | /usr/sbin/NAME "$@"
"#;

fn slow_iptables(dir: &PluginDir, backend: &str) -> String {
    let name = format!("{backend}-restore");
    let path = dir.path().join(&name);
    let script = SLOW.replace("NAME", &name);
    fs::write(&path, script).expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    dir.cni_path_with("/usr/sbin:/usr/bin:/sbin:/bin")
}

#[track_caller]
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_del_after_a_killed_add_waits_for_the_iptables_that_outlives_it() {
    for backend in ["iptables-nft", "iptables-legacy"] {
        let host = Host::new();
        let (dir, mut network) = scripted("10.0.0.2/24");
        network["backend"] = json!(backend);
        network["lockTimeout"] = json!(20);
        let call = on_paper(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
        let slowly = call.clone().env("PATH", &slow_iptables(&dir, backend));
        let mut killed = slowly.start(plugin());
        wait_for("the change", || host.exists("/run/started"));
        killed.kill();
        let deletion = thread::spawn(move || del(&call));
        // Done at once where nobody waits for anybody: so the rules come after the DEL.
        let begun = Instant::now();
        while !deletion.is_finished() && begun.elapsed() < Duration::from_millis(300) {
            thread::sleep(Duration::from_millis(5));
        }
        host.write("/run/go", "");
        wait_for("the end of the change", || host.exists("/run/changed"));
        deletion.join().expect("DEL succeeds");
        wait_for("the end of all", || host.processes().is_empty());
        assert_eq!(nat(&host, backend).matches("container_id: c1").count(), 0, "{backend}");
    }
}
