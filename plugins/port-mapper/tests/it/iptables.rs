//! The iptables backend with the real iptables, in both variants, on a fixture host.
//!
//! Needs root (or a user namespace), iptables, iptables-legacy and their programs for IPv6.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_std::task::block_on;
use cni_test_kit::{Host, TempDir};
use cni_wrapper::Attachment;
use port_mapper::backend::iptables::{Iptables, Variant};
use port_mapper::backend::{
    Backend, ChainNote, ChainOrigin, ChainRecord, ExistingRules, Guard, Hints, Installed,
    ProgramEnvironment,
};
use port_mapper::claim::Claim;
use port_mapper::error::Error;
use port_mapper::family::Family;
use serde_json::json;

use crate::common::{is_locked, wait_until};
use crate::programs::executable;

/// A host, and a directory of programs that run on it and record that they did.
struct Fixture {
    host: Host,
    kind: Variant,
    variant: &'static str,
    programs: TempDir,
}

/// How long the backend waits for the xtables lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a test with each variant.
fn on_both(test: impl Fn(&Fixture)) {
    for (kind, variant) in [(Variant::Nft, "nft"), (Variant::Legacy, "legacy")] {
        test(&Fixture::new(kind, variant));
    }
}

/// Records nothing without input: the process was started and not needed.
const READ_INPUT: &str = "input=$here/input.$$; cat >$input; [ -s $input ] || exit 0";

impl Fixture {
    fn new(kind: Variant, variant: &'static str) -> Self {
        let host = Host::new();
        let programs = TempDir::new();
        for family in ["iptables", "ip6tables"] {
            for program in ["", "-save", "-restore"] {
                let name = format!("{family}-{variant}{program}");
                let input = if program == "-restore" { READ_INPUT } else { "input=/dev/null" };
                let inside = format!(
                    "here={}\n{input}\necho {family}{program} >>$here/runs\n\
                     exec /usr/bin/nsenter -t {} -n -m -p -- /usr/sbin/{name} \"$@\" <$input",
                    programs.path().display(),
                    host.pid()
                );
                executable(&programs.path().join(&name), &inside);
            }
            // The nft variant creates tables with the first change and does not remove them.
            for table in ["nat", "raw"] {
                host.run(&format!("{family}-{variant} -t {table} -N X"));
                host.run(&format!("{family}-{variant} -t {table} -X X"));
            }
        }
        Self { host, kind, variant, programs }
    }

    fn backend(&self) -> Iptables {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.programs.path().display());
        let environment = ProgramEnvironment { path: Some(path.into()), xtables_lock_file: None };
        Iptables::find(self.kind, &environment, LOCK_TIMEOUT).unwrap()
    }

    /// Returns the path of a file in the directory of programs, which the host shares.
    fn file(&self, name: &str) -> PathBuf {
        self.programs.path().join(name)
    }

    /// Returns all rules of both families, without the comments that contain the time.
    fn snapshot(&self) -> String {
        let save = |family: &str| self.host.run(&format!("{family}-{}-save", self.variant));
        let all = save("iptables") + &save("ip6tables");
        let steady = all.lines().filter(|line| !line.starts_with('#'));
        steady.map(|line| format!("{line}\n")).collect()
    }

    fn install(&self, claim: &Claim) -> Result<Installed, port_mapper::Error> {
        block_on(self.backend().install(claim, ExistingRules::OfClaim, Guard::AsRulesRequire))
    }

    fn remove(&self, owner: &Attachment) {
        let hints = Hints { chain: Some("MESOS".to_owned()), ..Hints::default() };
        block_on(self.backend().remove(owner, None, &hints)).unwrap();
    }

    /// Removes the rules as DEL does if the claim was stored.
    fn remove_known(&self, claim: &Claim) {
        let families = Some(claim.families().collect());
        let chain = Some(claim.chain.clone());
        let hints = Hints { chain, families, had_rules: true, ..Hints::default() };
        block_on(self.backend().remove(&claim.owner, Some(claim), &hints)).unwrap();
    }

    /// Returns the programs for IPv4 that were run since the last call.
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

