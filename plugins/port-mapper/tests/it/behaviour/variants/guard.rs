//! Whether the guard of 127.0.0.0/8 exists, without a program.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use port_mapper::backend::{Backends, ProgramEnvironment};
use port_mapper::config::BackendKind;
use serde_json::json;

use super::{Alternatives, LEGACY, NFT, NFTABLES, PLACES};
use crate::common::add;

/// Prints the kinds of the backends that have a guard, in the network namespace of this process.
#[test]
#[ignore = "another test runs it inside a host"]
fn kinds_with_a_guard() {
    // Without programs, only the kernel can be asked.
    let nowhere = ProgramEnvironment { path: Some("/nowhere".into()), xtables_lock_file: None };
    let backends = Backends::new(nowhere, Duration::from_secs(1));
    let kinds = BackendKind::ALL.into_iter().filter(|kind| backends.has_guard_in(*kind));
    let kinds = kinds.collect::<Vec<_>>();
    writeln!(std::io::stdout(), "guards: {kinds:?};").expect("the test reads it");
}

/// Returns what the helper prints on a host.
fn guards(host: &Alternatives) -> String {
    let test = std::env::current_exe().expect("the test binary");
    let mut command = host.host().command(test);
    command.args([
        "behaviour::variants::guard::kinds_with_a_guard",
        "--exact",
        "--ignored",
        "--nocapture",
    ]);
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let text = super::text(&output);
    let guards = text.split_once("guards: ").and_then(|(_, rest)| rest.split_once(';'));
    guards.unwrap_or_else(|| panic!("the helper failed: {text}")).0.to_owned()
}

/// Returns commands that each remove a part of the guard.
fn damages(place: &str) -> [String; 3] {
    match place {
        NFTABLES => {
            let table = "inet mesos-cni-port-mapper";
            let handle =
                format!("nft -a list chain {table} guard | sed -n '/ip daddr/s/.*handle //p'");
            [
                format!("nft flush chain {table} guard"),
                format!("nft delete rule {table} guard handle $({handle})"),
                format!("nft flush chain {table} guard; nft delete chain {table} guard"),
            ]
        }
        iptables => [
            format!("{iptables} -w -t raw -F"),
            format!("{iptables} -w -t raw -F PREROUTING"),
            format!("{iptables} -w -t raw -D PORT-MAPPER-GUARD 1"),
        ],
    }
}

#[test]
fn the_kernel_shows_in_which_backend_the_guard_is_and_whether_it_is_complete() {
    for place in PLACES {
        let kind = match place {
            NFT => BackendKind::IptablesNft,
            LEGACY => BackendKind::IptablesLegacy,
            _ => BackendKind::Nftables,
        };
        for number in 0..3 {
            let host = Alternatives::new(NFT, json!(place));
            host.host().sh(&format!("{LEGACY} -w -t raw -N OTHERS; {NFT} -w -t raw -N OTHERS"));
            assert_eq!(guards(&host), "[]", "{place}: there is none");
            add(&host.call("c1", 8080));
            assert_eq!(guards(&host), format!("[{kind:?}]"), "{}", host.rules(place));
            let damage = &damages(place)[number];
            host.host().sh(damage);
            assert_eq!(guards(&host), "[]", "{place}: it is incomplete after {damage}");
        }
    }
}
