//! Rules at each hook that packets of a connection, or their answers, traverse.

use serde_json::Value;

use super::testbed::{Explained, commands, is_unknown, names, steps, text};
use crate::behaviour::testbed::{BRIDGE, CLIENT, NFTABLES};
use crate::common::{CHAIN, HOST, reached, unreached};

on_every_backend!(
    a_rule_at_any_hook_is_named_by_its_step_and_its_remedy_works,
    rules_that_drop_nothing_of_the_connection_are_in_order,
);

/// A way to break a host, and the step that must name it.
struct Row {
    script: &'static str,
    from: &'static str,
    step: &'static str,
    words: &'static [&'static str],
}

/// Where a client's packets come from, and where those of this host do.
const LOCAL: &str = "127.0.0.1";
const ITSELF: &str = "192.168.0.2";
const BEFORE: &str = "before routing";
const TRANSLATION: &str = "translation";
const FIREWALL: &str = "firewall";
const ANSWERS: &str = "answers' firewall";
const INSIDE: &str = "container firewall";

const fn row(
    step: &'static str,
    from: &'static str,
    script: &'static str,
    words: &'static [&'static str],
) -> Row {
    Row { script, from, step, words }
}

/// Rules of iptables, all of which drop packets or keep them from being translated.
const IPTABLES: &[Row] = &[
    row(BEFORE, CLIENT, "$t raw -A PREROUTING -p tcp --dport 8080 -j CT --notrack", &["tracked"]),
    row(BEFORE, CLIENT, "$t mangle -A PREROUTING -p tcp --dport 8080 -j DROP", &["-D PREROUTING"]),
    row(TRANSLATION, CLIENT, "$t nat -I $chain -j RETURN", &["leaves the chain", "-t nat -D"]),
    row(TRANSLATION, CLIENT, "$t nat -I PREROUTING -j RETURN", &["-t nat -D PREROUTING"]),
    row(TRANSLATION, ITSELF, "$t nat -I POSTROUTING -j ACCEPT", &["-t nat -D POSTROUTING"]),
    row(FIREWALL, CLIENT, "$t mangle -A FORWARD -p tcp --dport 80 -j DROP", &["-t mangle -I"]),
    row(FIREWALL, CLIENT, "$t mangle -A POSTROUTING -o mesos-cni0 -j DROP", &["postrouting"]),
    row(
        FIREWALL,
        CLIENT,
        "$t nat -A POSTROUTING -o mesos-cni0 -j SNAT --to-source 192.168.0.99",
        &["192.168.0.99", "do not pass this host", "-t nat -D POSTROUTING"],
    ),
    row(FIREWALL, LOCAL, "$t filter -A OUTPUT -o lo -p tcp --dport 80 -j DROP", &["-D OUTPUT"]),
    row(FIREWALL, LOCAL, "$t filter -P OUTPUT DROP", &["policy", "-I OUTPUT -m conntrack"]),
    row(ANSWERS, CLIENT, "$t filter -A FORWARD -i mesos-cni0 -j DROP", &["answers", "DNAT"]),
    row(
        ANSWERS,
        CLIENT,
        "$t filter -A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP",
        &["answers", "forward"],
    ),
    row(
        ANSWERS,
        CLIENT,
        "$t filter -A FORWARD -o mesos-cni0 -m conntrack --ctstate ESTABLISHED -j DROP",
        &["after the first"],
    ),
    row(ANSWERS, CLIENT, "$t raw -A PREROUTING -s 192.168.0.2 -j DROP", &["-D PREROUTING"]),
    row(ANSWERS, LOCAL, "$t filter -A INPUT -i mesos-cni0 -j DROP", &["input", "-D INPUT"]),
    row(INSIDE, CLIENT, "inside: $t filter -A INPUT -p tcp --dport 80 -j DROP", &["nsenter --net"]),
    row(
        INSIDE,
        CLIENT,
        "inside: $t filter -A OUTPUT -m conntrack --ctstate ESTABLISHED -j DROP",
        &["answers", "output"],
    ),
];

/// A state that only nft shows.
const DORMANT: Row = row(
    TRANSLATION,
    CLIENT,
    "nft add table ip nat '{ flags dormant; }'",
    &["dormant", "nft add table ip nat"],
);

