//! Defects 1 to 4: security.

use cni_test_kit::{Behaviour, Host, PluginDir, Script};
use serde_json::{Value, json};

use crate::common::*;

/// Texts that a shell, sed or iptables would interpret as more than a name.
const HOSTILE: [&str; 8] = [
    "x; touch /run/pwned",
    "$(touch /run/pwned)",
    "`touch /run/pwned`",
    "x\" touch /run/pwned \"",
    "x/e touch \\/run\\/pwned;/",
    "x\ntouch /run/pwned",
    "-j ACCEPT",
    "x' && touch /run/pwned '",
];

#[test]
fn defect_01_a_protocol_is_never_executed() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    for hostile in HOSTILE {
        let mapping = json!({"host_port": 80, "container_port": 80, "protocol": hostile});
        let (code, msg, _) =
            fake_container(&host, &dir, &network, "c1", &[mapping]).run(plugin()).error();
        assert_eq!(code, 7, "{msg}");
        assert!(msg.contains("port_mappings[0].protocol"), "{msg}");
    }
    assert!(!host.exists("/run/pwned"));
    assert!(dir.calls("inner").is_empty(), "refused before anything is changed");
}

#[test]
fn defect_02_chain_devices_and_container_id_are_never_executed() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    for hostile in HOSTILE {
        let with = |key: &str, value: Value| {
            let mut network = network.clone();
            network[key] = value;
            fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)])
        };
        for (call, code) in [
            (with("chain", json!(hostile)), 7),
            (with("excludeDevices", json!([hostile])), 7),
            (with("name", json!(hostile)), 7),
            (fake_container(&host, &dir, &network, hostile, &[tcp(8080, 80)]), 4),
        ] {
            for verb in ["ADD", "DEL"] {
                let outcome = call.clone().as_verb(verb).run(plugin());
                assert!(verb == "DEL" || outcome.error().0 == code, "{hostile:?}: {outcome}");
            }
        }
    }
    assert!(!host.exists("/run/pwned"));
    assert_eq!(rules(&host, "-A"), [] as [&str; 0]);
}

#[test]
fn defect_03_stderr_does_not_contain_other_containers() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    add(&fake_container(&host, &dir, &network, "secret-one", &[tcp(8080, 80)]));
    let outcome = add(&fake_container(&host, &dir, &network, "c2", &[tcp(8081, 80)]));
    assert!(!outcome.stderr.contains("secret-one"), "{}", outcome.stderr);
}

#[test]
fn defect_04_no_listener_is_opened() {
    let host = Host::new();
    let (_, network) = scripted("10.0.0.2/24");
    let dir = PluginDir::new().with("inner", &Script::succeed().on("ADD", Behaviour::hang()));
    let mut running = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]).start(plugin());
    wait_until("the delegate runs", || !dir.calls("inner").is_empty());
    assert_eq!(host.run("ss -Hltn"), "");
    running.kill();
}
