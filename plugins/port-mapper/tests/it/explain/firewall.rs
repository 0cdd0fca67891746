//! Firewalls that drop packets to the container, or translate the port before its rule.

use serde_json::Value;

use super::testbed::{Explained, fails, is_unknown, names, steps};
use crate::behaviour::testbed::{CLIENT, NFTABLES};
use crate::common::{HOST, reached, unreached};

on_every_backend!(
    a_policy_that_drops_is_named_and_its_remedy_works,
    a_rule_that_drops_is_named_among_rules_that_do_not_match,
    docker_s_policy_is_named_and_its_remedy_works,
    a_rule_that_is_not_understood_is_unknown_and_named,
    a_translation_by_the_other_variant_or_nft_is_named,
    a_translation_of_this_host_s_own_packets_is_named,
    a_drop_before_routing_is_named,
    a_rule_of_docker_for_the_same_port_is_named,
    a_rule_of_kubernetes_for_the_same_port_is_named,
    sets_and_verdict_maps_of_nft_are_followed,
    zones_of_firewalld_are_followed,
    without_programs_the_kernel_shows_the_rules_or_they_are_unknown,
);
on_both_iptables!(
    ufw_s_policy_is_named_with_ufw_s_remedy,
    a_rule_that_accepts_first_is_named,
    the_remedy_for_a_rule_with_commands_in_its_comment_runs_none,
    a_legacy_firewall_next_to_the_backend_nftables_is_named,
);

impl Explained {
    fn sh(&self, script: &str) {
        self.host().sh(&script.replace("$iptables", &format!("{} -w", self.program())));
    }

    /// The variant of iptables with which a firewall on this host is made.
    fn program(&self) -> &'static str {
        match self.testbed.backend {
            NFTABLES => "iptables-nft",
            iptables => iptables,
        }
    }

    #[track_caller]
    fn is_dropped(&self) {
        unreached(&self.testbed.outside, HOST, 8080, "the firewall drops it");
    }
}

