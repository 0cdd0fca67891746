//! A plugin is killed while its iptables is about to change rules, and that iptables completes the
//! change.
//!
//! The kernel kills iptables together with its plugin, but not before a running system call has
//! ended. Here a script delays the change.

use std::thread;

use cni_test_kit::{Host, PluginDir};
use serde_json::json;

use crate::common::{
    del, fake_container, is_waiting_for_a_lock, nat, plugin, scripted, tcp, wait_until,
};
use crate::programs::executable;

/// An iptables-restore that delays a change until `/run/go` exists, even if its parent is killed.
const SLOW: &str = r#"text=$(cat)
export text
case $text in
*'-A '*)
    exec setpriv --pdeathsig clear sh -c '
        touch /run/started
        until [ -e /run/go ]; do sleep 0.01; done
        printf "%s\n" "$text" | "$@" && touch /run/changed' sh /usr/sbin/NAME "$@" ;;
esac
printf '%s\n' "$text" | /usr/sbin/NAME "$@"
"#;

fn slow_iptables(dir: &PluginDir, backend: &str) -> String {
    let name = format!("{backend}-restore");
    executable(&dir.path().join(&name), &SLOW.replace("NAME", &name));
    dir.cni_path_with("/usr/sbin:/usr/bin:/sbin:/bin")
}

#[test]
fn the_del_after_a_killed_add_waits_for_the_iptables_that_outlives_it() {
    for backend in ["iptables-nft", "iptables-legacy"] {
        let host = Host::new();
        let (dir, mut network) = scripted("10.0.0.2/24");
        network["backend"] = json!(backend);
        let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
        let slowly = call.clone().env("PATH", &slow_iptables(&dir, backend));
        let mut killed = slowly.start(plugin());
        wait_until("the change has begun", || host.exists("/run/started"));
        killed.kill();
        let deletion = thread::spawn(move || del(&call));
        // A DEL that does not wait ends here, and the rules are created after it.
        wait_until("the DEL waits or is done", || {
            deletion.is_finished() || is_waiting_for_a_lock(&host)
        });
        host.write("/run/go", "");
        wait_until("the change is made", || host.exists("/run/changed"));
        deletion.join().expect("DEL succeeds");
        wait_until("all processes have ended", || host.processes().is_empty());
        assert_eq!(nat(&host, backend).matches("container_id: c1").count(), 0, "{backend}");
    }
}
