//! Defects 19 to 25: robustness and messages.

use std::fs;
use std::time::Duration;

use cni_test_kit::{Behaviour, Host, PluginDir, Script};
use serde_json::json;

use super::broken_iptables;
use crate::common::*;
use crate::programs::executable;

#[test]
fn defect_19_the_name_of_the_host_does_not_matter() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)])
        .env("LIBPROCESS_IP", "192.0.2.77");
    host.sh("mount -t tmpfs tmpfs /etc/ssl && : >/etc/ssl/hosts &&
         mount --bind /etc/ssl/hosts /etc/hosts");
    add(&call);
    assert_eq!(dnat(&host).len(), 1);
}

#[test]
fn defect_20_a_hanging_delegate_and_a_held_lock_end_in_bounded_time() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    dir.script("inner", &Script::succeed().on("ADD", Behaviour::hang().ignoring_term()));
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
    let outcome = call.clone().key("wrapper", json!({"delegateTimeout": 0.5})).run(plugin());
    let (code, msg, _) = outcome.error();
    assert!(code == 11 && msg.contains("did not end within 500ms"), "{code} {msg}");
    assert!(outcome.took >= Duration::from_millis(500), "{outcome}");
    let mut holder = host.command("flock");
    let mut holder = holder.args(["/run/xtables.lock", "sleep", "600"]).spawn().expect("flock");
    wait_until("the lock is held", || is_locked(&host, "/run/xtables.lock"));
    let call = call.key("backend", json!("iptables-legacy")).key("lockTimeout", json!(0.5));
    let prev = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    let call = call.key("delegate", json!(null)).key("prevResult", prev);
    let outcome = call.key("cniVersion", json!("1.0.0")).run(plugin());
    let (code, msg, _) = outcome.error();
    assert_eq!(code, 11, "{msg}");
    assert!(msg.contains("xtables lock"), "{msg}");
    assert!(outcome.took >= Duration::from_millis(500), "{outcome}");
    holder.kill().expect("kill");
    holder.wait().expect("wait");
}

#[test]
fn defect_21_code_and_message_of_the_delegate_are_passed_on() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    dir.script("inner", &Script::always(Behaviour::error(11, "pool is busy")));
    let (code, msg, _) = fake_container(&host, &dir, &network, "c1", &[]).run(plugin()).error();
    assert_eq!((code, msg.as_str()), (11, "pool is busy"));
}

#[test]
fn defect_22_the_message_of_iptables_is_in_the_error() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let broken = broken_iptables("iptables-restore");
    let path = format!("{}:/usr/sbin:/usr/bin", broken.path().display());
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]).env("PATH", &path);
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 103, "{msg}");
    assert!(msg.contains("made to fail"), "{msg}");
}

#[test]
fn defect_23_messages_name_the_key_and_are_punctuated() {
    let host = Host::new();
    let dir = PluginDir::new();
    for (network, prefix) in [
        (json!({"name": "n", "delegate": 3}), "delegate: 3"),
        (json!({"name": "n", "delegate": {}}), "delegate.type: it is missing"),
        (json!({"name": "n"}), "delegate: neither a delegate nor a prevResult"),
    ] {
        let (code, msg, _) = fake_container(&host, &dir, &network, "c1", &[]).run(plugin()).error();
        assert_eq!(code, 7);
        assert!(msg.starts_with(prefix), "{msg}");
    }
}

#[test]
fn defect_24_a_directory_is_not_taken_for_the_delegate() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let decoy = PluginDir::new();
    std::fs::create_dir(decoy.path().join("inner")).expect("mkdir");
    let path = decoy.cni_path_with(&dir.path().display().to_string());
    add(&fake_container(&host, &dir, &network, "c1", &[]).cni_path(path));
    assert_eq!(dir.verbs(), ["inner ADD"]);
}

#[test]
fn defect_25_the_plugin_does_not_sleep() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let (traced, log) = (dir.path().join("traced"), dir.path().join("trace"));
    let (calls, to) = ("trace=nanosleep,clock_nanosleep,timerfd_settime", log.display());
    let strace = format!("exec strace -qq -f -e {calls} -o '{to}' '{}'", plugin().display());
    executable(&traced, &strace);
    fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]).run(&traced).expect_success();
    let trace = fs::read_to_string(&log).expect("a trace");
    assert!(trace.contains("it_value={tv_sec=59"), "the delegate has a minute: {trace}");
    // A timer of less than a second is a pause; all others only end what hangs.
    let is_pause = |line: &&str| {
        let timer = line.split_once("it_value={tv_sec=0, tv_nsec=").map(|(_, value)| value);
        line.contains("nanosleep") || timer.is_some_and(|value| !value.starts_with("0}"))
    };
    let pauses: Vec<&str> = trace.lines().filter(is_pause).collect();
    assert!(pauses.is_empty(), "{pauses:#?}");
}
