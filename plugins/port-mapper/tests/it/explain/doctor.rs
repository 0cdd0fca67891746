//! What `doctor` reports of the whole host.

use cni_test_kit::{CallBuilder, Fault, Host, TempDir};
use serde_json::Value;

use crate::common::own_rules::NFTABLES;
use crate::common::plugin;
use crate::programs::executable;

on_every_backend!(
    doctor_reports_a_firewall_that_drops_all_forwarded_packets,
    doctor_reports_a_firewall_like_docker_s,
    doctor_is_in_doubt_about_a_firewall_with_exceptions,
    doctor_is_not_in_doubt_about_a_firewall_that_drops_single_addresses,
    doctor_reports_that_forwarding_is_off,
    doctor_reports_a_read_only_proc_sys,
    doctor_reports_a_kernel_without_nf_conntrack_netlink,
);

fn doctor(host: &Host, backend: &str) -> (Value, bool) {
    let call = CallBuilder::cli(&["doctor", "--json", "--backend", backend]).within(host);
    let outcome = call.run(plugin());
    let json =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|why| panic!("{why}: {outcome}"));
    (json, outcome.code() == Some(0))
}

/// Checks the status of one check, and whether the host counts as fit. The message has these words.
#[track_caller]
fn reports(
    host: &Host,
    backend: &str,
    check: &str,
    status: &str,
    ok: Option<bool>,
    words: &[&str],
) {
    let (json, succeeded) = doctor(host, backend);
    let checks = json["checks"].as_array().expect("checks");
    let found = checks.iter().find(|one| one["name"] == check).unwrap_or_else(|| panic!("{json}"));
    assert_eq!(found["status"], status, "{found}");
    assert_eq!(json["ok"].as_bool(), ok, "{json}");
    assert_eq!(succeeded, ok != Some(false), "{json}");
    for word in words {
        assert!(found.to_string().contains(word), "{word}: {found}");
    }
}

/// Runs a script in which `$drop` is a chain's policy, `$add` adds a rule to it, and `$iptables` is
/// the variant of iptables.
fn firewall(host: &Host, backend: &str, script: &str) {
    let (policy, add) = match backend {
        NFTABLES => (
            "nft add table inet own
             nft 'add chain inet own forward { type filter hook forward priority 0; policy drop; }'"
                .to_owned(),
            "nft add rule inet own forward".to_owned(),
        ),
        _ => (format!("{backend} -w -P FORWARD DROP"), format!("{backend} -w -A FORWARD")),
    };
    host.sh(&script.replace("$drop", &policy).replace("$add", &add));
}

fn doctor_reports_a_firewall_that_drops_all_forwarded_packets(backend: &'static str) {
    let host = Host::new();
    reports(&host, backend, "FORWARD", "ok", Some(true), &[]);
    firewall(&host, backend, "$drop");
    let remedy = if backend == NFTABLES { "ct status dnat accept" } else { "--ctstate DNAT" };
    reports(&host, backend, "FORWARD", "failed", Some(false), &["policy", "DROP", remedy]);
    let new =
        if backend == NFTABLES { "ct state new accept" } else { "-m state --state NEW -j ACCEPT" };
    firewall(&host, backend, &format!("$add {new}"));
    reports(&host, backend, "FORWARD", "failed", Some(false), &["answers", "policy", remedy]);
    let text = CallBuilder::cli(&["doctor", "--backend", backend]).within(&host).run(plugin());
    assert!(text.stdout.contains("this host does not meet the requirements"), "{text}");
}

fn doctor_reports_a_firewall_like_docker_s(backend: &'static str) {
    let host = Host::new();
    let exceptions = match backend {
        NFTABLES => {
            "$drop
            $add iifname docker0 oifname != docker0 accept
            $add oifname br-0123456789ab ct state established accept"
        }
        _ => {
            "$drop
            $add -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            $add -i docker0 ! -o docker0 -j ACCEPT
            $add -i br-0123456789ab -o br-0123456789ab -j ACCEPT"
        }
    };
    firewall(&host, backend, exceptions);
    reports(&host, backend, "FORWARD", "failed", Some(false), &["policy", "DROP"]);
}