/// Returns a claim with a mapping of every kind.
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
fn installed_rules_are_listed_as_they_were_written_and_removed_without_a_trace() {
    let long = "x".repeat(300);
    on_both(|fixture| {
        let before = fixture.snapshot();
        let executed = fixture.file("executed");
        let touch = format!("touch {}", executed.display());
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
                assert!(fixture.install(&claim).unwrap().changed);
                let installed = fixture.snapshot();
                assert!(
                    !fixture.install(&claim).unwrap().changed,
                    "{}: {installed}",
                    fixture.variant
                );
                assert_eq!(fixture.snapshot(), installed);
                block_on(fixture.backend().check(&claim)).unwrap();
                fixture.remove_known(&claim);
                assert_eq!(fixture.snapshot(), before, "{}", fixture.variant);
                fixture.remove(&claim.owner);
            }
        }
        assert!(!executed.exists(), "{}: a container's id was executed", fixture.variant);
    });
}

#[test]
fn the_removal_of_c1_does_not_touch_c10() {
    on_both(|fixture| {
        fixture.install(&one("c10", 81)).unwrap();
        let before = fixture.snapshot();
        fixture.install(&one("c1", 80)).unwrap();
        fixture.remove(&one("c1", 80).owner);
        assert_eq!(fixture.snapshot(), before);
        fixture.install(&one("c1", 80)).unwrap();
        fixture.remove_known(&one("c1", 80));
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn add_check_and_del_run_two_programs_at_most_and_list_no_rules_of_others() {
    let (list, change) = ("iptables-restore", "iptables-restore");
    on_both(|fixture| {
        let rules: String =
            (0..2000).map(|n| format!("-A SVC -p tcp -m tcp --dport {n}\n")).collect();
        let text = format!("*nat\n:SVC - [0:0]\n-A PREROUTING -j SVC\n{rules}COMMIT\n");
        fs::write(fixture.file("others"), text).unwrap();
        fixture.iptables(&format!(
            "-V; iptables-{}-restore --noflush <{}",
            fixture.variant,
            fixture.file("others").display()
        ));
        let before = fixture.snapshot();
        fixture.runs();
        fixture.install(&one("c1", 80)).unwrap();
        assert_eq!(fixture.runs(), [list, change], "the first ADD, which creates the chains");
        fixture.install(&one("c2", 81)).unwrap();
        assert_eq!(fixture.runs(), [list, change], "another ADD");
        fixture.install(&one("c2", 81)).unwrap();
        assert_eq!(fixture.runs(), [list], "nothing to change");
        block_on(fixture.backend().check(&one("c1", 80))).unwrap();
        assert_eq!(fixture.runs(), [list], "CHECK");
        let elsewhere = Claim { chain: "NEXT".to_owned(), ..one("c3", 82) };
        fixture.install(&elsewhere).unwrap();
        assert_eq!(
            fixture.runs(),
            [list, list, change],
            "an ADD that also lists another network's chain"
        );
        for claim in [one("c1", 80), elsewhere, one("c2", 81)] {
            fixture.remove_known(&claim);
            assert_eq!(fixture.runs(), [list, change], "DEL of {}", claim.owner.container_id);
        }
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn a_host_port_in_another_networks_chain_conflicts_even_without_jumps_to_that_chain() {
    on_both(|fixture| {
        let elsewhere = Claim { chain: "NEXT".to_owned(), ..one("c1", 80) };
        fixture.install(&elsewhere).unwrap();
        fixture.install(&one("c9", 79)).unwrap();
        for damage in ["", "-t nat -F PREROUTING", "-t nat -F OUTPUT"] {
            if !damage.is_empty() {
                fixture.iptables(damage);
            }
            let error = fixture.install(&one("c2", 80)).unwrap_err();
            assert!(error.to_string().contains("belongs to container c1"), "{damage}: {error}");
        }
    });
}

#[test]
fn a_listing_leaves_no_trace_on_a_host_without_rules() {
    let fixture = Fixture::new(Variant::Nft, "nft");
    fixture.host.sh("nft flush ruleset");
    let claim = one("c1", 80);
    assert!(block_on(fixture.backend().check(&claim)).is_err());
    fixture.remove_known(&claim);
    assert_eq!(fixture.host.sh("nft list ruleset").trim(), "");
}

#[test]
fn a_missing_rule_jump_or_guard_is_found_by_check_and_repaired() {
    on_both(|fixture| {
        let claim = one("c1", 80);
        fixture.install(&claim).unwrap();
        let sorted = |text: String| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let whole = sorted(fixture.snapshot());
        for damage in [
            "-t nat -F MESOS",
            "-t nat -F PORT-MAPPER-MASQ",
            "-t nat -F PREROUTING",
            "-t nat -D OUTPUT -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
            "-t nat -F POSTROUTING",
            "-t raw -F PREROUTING",
            "-t raw -D PORT-MAPPER-GUARD 1",
        ] {
            fixture.iptables(damage);
            let error = block_on(fixture.backend().check(&claim)).unwrap_err().to_string();
            assert!(error.contains("missing: -A"), "{damage}: {error}");
            assert!(fixture.install(&claim).unwrap().changed, "{damage}");
            assert_eq!(sorted(fixture.snapshot()), whole, "{damage}");
            block_on(fixture.backend().check(&claim)).unwrap();
        }
    });
}

#[test]
fn rules_of_the_original_are_removed_with_their_chain() {
    on_both(|fixture| {
        let before = fixture.snapshot();
        for command in [
            "-N MESOS",
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
            "-A MESOS ! -i mesos-cni0 -p tcp -m tcp --dport 8080 \
             -j DNAT --to-destination 10.9.8.7:80 -m comment --comment 'container_id: c1'",
            "-A MESOS -p tcp -m tcp --dport 8081 \
             -j DNAT --to-destination 10.9.8.8:80 -m comment --comment 'container_id: c10'",
        ] {
            fixture.iptables(&format!("-w -t nat {command}"));
        }
        fixture.remove(&one("c1", 1).owner);
        assert!(!fixture.snapshot().contains("\"container_id: c1\""));
        assert!(fixture.snapshot().contains("\"container_id: c10\""));
        fixture.remove(&one("c10", 1).owner);
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn a_conflict_in_either_family_is_refused_before_anything_is_changed() {
    on_both(|fixture| {
        let six = json!([{"hostPort": 80, "containerPort": 80, "hostIP": "::", "protocol": "tcp"}]);
        fixture.install(&claim("c1", six)).unwrap();
        let before = fixture.snapshot();
        let error = fixture.install(&one("c2", 80)).unwrap_err();
        assert_eq!(error.code(), 105);
        assert!(error.to_string().contains("belongs to container c1 (network mesos"), "{error}");
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn the_host_ports_of_every_owner_are_listed() {
    on_both(|fixture| {
        fixture.install(&one("c1", 80)).unwrap();
        fixture.install(&one("c2", 81)).unwrap();
        let mut all = block_on(fixture.backend().owned_ports()).unwrap();
        all.retain(|owned| owned.chain == "MESOS");
        let lines: Vec<String> = all
            .iter()
            .map(|owned| {
                let (ports, target) = &owned.ports[0];
                format!("{} {} {} {target}", owned.family, owned.owner, ports.first)
            })
            .collect();
        assert_eq!(
            lines,
            [
                "IPv4 container c1 (network mesos, interface eth0) 80 192.168.0.2:80",
                "IPv4 container c2 (network mesos, interface eth0) 81 192.168.0.2:80",
                "IPv6 container c1 (network mesos, interface eth0) 80 [fd00:2::2]:80",
                "IPv6 container c2 (network mesos, interface eth0) 81 [fd00:2::2]:80",
            ]
        );
        assert_eq!(all[0].family, Family::V4);
        let readiness = block_on(fixture.backend().ready()).unwrap();
        assert!(
            readiness.version.starts_with("iptables v") && readiness.ipv6.is_ok(),
            "{readiness:?}"
        );
    });
}

#[test]
fn a_thousand_mappings_take_one_change() {
    on_both(|fixture| {
        let before = fixture.snapshot();
        let many: Vec<_> = (1..=1000)
            .map(|port| json!({"hostPort": port, "containerPort": 80, "protocol": "tcp"}))
            .collect();
        let claim = claim("c1", json!(many));
        fixture.runs();
        fixture.install(&claim).unwrap();
        assert_eq!(fixture.runs(), ["iptables-restore"; 2], "one listing, one change");
        block_on(fixture.backend().check(&claim)).unwrap();
        assert_eq!(fixture.runs(), ["iptables-restore"], "CHECK");
        fixture.remove_known(&claim);
        assert_eq!(fixture.runs(), ["iptables-restore"; 2], "DEL");
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn a_held_xtables_lock_is_waited_for_and_then_reported() {
    let fixture = Fixture::new(Variant::Legacy, "legacy");
    let mut holder =
        fixture.host.command("flock").args(["/run/xtables.lock", "sleep", "600"]).spawn().unwrap();
    wait_until("the lock is held", || is_locked(&fixture.host, "/run/xtables.lock"));
    let started = Instant::now();
    let error = fixture.install(&one("c1", 80)).unwrap_err();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(error.code(), 11, "{error}");
    assert!(started.elapsed() >= LOCK_TIMEOUT, "it waited for {:?}", started.elapsed());
}

/// A chain of another program, by the commands that create it and how it is used.
const OTHERS: [(&str, &[&str]); 4] = [
    ("an empty one without jumps", &[]),
    (
        "an empty one with jumps",
        &[
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
        ],
    ),
    (
        "one with rules and a jump",
        &["-A MESOS -i eth9 -j RETURN", "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS"],
    ),
    (
        "one with a jump for 127.0.0.1",
        &[
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A OUTPUT -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
        ],
    ),
];

/// Runs a test on each chain of another program, with the rules before the chain was used.
fn on_chains_of_others(test: impl Fn(&Fixture, &str, &str)) {
    for (name, rules) in OTHERS {
        on_both(|fixture| {
            fixture.iptables("-t nat -N MESOS");
            rules.iter().for_each(|rule| drop(fixture.iptables(&format!("-t nat {rule}"))));
            test(fixture, &fixture.snapshot(), name);
        });
    }
}

/// A record of chains that knows no claims.
#[derive(Debug, Default)]
struct Record(RefCell<Vec<ChainNote>>);

impl ChainRecord for Record {
    fn read(&self) -> Vec<ChainNote> {
        self.0.borrow().clone()
    }

    fn write(&self, notes: &[ChainNote]) -> Result<(), Error> {
        self.0.replace(notes.to_vec());
        Ok(())
    }

    fn is_claimed(&self, _chain: &str, _except: Option<&Attachment>) -> bool {
        false
    }
}

impl Record {
    /// Returns the families of the chains that were found, and of those that we make.
    fn families(&self) -> [Vec<Family>; 2] {
        let notes = self.read();
        let is_found = |note: &&ChainNote| matches!(note.origin, ChainOrigin::Found { .. });
        let (found, made): (Vec<_>, Vec<_>) = notes.iter().partition(is_found);
        [found, made].map(|notes| notes.iter().map(|note| note.family).collect())
    }
}

#[test]
fn a_chain_that_was_found_is_left_as_it_was() {
    on_chains_of_others(|fixture, before, name| {
        let record = Rc::new(Record::default());
        let backend = || {
            let backend = fixture.backend();
            backend.record_chains_in(record.clone());
            backend
        };
        for claim in [one("c1", 80), one("c2", 81)] {
            let guard = Guard::AsRulesRequire;
            block_on(backend().install(&claim, ExistingRules::OfClaim, guard)).unwrap();
            assert_eq!(record.families(), [[Family::V4], [Family::V6]], "{name}");
        }
        for id in ["c1", "c2"] {
            block_on(backend().remove(&one(id, 80).owner, None, &Hints::default())).unwrap();
        }
        assert_eq!(fixture.snapshot(), before, "{name}");
        assert_eq!(record.read(), [], "{name}");
    });
}

#[test]
fn a_chain_that_was_found_is_left_as_it_was_when_its_last_owner_moves() {
    on_chains_of_others(|fixture, before, name| {
        let record = Rc::new(Record::default());
        let backend = fixture.backend();
        backend.record_chains_in(record.clone());
        let elsewhere = Claim { chain: "ELSEWHERE".to_owned(), ..one("c1", 80) };
        for claim in [&one("c1", 80), &elsewhere] {
            let guard = Guard::AsRulesRequire;
            block_on(backend.install(claim, ExistingRules::Any, guard)).unwrap();
        }
        assert_eq!(record.families(), [vec![], Family::ALL.to_vec()], "{name}");
        block_on(backend.remove(&elsewhere.owner, None, &Hints::default())).unwrap();
        assert_eq!(fixture.snapshot(), before, "{name}");
        assert_eq!(record.read(), [], "{name}");
    });
}
