//! Defects 19 to 25: what broke, hung or could not be understood.

use std::time::Duration;

use cni_wrapper_test::{Behaviour, Host, PluginDir, Script};
use serde_json::json;

use crate::common::*;
use crate::{broken_iptables, wait_until};

#[test]
fn defect_19_the_host_s_name_does_not_matter() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let call =
        on_paper(&host, &dir, &network, "c1", &[tcp(8080, 80)]).env("LIBPROCESS_IP", "192.0.2.77");
    host.sh("mount -t tmpfs tmpfs /etc/ssl && : >/etc/ssl/hosts && mount --bind /etc/ssl/hosts /etc/hosts");
    add(&call);
}

#[test]
fn defect_20_a_hanging_delegate_and_a_held_lock_end_in_bounded_time() {
    let host = Host::new();
    let (dir, mut network) = scripted("10.0.0.2/24");
    network["delegateTimeout"] = json!(0.5);
    network["lockTimeout"] = json!(0.5);
    dir.script("inner", &Script::obey().on("ADD", Behaviour::hang().ignoring_term()));
    let call = on_paper(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
    let outcome = call.run(plugin());
    assert_eq!(outcome.error().0, 11);
    assert!(outcome.took < Duration::from_secs(5), "{:?}", outcome.took);
    let (dir, _) = scripted("10.0.0.2/24");
    network["backend"] = json!("iptables-legacy");
    let mut holder = host.command("flock");
    let mut holder = holder.args(["/run/xtables.lock", "sleep", "20"]).spawn().expect("flock");
    wait_until("the lock is held", || {
        !host
            .command("flock")
            .args(["--nonblock", "/run/xtables.lock", "true"])
            .status()
            .expect("flock")
            .success()
    });
    let outcome = on_paper(&host, &dir, &network, "c1", &[tcp(8080, 80)]).run(plugin());
    let (code, msg, _) = outcome.error();
    assert_eq!(code, 11, "{msg}");
    assert!(msg.contains("lock"), "{msg}");
    holder.kill().expect("kill");
    holder.wait().expect("wait");
}

#[test]
fn defect_21_the_delegate_s_code_and_message_are_passed_on() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    dir.script("inner", &Script::always(Behaviour::error(11, "pool is busy")));
    let (code, msg, _) = on_paper(&host, &dir, &network, "c1", &[]).run(plugin()).error();
    assert_eq!((code, msg.as_str()), (11, "pool is busy"));
}

#[test]
fn defect_22_iptables_own_words_are_in_the_error() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let broken = broken_iptables("iptables-restore");
    let path = format!("{}:/usr/sbin:/usr/bin", broken.path().display());
    let call = on_paper(&host, &dir, &network, "c1", &[tcp(8080, 80)]).env("PATH", &path);
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 103, "{msg}");
    assert!(msg.contains("made to fail"), "{msg}");
}

#[test]
fn defect_23_messages_name_the_key_and_are_punctuated() {
    let host = Host::new();
    let dir = PluginDir::new();
    for (network, beginning) in [
        (json!({"name": "n", "delegate": 3}), "delegate: 3"),
        (json!({"name": "n", "delegate": {}}), "delegate.type: it is missing"),
        (json!({"name": "n"}), "delegate: neither a delegate nor a prevResult"),
    ] {
        let (code, msg, _) = on_paper(&host, &dir, &network, "c1", &[]).run(plugin()).error();
        assert_eq!(code, 7);
        assert!(msg.starts_with(beginning), "{msg}");
    }
}

#[test]
fn defect_24_a_directory_is_not_taken_for_the_delegate() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let decoy = PluginDir::new();
    std::fs::create_dir(decoy.path().join("inner")).expect("mkdir");
    let path = decoy.cni_path_with(&dir.path().display().to_string());
    add(&on_paper(&host, &dir, &network, "c1", &[]).cni_path(path));
}

#[test]
fn defect_25_no_time_is_slept_away() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let times: Vec<_> =
        (0..5).map(|n| add(&on_paper(&host, &dir, &network, &format!("c{n}"), &[])).took).collect();
    let best = times.iter().min().expect("five");
    assert!(*best < Duration::from_millis(100), "the original never took less: {times:?}");
}