fn doctor_is_in_doubt_about_a_firewall_with_exceptions(backend: &'static str) {
    let host = Host::new();
    let exceptions = match backend {
        NFTABLES => "$drop\n$add oifname mesos-cni0 accept",
        _ => "$drop\n$add -o mesos-cni0 -j ACCEPT",
    };
    firewall(&host, backend, exceptions);
    reports(&host, backend, "FORWARD", "unclear", None, &[]);
    let text = CallBuilder::cli(&["doctor", "--backend", backend]).within(&host).run(plugin());
    assert!(text.stdout.contains("this host may not meet the requirements"), "{text}");
}

fn doctor_is_not_in_doubt_about_a_firewall_that_drops_single_addresses(backend: &'static str) {
    let host = Host::new();
    let rules = match backend {
        NFTABLES => "$drop\n$add ip saddr 203.0.113.66 drop\n$add ct status dnat accept",
        _ => "$drop\n$add -s 203.0.113.66 -j DROP\n$add -m conntrack --ctstate DNAT -j ACCEPT",
    };
    firewall(&host, backend, rules);
    reports(&host, backend, "FORWARD", "ok", Some(true), &[]);
}

fn doctor_reports_that_forwarding_is_off(backend: &'static str) {
    let host = Host::new();
    host.write("/proc/sys/net/ipv6/conf/all/forwarding", "0");
    let words = ["net.ipv6.conf.all.forwarding=1", "accept_ra=2"];
    reports(&host, backend, "IPv6 forwarding", "note", Some(true), &words);
    host.write("/proc/sys/net/ipv4/ip_forward", "0");
    reports(&host, backend, "ip_forward", "unclear", None, &["sysctl -w net.ipv4.ip_forward=1"]);
}

fn doctor_reports_a_read_only_proc_sys(backend: &'static str) {
    let host = Host::new();
    host.run("mount --bind /proc/sys /proc/sys");
    host.run("mount -o remount,bind,ro /proc/sys");
    reports(&host, backend, "/proc/sys", "note", Some(true), &["127.0.0.1"]);
}

fn doctor_reports_a_kernel_without_nf_conntrack_netlink(backend: &'static str) {
    let host = Host::new();
    let call = CallBuilder::cli(&["doctor", "--backend", backend]).within(&host);
    let called = call.run_with_fault(plugin(), 1, Fault::NoConntrack);
    let text = called.outcome.expect_success().stdout;
    assert!(
        text.contains("note    conntrack: ") && text.contains("nf_conntrack_netlink"),
        "{text}"
    );
}

/// A kernel without a table answers iptables so; a test can't remove the table's module.
#[test]
fn doctor_reports_a_kernel_without_the_legacy_raw_table() {
    let host = Host::new();
    let bin = TempDir::new();
    for program in ["iptables", "iptables-save", "iptables-restore"] {
        let real = program.replacen("iptables", "/usr/sbin/iptables-legacy", 1);
        let script = match program {
            "iptables-restore" => format!(
                "text=$(/usr/bin/cat)
                 case \"$text\" in *'*raw'*)
                     echo 'iptables-restore: Table does not exist (do you need to insmod?)' >&2
                     exit 3
                 esac
                 printf '%s\\n' \"$text\" | {real} \"$@\""
            ),
            _ => format!("exec {real} \"$@\""),
        };
        executable(&bin.path().join(program.replacen("iptables", "iptables-legacy", 1)), &script);
    }
    let path = bin.path().display().to_string();
    let call = CallBuilder::cli(&["doctor", "--backend", "iptables-legacy"]).within(&host);
    let outcome = call.env("PATH", &path).run(plugin());
    assert_eq!(outcome.code(), Some(1), "an ADD can't make the guard: {outcome}");
    assert!(outcome.stdout.contains("failed  iptables-legacy: "), "{outcome}");
    assert!(outcome.stdout.contains("Table does not exist"), "{outcome}");
}