/// Rules of nft.
const NFT: &[Row] = &[
    row(
        BEFORE,
        CLIENT,
        "nft add table netdev own
         nft 'add chain netdev own in { type filter hook ingress device outside priority 0; }'
         nft add rule netdev own in ip saddr 203.0.113.9 tcp dport 8080 drop",
        &["ingress", "nft delete rule netdev own in"],
    ),
    row(
        BEFORE,
        CLIENT,
        "nft add table inet own
         nft 'add chain inet own pre { type filter hook prerouting priority 0; }'
         nft add rule inet own pre tcp dport 80 ip daddr 192.168.0.2 drop",
        &["prerouting", "nft delete rule inet own pre"],
    ),
    row(
        TRANSLATION,
        CLIENT,
        "nft insert rule inet mesos-cni-port-mapper hostports return",
        &["leaves the chain", "nft delete rule inet mesos-cni-port-mapper hostports"],
    ),
    row(
        TRANSLATION,
        CLIENT,
        "nft add table inet mesos-cni-port-mapper '{ flags dormant; }'",
        &["dormant", "nft add table inet mesos-cni-port-mapper"],
    ),
    row(
        TRANSLATION,
        CLIENT,
        "nft add table ip own
         nft 'add chain ip own pre { type nat hook prerouting priority -110; }'
         nft add rule ip own pre tcp dport 8080 drop",
        &["nft delete rule ip own pre"],
    ),
    row(
        FIREWALL,
        CLIENT,
        "nft add table netdev own
         nft 'add chain netdev own out { type filter hook egress device mesos-cni0 priority 0; }'
         nft add rule netdev own out ip saddr 203.0.113.9 drop",
        &["egress"],
    ),
    row(
        FIREWALL,
        CLIENT,
        "nft add table bridge own
         nft 'add chain bridge own out { type filter hook output priority 0; }'
         nft add rule bridge own out ip daddr 192.168.0.2 tcp dport 80 drop",
        &["output of bridges"],
    ),
    row(
        FIREWALL,
        CLIENT,
        "nft add table ip own
         nft 'add chain ip own post { type nat hook postrouting priority 90; }'
         nft add rule ip own post ip daddr 192.168.0.2 snat to 192.168.0.99",
        &["192.168.0.99", "do not pass this host"],
    ),
    row(
        FIREWALL,
        LOCAL,
        "nft add table ip own
         nft 'add chain ip own out { type route hook output priority -150; }'
         nft add rule ip own out tcp dport 8080 drop",
        &["output"],
    ),
    row(
        ANSWERS,
        CLIENT,
        "nft add table inet own
         nft 'add chain inet own forw { type filter hook forward priority 0; policy drop; }'
         nft add rule inet own forw ct state new accept",
        &["answers", "policy", "ct status dnat accept"],
    ),
    row(
        ANSWERS,
        LOCAL,
        "nft add table inet own
         nft 'add chain inet own in { type filter hook input priority 0; }'
         nft add rule inet own in iif != lo ip daddr 127.0.0.0/8 drop",
        &["input", "nft delete rule inet own in"],
    ),
    row(
        ANSWERS,
        CLIENT,
        "nft add table inet own
         nft 'add chain inet own pre { type filter hook prerouting priority -300; }'
         nft add rule inet own pre iifname mesos-cni0 ct state invalid drop",
        &["answers", "prerouting"],
    ),
    row(
        INSIDE,
        CLIENT,
        "inside: nft add table inet own
         nft 'add chain inet own in { type filter hook input priority 0; policy drop; }'
         nft add rule inet own in iif lo accept
         nft add rule inet own in ct state established,related accept
         nft add rule inet own in tcp dport 22 accept",
        &["policy", "nsenter --net", "nft insert rule inet own in tcp dport 80 accept"],
    ),
];

/// Removes what a row and its remedy left.
const CLEAN_NFT: &str = "for family in inet ip bridge netdev; do
        nft delete table $family own 2>/dev/null || :
    done";
const CLEAN_IPTABLES: &str = "$t filter -F; $t filter -P OUTPUT ACCEPT; $t mangle -F";

impl Explained {
    fn type_in(&self, script: &str) {
        let program = match self.testbed.backend {
            NFTABLES => "iptables-nft",
            iptables => iptables,
        };
        let script = script.replace("$t", &format!("{program} -w -t")).replace("$chain", CHAIN);
        match script.strip_prefix("inside: ") {
            Some(inside) => self.running.container.sh(inside),
            None => self.host().sh(&script),
        };
    }

