//! The iptables backend against the real iptables, in both variants, on a host of its own.
//!
//! Needs root (or a user namespace), iptables, iptables-legacy and their IPv6 forms.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_std::task::block_on;
use cni_test_kit::{Host, TempDir};
use port_mapper::backend::iptables::{Iptables, Variant};
use port_mapper::backend::{self, Backend, Besides, Hints, Surroundings};
use port_mapper::claim::Claim;
use port_mapper::family::Family;
use port_mapper::owner::{Holder, Owner};
use serde_json::json;

use crate::common::{is_locked, wait_until};
use crate::programs::executable;

/// A host, and a directory of programs that run on it.
struct Bench {
    host: Host,
    kind: Variant,
    variant: &'static str,
    programs: TempDir,
}

/// How long the backend waits for the xtables lock.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a test with each variant.
fn on_both(test: impl Fn(&Bench)) {
    for (kind, variant) in [(Variant::Nft, "nft"), (Variant::Legacy, "legacy")] {
        test(&Bench::new(kind, variant));
    }
}

const TOLD: &str = "input=$here/input.$$; cat >$input; [ -s $input ] || exit 0";

impl Bench {
    fn new(kind: Variant, variant: &'static str) -> Self {
        let host = Host::new();
        let programs = TempDir::new();
        for family in ["iptables", "ip6tables"] {
            for program in ["", "-save", "-restore"] {
                let name = format!("{family}-{variant}{program}");
                // One that is told nothing was started in vain.
                let told = if program == "-restore" { TOLD } else { "input=/dev/null" };
                let inside = format!(
                    "here={}\n{told}\necho {family}{program} >>$here/runs\n\
                     exec /usr/bin/nsenter -t {} -n -m -p -- /usr/sbin/{name} \"$@\" <$input",
                    programs.path().display(),
                    host.pid()
                );
                executable(&programs.path().join(&name), &inside);
            }
            // So that tables exist before as after: nft makes them with the first change.
            for table in ["nat", "raw"] {
                host.run(&format!("{family}-{variant} -t {table} -N X"));
                host.run(&format!("{family}-{variant} -t {table} -X X"));
            }
        }
        Self { host, kind, variant, programs }
    }

    fn backend(&self) -> Iptables {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.programs.path().display());
        let surroundings = Surroundings { path: Some(path.into()), xtables_lock_file: None };
        Iptables::find(self.kind, &surroundings, PATIENCE).unwrap()
    }

    /// A file in the directory of programs, which the host sees, too.
    fn file(&self, name: &str) -> PathBuf {
        self.programs.path().join(name)
    }

    /// All rules of both families, without what changes by itself.
    fn picture(&self) -> String {
        let save = |family: &str| self.host.run(&format!("{family}-{}-save", self.variant));
        let all = save("iptables") + &save("ip6tables");
        let steady = all.lines().filter(|line| !line.starts_with('#'));
        steady.map(|line| format!("{line}\n")).collect()
    }

    fn install(&self, claim: &Claim) -> Result<backend::Installed, port_mapper::Error> {
        block_on(self.backend().install(claim, Besides::Nothing, &|_| false))
    }

    fn remove(&self, owner: &Owner) {
        let hints = Hints { chain: Some("MESOS".to_owned()), ..Hints::default() };
        block_on(self.backend().remove(owner, None, &hints)).unwrap();
    }

    /// As DEL does when the claim is noted.
    fn remove_known(&self, claim: &Claim) {
        let families = Some(claim.families().collect());
        let hints = Hints { chain: Some(claim.chain.clone()), families, keep_guard: false };
        block_on(self.backend().remove(&claim.owner, Some(claim), &hints)).unwrap();
    }

    /// The programs of IPv4 that were run since the last time.
    fn runs(&self) -> Vec<String> {
        let file = self.file("runs");
        let runs = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(&file);
        runs.lines().filter(|run| run.starts_with("iptables")).map(str::to_owned).collect()
    }

    fn iptables(&self, rest: &str) -> String {
        self.host.sh(&format!("iptables-{} {rest}", self.variant))
    }
}

