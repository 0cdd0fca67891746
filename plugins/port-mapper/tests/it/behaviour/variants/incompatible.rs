//! A host whose `table ip nat` was made by `nft`, so that iptables-nft can't use it.

use serde_json::{Value, json};

use super::{Alternatives, NFT, gc, text};
use crate::behaviour::testbed::NFTABLES;
use crate::common::{add, del, plugin};

/// Tables that iptables-nft can't show or change.
const FOREIGN: [&str; 4] = [
    "table ip nat {
         chain POSTROUTING { type nat hook postrouting priority 100
                             oifname \"wan\" masquerade
         }
     }",
    "table ip nat {
         chain PREROUTING { type nat hook prerouting priority -100
                            tcp dport 2222 dnat to 192.0.2.7:22
         }
     }",
    "table ip nat {
         chain PREROUTING { type nat hook prerouting priority 0; }
     }",
    "table ip6 nat {
         chain POSTROUTING { type nat hook postrouting priority 100
                             masquerade
         }
     }",
];
/// A table whose chains this version of iptables-nft ignores, since their names are not its own.
const TOLERATED: &str = "table ip nat {
     chain prerouting { type nat hook prerouting priority -100; }
     chain postrouting { type nat hook postrouting priority 100
                         oifname \"wan\" masquerade
     }
 }";

fn host(foreign: &str, configured: Value) -> Alternatives {
    let host = Alternatives::new(NFT, configured);
    host.host().write("/run/foreign.nft", foreign);
    host.host().run("nft -f /run/foreign.nft");
    host
}

#[test]
fn del_and_gc_pass_over_a_table_that_cannot_have_rules_of_ours() {
    for foreign in FOREIGN {
        let host = host(foreign, json!(NFTABLES));
        let call = host.call("c1", 8080);
        add(&call);
        let rules = host.rules(NFTABLES);
        assert!(rules.contains("container_id: c1 "), "{rules}");
        del(&call);
        assert_eq!(host.rules(NFTABLES), "", "the first DEL removes them");
        del(&call);
        del(&host.call("unknown", 8080));
        gc(&call).expect_success();
        host.host().sh("rm -r /run/mesos-cni-port-mapper");
        del(&call);
        gc(&call).expect_success();
    }
}

#[test]
fn the_default_is_a_backend_that_works() {
    for foreign in FOREIGN {
        let host = host(foreign, Value::Null);
        let before = host.host().run("nft list ruleset");
        let call = host.call("c1", 8080);
        call.clone().as_verb("STATUS").run(plugin()).expect_success();
        add(&call);
        assert_eq!(host.noted(), NFTABLES, "{foreign}");
        crate::behaviour::checks::check(&call).expect_success();
        del(&call);
        del(&call);
        gc(&call).expect_success();
        assert_eq!(host.host().run("nft list ruleset"), before, "nothing is left");
        assert_eq!(host.host().sh("ls /run/mesos-cni-port-mapper"), "lock\n");
    }
}

#[test]
fn a_table_that_the_program_can_use_does_not_change_the_default() {
    let host = host(TOLERATED, Value::Null);
    let call = host.call("c1", 8080);
    add(&call);
    assert_eq!((host.places_of("c1"), host.noted()), (vec![NFT], json!(NFT)));
    del(&call);
    host.assert_nothing_is_left();
}

#[test]
fn an_explicit_iptables_is_refused_with_the_key_that_works_and_leaves_nothing() {
    for backend in ["iptables", NFT] {
        for foreign in &FOREIGN[..3] {
            let host = host(foreign, json!(backend));
            let call = host.call("c1", 8080);
            for (verb, expected) in [("STATUS", 50), ("ADD", 103)] {
                let (code, msg, _) = call.clone().as_verb(verb).run(plugin()).error();
                assert_eq!(code, expected, "{verb}: {msg}");
                assert!(msg.contains("\"backend\": \"nftables\""), "{verb} names the key: {msg}");
            }
            let ruleset = host.host().run("nft list ruleset");
            assert!(!ruleset.contains("PORT-MAPPER"), "no chain or rule is left: {ruleset}");
            let left = host.host().sh("ls /run/mesos-cni-port-mapper");
            assert_eq!(left, "lock\n", "no file is left");
            del(&call);
            gc(&call).expect_success();
        }
    }
}

#[test]
fn rules_of_ours_in_such_a_table_are_an_error_that_says_so_for_their_owner_only() {
    for state in ["kept", "lost"] {
        let host = Alternatives::new(NFT, Value::Null);
        let call = host.call("c1", 8080);
        add(&call);
        host.host().run("nft add rule ip nat PREROUTING tcp dport 2222 dnat to 192.0.2.7:22");
        if state == "lost" {
            host.host().sh("rm -r /run/mesos-cni-port-mapper");
        }
        let (code, msg, _) = call.clone().as_verb("DEL").run(plugin()).error();
        assert_eq!(code, 11, "DEL can be repeated, {state}: {msg}");
        for part in ["table nat", "still has rules of container c1 "] {
            assert!(msg.contains(part), "{state}: {part}: {msg}");
        }
        del(&host.call("unknown", 8080));
        host.host()
            .sh("handle=$(nft -a list chain ip nat PREROUTING | sed -n '/2222/s/.*handle //p')
             nft delete rule ip nat PREROUTING handle $handle");
        del(&call);
        assert_eq!(host.places_of("c1"), [] as [&str; 0], "{state}");
    }
}

#[test]
fn doctor_fails_for_an_explicit_iptables_and_tells_why_the_default_is_another() {
    let host = host(FOREIGN[0], Value::Null);
    let explicit = host.command(&["doctor", "--backend", "iptables"]);
    let output = text(&explicit);
    assert_eq!(explicit.status.code(), Some(1), "{output}");
    assert!(output.contains("failed  iptables-nft: ") && output.contains("table nat"), "{output}");
    assert!(output.contains("\"backend\": \"nftables\""), "{output}");
    let default = host.command(&["doctor"]);
    let output = text(&default);
    assert_eq!(default.status.code(), Some(0), "{output}");
    assert!(output.contains("note    backend: nftables is used, since "), "{output}");
    assert!(output.contains("iptables-save cannot be used: table nat contains"), "{output}");
    assert!(output.contains("ok      nftables: "), "{output}");
}