fn a_policy_that_drops_is_named_and_its_remedy_works(backend: &'static str) {
    let explained = Explained::new(backend);
    match backend {
        NFTABLES => explained.sh("nft add table inet filter
             nft 'add chain inet filter forward {
                 type filter hook forward priority 0; policy drop; }'
             nft add rule inet filter forward ct state established,related accept
             nft add rule inet filter forward iifname mesos-cni0 accept"),
        _ => explained.sh("$iptables -P FORWARD DROP
             $iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
             $iptables -A FORWARD -i mesos-cni0 -j ACCEPT"),
    }
    explained.is_dropped();
    let remedy = if backend == NFTABLES { "ct status dnat accept" } else { "--ctstate DNAT" };
    explained.fails("firewall", &["policy", "DROP", remedy]);
    explained.remedy_works();
}

fn a_rule_that_drops_is_named_among_rules_that_do_not_match(backend: &'static str) {
    let explained = Explained::new(backend);
    let (others, drop, words): (&str, &str, [&str; 2]) = match backend {
        NFTABLES => (
            "nft add table ip6 other
             nft add table ip own
             nft 'add chain ip own forward { type filter hook forward priority 10; }'
             nft add chain ip own more
             nft add rule ip own forward iifname mesos-cni0 accept
             nft add rule ip own forward ip saddr 10.0.0.0/8 drop
             nft add rule ip own forward ip daddr 192.168.0.3 drop
             nft add rule ip own forward udp dport 80 drop
             nft add rule ip own forward tcp dport 8080 drop
             nft add rule ip own forward tcp dport 100-200 drop
             nft add rule ip own forward oifname docker0 drop
             nft add rule ip own forward oifname 'eth*' drop
             nft add rule ip own forward ct state invalid drop
             nft add rule ip own forward ct status snat drop
             nft add rule ip own forward jump more
             nft add rule ip own more tcp dport 80 return
             nft add rule ip own more drop",
            "nft add rule ip own forward iifname outside ip saddr 203.0.113.0/24 \
                 tcp dport 80 reject",
            ["handle", "list chain ip own forward"],
        ),
        _ => (
            "$iptables -A FORWARD -i mesos-cni0 -j ACCEPT
             $iptables -A FORWARD -s 10.0.0.0/8 -j DROP
             $iptables -A FORWARD -d 192.168.0.3 -j DROP
             $iptables -A FORWARD -p udp --dport 80 -j DROP
             $iptables -A FORWARD -p tcp -m multiport --dports 8080,100:200 -j REJECT
             $iptables -A FORWARD -o docker0 -j DROP
             $iptables -A FORWARD ! -o mesos+ -j DROP
             $iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
             $iptables -A FORWARD -m conntrack ! --ctstate DNAT,ESTABLISHED -j DROP
             $iptables -N MORE
             $iptables -A FORWARD -j MORE
             $iptables -A MORE -p tcp --dport 80 -j RETURN
             $iptables -A MORE -j DROP",
            "$iptables -A FORWARD -i outside -s 203.0.113.0/24 -p tcp --dport 80 -j REJECT",
            ["-A FORWARD -s 203.0.113.0/24 -i outside", "-j REJECT"],
        ),
    };
    explained.sh(others);
    reached(&explained.testbed.outside, HOST, 8080, "no rule matches");
    explained.is_in_order();
    explained.sh(drop);
    explained.is_dropped();
    explained.fails("firewall", &words);
}

/// What dockerd makes, shortened.
const DOCKER: &str = "$iptables -P FORWARD DROP
    for chain in DOCKER DOCKER-USER DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2; do
        $iptables -N $chain
    done
    $iptables -A FORWARD -j DOCKER-USER
    $iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
    $iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $iptables -A FORWARD -o docker0 -j DOCKER
    $iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
    $iptables -A FORWARD -i docker0 -o docker0 -j ACCEPT
    $iptables -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT
    $iptables -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
    $iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
    $iptables -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
    $iptables -A DOCKER-ISOLATION-STAGE-2 -j RETURN
    $iptables -A DOCKER-USER -j RETURN";

fn docker_s_policy_is_named_and_its_remedy_works(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh(DOCKER);
    explained.is_dropped();
    explained.fails("firewall", &["policy", explained.program(), "-I DOCKER-USER"]);
    // Answers of the container pass by no rule of Docker either.
    explained.sh("$iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
    explained.remedy_works();
}

fn a_rule_that_is_not_understood_is_unknown_and_named(backend: &'static str) {
    let explained = Explained::new(backend);
    let words = match backend {
        NFTABLES => {
            explained.sh("nft add table inet own
                 nft 'add chain inet own forward { type filter hook forward priority 0; }'
                 nft add rule inet own forward meta length 1-20 drop");
            ["handle", "inet own forward"]
        }
        _ => {
            explained.sh("$iptables -A FORWARD -m length --length 1:20 -j DROP");
            ["-m length --length 1:20", "-j DROP"]
        }
    };
    reached(&explained.testbed.outside, HOST, 8080, "such a short packet is never sent");
    is_unknown(explained.host(), &["8080", "--from", CLIENT], "firewall", &words);
    // A rule after it decides whatever it does.
    match backend {
        NFTABLES => explained.sh("nft add rule inet own forward drop"),
        _ => explained.sh("$iptables -A FORWARD -j DROP"),
    }
    explained.fails("firewall", &["drop"]);
}

fn a_translation_by_the_other_variant_or_nft_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("nft add table ip first
         nft 'add chain ip first pre { type nat hook prerouting priority -110; }'
         nft add rule ip first pre tcp dport 8081 dnat to 192.168.0.77:80");
    explained.is_in_order();
    explained.sh(
        "nft add rule ip first pre fib daddr type local tcp dport 8080 dnat to 192.168.0.77:80",
    );
    unreached(&explained.testbed.outside, HOST, 8080, "it leads elsewhere");
    explained.fails("translation", &["nft delete rule ip first pre handle"]);
    explained.remedy_works();
}

fn a_rule_of_docker_for_the_same_port_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("$iptables -t nat -N DOCKER
         $iptables -t nat -I PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
         $iptables -t nat -A DOCKER -i docker0 -j RETURN
         $iptables -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT \
             --to-destination 172.17.0.2:80");
    explained.fails("translation", &["-A DOCKER", "docker ps --filter publish=8080"]);
}

fn a_rule_of_kubernetes_for_the_same_port_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("for chain in KUBE-SERVICES KUBE-NODEPORTS KUBE-SVC-A KUBE-SEP-B KUBE-SEP-C; do
             $iptables -t nat -N $chain
         done
         $iptables -t nat -I PREROUTING -m comment --comment 'service portals' -j KUBE-SERVICES
         $iptables -t nat -A KUBE-SERVICES -d 10.96.0.1 -p tcp --dport 443 -j KUBE-SVC-A
         $iptables -t nat -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
         $iptables -t nat -A KUBE-NODEPORTS -p tcp --dport 8080 -j KUBE-SVC-A
         $iptables -t nat -A KUBE-SVC-A -m statistic --mode random --probability 0.5 -j KUBE-SEP-B
         $iptables -t nat -A KUBE-SVC-A -j KUBE-SEP-C
         for chain in KUBE-SEP-B KUBE-SEP-C; do
             $iptables -t nat -A $chain -p tcp -j DNAT --to-destination 10.244.0.9:80
         done");
    explained.fails("translation", &["KUBE-SEP", "kubectl get services -A | grep 8080"]);
}

fn sets_and_verdict_maps_of_nft_are_followed(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("nft add table inet own
         nft 'add chain inet own forward { type filter hook forward priority 0; policy drop; }'
         nft 'add set inet own nets { type ipv4_addr; flags interval; }'
         nft 'add element inet own nets { 10.0.0.0/8, 192.168.0.0/16, 203.0.113.0/25 }'
         nft add chain inet own known
         nft 'add rule inet own forward ct state vmap {
             established : accept, related : accept, invalid : drop }'
         nft 'add rule inet own forward tcp dport { 22, 443 } drop'
         nft 'add rule inet own forward ip daddr . tcp dport { 192.168.0.3 . 80 } drop'
         nft 'add rule inet own forward ip saddr @nets jump known'
         nft 'add rule inet own known iifname vmap { outside : accept, docker0 : drop }'");
    reached(&explained.testbed.outside, HOST, 8080, "its subnet is known");
    explained.is_in_order();
    explained.sh("nft 'delete element inet own nets { 203.0.113.0/25 }'
         nft 'add element inet own nets { 203.0.113.64/26 }'");
    explained.is_dropped();
    explained.fails("firewall", &["policy", "DROP", "nft insert rule inet own forward"]);
}

/// What firewalld makes, shortened, with or without what it forwards by default.
fn zones(forwards: &str) -> String {
    format!(
        "nft add table inet firewalld
         nft 'add chain inet firewalld filter_FORWARD {{ type filter hook forward priority 10; }}'
         nft add chain inet firewalld filter_FORWARD_IN_ZONES
         nft add chain inet firewalld filter_FWDI_public
         nft add rule inet firewalld filter_FORWARD ct state {{ established, related }} accept
         {forwards}
         nft add rule inet firewalld filter_FORWARD iifname lo accept
         nft add rule inet firewalld filter_FORWARD jump filter_FORWARD_IN_ZONES
         nft add rule inet firewalld filter_FORWARD ct state {{ invalid }} drop
         nft add rule inet firewalld filter_FORWARD reject with icmpx type admin-prohibited
         nft add rule inet firewalld filter_FORWARD_IN_ZONES iifname mesos-cni0 accept
         nft add rule inet firewalld filter_FORWARD_IN_ZONES goto filter_FWDI_public
         nft add rule inet firewalld filter_FWDI_public meta l4proto {{ icmp, ipv6-icmp }} accept"
    )
}

fn zones_of_firewalld_are_followed(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh(&zones("nft add rule inet firewalld filter_FORWARD ct status dnat accept"));
    reached(&explained.testbed.outside, HOST, 8080, "firewalld forwards what is translated");
    explained.is_in_order();
    explained.sh("nft delete table inet firewalld");
    explained.sh(&zones(":"));
    explained.is_dropped();
    let rule = "address=192.168.0.2 port port=80 protocol=tcp accept";
    let words = ["inet firewalld filter_FORWARD", rule, "--reload; mesos-cni-port-mapper restore"];
    explained.fails("firewall", &words);
}

fn without_programs_the_kernel_shows_the_rules_or_they_are_unknown(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("$iptables -A FORWARD -o mesos-cni0 -j DROP");
    let call = cni_test_kit::CallBuilder::cli(&["explain", "8080", "--from", CLIENT, "--json"])
        .within(explained.host())
        .env("PATH", "/nowhere");
    let outcome = call.run(crate::common::plugin());
    let json: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let steps = json["paths"][0]["steps"].as_array().expect("steps");
    let firewall = steps.iter().find(|step| step["step"] == "firewall").expect("the step");
    let expected = if backend == "iptables-legacy" { "unknown" } else { "failed" };
    assert_eq!(firewall["status"], expected, "{json}");
    let rest = names(steps, "failed").into_iter().filter(|name| *name != "firewall");
    assert_eq!(rest.collect::<Vec<_>>(), [] as [&str; 0], "{json}");
}

fn ufw_s_policy_is_named_with_ufw_s_remedy(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("$iptables -P FORWARD DROP
         for chain in before-logging before after after-logging reject track user; do
             $iptables -N ufw-$chain-forward
             $iptables -A FORWARD -j ufw-$chain-forward
         done
         $iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
         $iptables -A ufw-before-forward -p icmp --icmp-type 3 -j ACCEPT
         $iptables -A ufw-after-logging-forward -m limit --limit 3/min --limit-burst 10 -j LOG");
    explained.is_dropped();
    let words = ["policy", "ufw route allow proto tcp to 192.168.0.2 port 80"];
    explained.fails("firewall", &words);
    // What that command makes.
    explained
        .sh("$iptables -A ufw-user-forward -d 192.168.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT
         $iptables -A FORWARD -s 192.168.0.0/16 -j ACCEPT");
    explained.is_in_order();
}

fn a_rule_that_accepts_first_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("$iptables -t nat -I PREROUTING -p tcp --dport 8080 -j ACCEPT");
    unreached(&explained.testbed.outside, HOST, 8080, "it is not translated");
    explained.fails("translation", &["-t nat -D PREROUTING -p tcp"]);
    explained.remedy_works();
}

fn the_remedy_for_a_rule_with_commands_in_its_comment_runs_none(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("$iptables -t nat -I PREROUTING -p udp --dport 8080 -j ACCEPT
         $iptables -t nat -I PREROUTING 2 -p tcp --dport 8080 \\
             -m comment --comment '$(touch /evil) `touch /evil`' -j ACCEPT");
    let words = [format!("{backend} -t nat -D PREROUTING 2")];
    explained.fails("translation", &[&words[0]]);
    explained.remedy_works();
}

fn a_translation_of_this_host_s_own_packets_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.sh("$iptables -t nat -I OUTPUT -p tcp -d 127.0.0.1 --dport 8080 \\
             -j DNAT --to-destination 192.168.0.99:80");
    let words = ["192.168.0.99", "-t nat -D OUTPUT"];
    fails(explained.host(), &["8080", "--from", "127.0.0.1"], "translation", &words);
    explained.is_in_order();
    let other = ["8080", "--from", HOST];
    assert_eq!(names(&steps(explained.host(), &other), "failed"), [] as [&str; 0]);
}

fn a_drop_before_routing_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    // As Docker does, for an address that is not this host's.
    explained.sh("$iptables -t raw -A PREROUTING -d 172.17.0.2 ! -i docker0 -j DROP");
    explained.is_in_order();
    explained.sh("$iptables -t raw -A PREROUTING -p tcp --dport 8080 -j DROP");
    explained.is_dropped();
    explained.fails("before routing", &["-t raw -D PREROUTING -p tcp"]);
    explained.remedy_works();
    explained.sh("nft add table inet guard
         nft 'add chain inet guard pre { type filter hook prerouting priority -200; }'
         nft add rule inet guard pre ip saddr 203.0.113.0/24 tcp dport 8080 drop");
    explained.is_dropped();
    explained.fails("before routing", &["nft delete rule inet guard pre handle"]);
    explained.remedy_works();
}

fn a_legacy_firewall_next_to_the_backend_nftables_is_named(program: &'static str) {
    let explained = Explained::new(NFTABLES);
    explained.host().run(&format!("{program} -w -A FORWARD -o mesos-cni0 -p tcp -j DROP"));
    explained.is_dropped();
    explained.fails("firewall", &[program, "-A FORWARD -o mesos-cni0 -p tcp -j DROP"]);
    let from = ["8080", "--from", "127.0.0.1"];
    assert_eq!(names(&steps(explained.host(), &from), "failed"), [] as [&str; 0], "not forwarded");
    fails(explained.host(), &["8080"], "firewall", &["mesos-cni0"]);
}