fn claim(container: &str, mappings: serde_json::Value) -> Claim {
    serde_json::from_value(json!({
        "version": 1,
        "owner": {"network": "mesos", "containerId": container, "ifname": "eth0"},
        "chain": "MESOS", "snat": true, "mappings": mappings,
        "addresses": ["192.168.0.2/16", "fd00:2::2/64"],
    }))
    .unwrap()
}

fn one(container: &str, port: u16) -> Claim {
    claim(container, json!([{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]))
}

/// A mapping of every kind.
fn every_kind(container: &str) -> Claim {
    claim(
        container,
        json!([
            {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
            {"hostPort": 53, "containerPort": 5353, "protocol": "udp"},
            {"hostPort": 132, "containerPort": 132, "protocol": "sctp"},
            {"hostPort": 7000, "containerPort": 7000, "range": 10, "protocol": "tcp"},
            {"hostPort": 1, "containerPort": 1, "range": 52, "protocol": "udp"},
            {"hostPort": 6000, "containerPort": 7000, "range": 3, "protocol": "sctp"},
            {"hostPort": 65535, "containerPort": 65535, "protocol": "tcp"},
            {"hostPort": 81, "containerPort": 80, "hostIP": "192.0.2.1", "protocol": "tcp"},
            {"hostPort": 82, "containerPort": 80, "hostIP": "127.0.0.1", "protocol": "tcp"},
            {"hostPort": 83, "containerPort": 80, "hostIP": "2001:db8::1", "protocol": "tcp"},
        ]),
    )
}

#[test]
fn what_is_installed_is_listed_as_it_was_told_and_removed_without_a_trace() {
    let long = "x".repeat(300);
    on_both(|bench| {
        let before = bench.picture();
        let obeyed = bench.file("obeyed");
        let touch = format!("touch {}", obeyed.display());
        let hostile = format!("a\"\\b'; $({touch}) `{touch}`; {touch} -j DROP #");
        for container in ["c1", &hostile, &long, "ünï"] {
            for (devices, masq_all, snat) in [
                (vec![], false, true),
                (vec!["mesos-cni0"], true, true),
                (vec!["mesos-cni0", "veth+", "a@b=c%d,e~f#g"], false, true),
            ] {
                let mut claim = every_kind(container);
                claim.exclude_devices = devices.into_iter().map(str::to_owned).collect();
                (claim.masq_all, claim.snat) = (masq_all, snat);
                assert!(bench.install(&claim).unwrap().changed);
                let there = bench.picture();
                assert!(!bench.install(&claim).unwrap().changed, "{}: {there}", bench.variant);
                assert_eq!(bench.picture(), there);
                block_on(bench.backend().check(&claim)).unwrap();
                bench.remove_known(&claim);
                assert_eq!(bench.picture(), before, "{}", bench.variant);
                bench.remove(&claim.owner);
            }
        }
        assert!(!obeyed.exists(), "{}: a container's id was executed", bench.variant);
    });
}

#[test]
fn removing_c1_leaves_c10_as_it_was() {
    on_both(|bench| {
        bench.install(&one("c10", 81)).unwrap();
        let before = bench.picture();
        bench.install(&one("c1", 80)).unwrap();
        bench.remove(&one("c1", 80).owner);
        assert_eq!(bench.picture(), before);
        bench.install(&one("c1", 80)).unwrap();
        bench.remove_known(&one("c1", 80));
        assert_eq!(bench.picture(), before);
    });
}

#[test]
fn add_check_and_del_run_two_programs_at_most_and_ask_for_no_rules_of_others() {
    let (list, change) = ("iptables-restore", "iptables-restore");
    on_both(|bench| {
        let rules: String =
            (0..2000).map(|n| format!("-A SVC -p tcp -m tcp --dport {n}\n")).collect();
        let text = format!("*nat\n:SVC - [0:0]\n-A PREROUTING -j SVC\n{rules}COMMIT\n");
        fs::write(bench.file("others"), text).unwrap();
        bench.iptables(&format!(
            "-V; iptables-{}-restore --noflush <{}",
            bench.variant,
            bench.file("others").display()
        ));
        let before = bench.picture();
        bench.runs();
        bench.install(&one("c1", 80)).unwrap();
        assert_eq!(bench.runs(), [list, change], "the first one, which makes the chains");
        bench.install(&one("c2", 81)).unwrap();
        assert_eq!(bench.runs(), [list, change], "another one");
        bench.install(&one("c2", 81)).unwrap();
        assert_eq!(bench.runs(), [list], "nothing to change");
        block_on(bench.backend().check(&one("c1", 80))).unwrap();
        assert_eq!(bench.runs(), [list], "CHECK");
        let elsewhere = Claim { chain: "NEXT".to_owned(), ..one("c3", 82) };
        bench.install(&elsewhere).unwrap();
        assert_eq!(
            bench.runs(),
            [list, list, change],
            "one that looks at another network's chain, too"
        );
        for claim in [one("c1", 80), elsewhere, one("c2", 81)] {
            bench.remove_known(&claim);
            assert_eq!(bench.runs(), [list, change], "DEL of {}", claim.owner);
        }
        assert_eq!(bench.picture(), before);
    });
}

#[test]
fn a_host_port_in_another_networks_chain_is_taken_even_when_that_chain_has_lost_its_jumps() {
    on_both(|bench| {
        let elsewhere = Claim { chain: "NEXT".to_owned(), ..one("c1", 80) };
        bench.install(&elsewhere).unwrap();
        bench.install(&one("c9", 79)).unwrap();
        for damage in ["", "-t nat -F PREROUTING", "-t nat -F OUTPUT"] {
            if !damage.is_empty() {
                bench.iptables(damage);
            }
            let error = bench.install(&one("c2", 80)).unwrap_err();
            assert!(error.to_string().contains("belongs to container c1"), "{damage}: {error}");
        }
    });
}

#[test]
fn a_listing_leaves_no_trace_on_a_host_without_rules() {
    let bench = Bench::new(Variant::Nft, "nft");
    bench.host.sh("nft flush ruleset");
    let claim = one("c1", 80);
    assert!(block_on(bench.backend().check(&claim)).is_err());
    bench.remove_known(&claim);
    assert_eq!(bench.host.sh("nft list ruleset").trim(), "");
}

#[test]
fn a_missing_rule_jump_or_guard_is_seen_by_check_and_repaired() {
    on_both(|bench| {
        let claim = one("c1", 80);
        bench.install(&claim).unwrap();
        let sorted = |text: String| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let whole = sorted(bench.picture());
        for damage in [
            "-t nat -F MESOS",
            "-t nat -F PORT-MAPPER-MASQ",
            "-t nat -F PREROUTING",
            "-t nat -D OUTPUT -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
            "-t nat -F POSTROUTING",
            "-t raw -F PREROUTING",
            "-t raw -D PORT-MAPPER-GUARD 1",
        ] {
            bench.iptables(damage);
            let error = block_on(bench.backend().check(&claim)).unwrap_err().to_string();
            assert!(error.contains("missing: -A"), "{damage}: {error}");
            assert!(bench.install(&claim).unwrap().changed, "{damage}");
            assert_eq!(sorted(bench.picture()), whole, "{damage}");
            block_on(bench.backend().check(&claim)).unwrap();
        }
    });
}

#[test]
fn rules_that_the_original_left_are_removed_with_their_chain() {
    on_both(|bench| {
        let before = bench.picture();
        for command in [
            "-N MESOS",
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
            "-A MESOS ! -i mesos-cni0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.9.8.7:80 -m comment --comment 'container_id: c1'",
            "-A MESOS -p tcp -m tcp --dport 8081 -j DNAT --to-destination 10.9.8.8:80 -m comment --comment 'container_id: c10'",
        ] {
            bench.iptables(&format!("-w -t nat {command}"));
        }
        bench.remove(&one("c1", 1).owner);
        assert!(!bench.picture().contains("\"container_id: c1\""));
        assert!(bench.picture().contains("\"container_id: c10\""));
        bench.remove(&one("c10", 1).owner);
        assert_eq!(bench.picture(), before);
    });
}

#[test]
fn a_taken_host_port_is_refused_in_either_family_before_anything_is_touched() {
    on_both(|bench| {
        let six = json!([{"hostPort": 80, "containerPort": 80, "hostIP": "::", "protocol": "tcp"}]);
        bench.install(&claim("c1", six)).unwrap();
        let before = bench.picture();
        let error = bench.install(&one("c2", 80)).unwrap_err();
        assert_eq!(error.code(), 105);
        assert!(error.to_string().contains("belongs to container c1 (network mesos"), "{error}");
        assert_eq!(bench.picture(), before);
        let gone =
            block_on(bench.backend().install(&one("c2", 80), Besides::Nothing, &|_| true)).unwrap();
        assert_eq!(gone.replaced, [Holder::Attachment(one("c1", 80).owner)]);
        assert!(!bench.picture().contains("container_id: c1 "));
    });
}

#[test]
fn holdings_tell_who_has_which_port() {
    on_both(|bench| {
        bench.install(&one("c1", 80)).unwrap();
        bench.install(&one("c2", 81)).unwrap();
        let mut all = block_on(bench.backend().holdings()).unwrap();
        all.retain(|holding| holding.chain == "MESOS");
        let told: Vec<String> = all
            .iter()
            .map(|holding| {
                let (taken, target) = &holding.ports[0];
                format!("{} {} {} {target}", holding.family, holding.holder, taken.first)
            })
            .collect();
        assert_eq!(
            told,
            [
                "IPv4 container c1 (network mesos, interface eth0) 80 192.168.0.2:80",
                "IPv4 container c2 (network mesos, interface eth0) 81 192.168.0.2:80",
                "IPv6 container c1 (network mesos, interface eth0) 80 [fd00:2::2]:80",
                "IPv6 container c2 (network mesos, interface eth0) 81 [fd00:2::2]:80",
            ]
        );
        assert_eq!(all[0].family, Family::V4);
        let fitness = block_on(bench.backend().ready()).unwrap();
        assert!(fitness.version.starts_with("iptables v") && fitness.ipv6.is_ok(), "{fitness:?}");
    });
}

#[test]
fn a_thousand_mappings_take_one_change() {
    on_both(|bench| {
        let before = bench.picture();
        let many: Vec<_> = (1..=1000)
            .map(|port| json!({"hostPort": port, "containerPort": 80, "protocol": "tcp"}))
            .collect();
        let claim = claim("c1", json!(many));
        bench.runs();
        bench.install(&claim).unwrap();
        assert_eq!(bench.runs(), ["iptables-restore"; 2], "one lists, one changes");
        block_on(bench.backend().check(&claim)).unwrap();
        assert_eq!(bench.runs(), ["iptables-restore"], "CHECK lists");
        bench.remove_known(&claim);
        assert_eq!(bench.runs(), ["iptables-restore"; 2], "DEL");
        assert_eq!(bench.picture(), before);
    });
}

#[test]
fn a_held_xtables_lock_is_waited_for_and_then_reported() {
    let bench = Bench::new(Variant::Legacy, "legacy");
    let mut holder =
        bench.host.command("flock").args(["/run/xtables.lock", "sleep", "600"]).spawn().unwrap();
    wait_until("the lock is held", || is_locked(&bench.host, "/run/xtables.lock"));
    let started = Instant::now();
    let error = bench.install(&one("c1", 80)).unwrap_err();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(error.code(), 11, "{error}");
    assert!(started.elapsed() >= PATIENCE, "it waited: {:?}", started.elapsed());
}