    /// Asks for the port as the client of a row.
    fn fetch(&self, from: &str, is_reached: bool, why: &str) {
        let place = match from {
            LOCAL => &**self.host(),
            ITSELF => &*self.running.container,
            _ => &*self.testbed.outside,
        };
        let address = if from == LOCAL { LOCAL } else { HOST };
        if is_reached {
            reached(place, address, 8080, why);
        } else {
            unreached(place, address, 8080, why);
        }
    }
}

fn a_rule_at_any_hook_is_named_by_its_step_and_its_remedy_works(backend: &'static str) {
    let explained = Explained::new(backend);
    let host = explained.host();
    let rows: Vec<&Row> = match backend {
        NFTABLES => NFT.iter().collect(),
        "iptables-nft" => IPTABLES.iter().chain([&DORMANT]).collect(),
        // What is listed is read in the same way.
        _ => IPTABLES.iter().step_by(3).collect(),
    };
    for Row { script, from, step, words } in rows {
        explained.type_in(script);
        explained.fetch(from, false, script);
        let arguments = ["8080", "--from", from];
        host.sh(&remedy(&steps(host, &arguments), step, words));
        let now = steps(host, &arguments);
        assert_eq!(names(&now, "ok").len(), now.len(), "{script}: {now:#?}");
        explained.fetch(from, true, script);
        // What is left of it must not concern the next row.
        explained.type_in(if backend == NFTABLES { CLEAN_NFT } else { CLEAN_IPTABLES });
    }
}

/// Returns the command lines of the remedy of the one step that fails.
fn remedy(steps: &[Value], step: &str, words: &[&str]) -> String {
    assert_eq!(names(steps, "failed"), [step], "{steps:#?}");
    let failed = steps.iter().find(|one| one["status"] == "failed").expect("it fails");
    let text = text(failed);
    for word in words {
        assert!(text.contains(word), "{word:?} is in message or remedy: {text}");
    }
    commands(failed).join("\n")
}

/// What hosts have that concerns other packets, or nothing.
fn rules_that_drop_nothing_of_the_connection_are_in_order(backend: &'static str) {
    let explained = Explained::new(backend);
    let host = explained.host();
    explained.type_in(&format!(
        "nft add table inet asleep '{{ flags dormant; }}'
         nft 'add chain inet asleep forw {{ type filter hook forward priority 0; policy drop; }}'
         nft add table inet own
         nft 'add chain inet own in {{ type filter hook input priority 0; policy drop; }}'
         nft add rule inet own in iif lo accept
         nft add rule inet own in ct state established,related accept
         nft add rule inet own in tcp dport 22 accept
         nft 'add chain inet own forw {{ type filter hook forward priority 0; policy drop; }}'
         nft add rule inet own forw ct state vmap {{ established : accept, invalid : drop }}
         nft add rule inet own forw ct status dnat accept
         nft 'add chain inet own pre {{ type filter hook prerouting priority -150; }}'
         nft 'add rule inet own pre tcp flags & (fin|syn|rst|ack) == fin drop'
         nft add rule inet own pre ip frag-off and 0x1fff != 0 drop
         nft add rule inet own pre ct state invalid drop
         nft 'add chain inet own post {{ type nat hook postrouting priority 100; }}'
         nft add rule inet own post oifname outside masquerade
         nft add table bridge own
         nft 'add chain bridge own forw {{ type filter hook forward priority 0; policy drop; }}'
         ip link add other type bridge
         nft add table netdev own
         nft 'add chain netdev own in {{ type filter hook ingress device other priority 0; }}'
         nft add rule netdev own in drop
         $t filter -P INPUT DROP
         $t filter -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
         $t filter -A INPUT -i lo -j ACCEPT
         $t nat -A POSTROUTING -o {BRIDGE} -d 192.168.0.2 ! -s 192.168.0.0/16 -j SNAT --to-source 198.51.100.9"
    ));
    for from in [CLIENT, LOCAL, HOST, ITSELF] {
        let steps = steps(host, &["8080", "--from", from]);
        assert_eq!(names(&steps, "ok").len(), steps.len(), "{from}: {steps:#?}");
        explained.fetch(from, true, from);
    }
    // A port of the bridge may be the container's.
    let port = "ip -o link show master mesos-cni0 | sed 's/^[0-9]*: \\([^@:]*\\).*/\\1/'";
    host.sh(&format!(
        "nft add chain netdev own p \
         \"{{ type filter hook ingress device $({port}) priority 0; }}\"
         nft add rule netdev own p ip saddr 192.168.0.2 drop"
    ));
    is_unknown(host, &["8080", "--from", CLIENT], ANSWERS, &["netdev own p"]);
}
