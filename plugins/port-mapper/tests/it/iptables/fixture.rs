//! A host with the real iptables, whose programs record that they ran.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use async_std::task::block_on;
use cni_test_kit::{Host, TempDir};
use cni_wrapper::Attachment;
use port_mapper::backend::iptables::{Iptables, Variant};
use port_mapper::backend::{Backend, ExistingRules, Guard, Hints, Installed, ProgramEnvironment};
use port_mapper::claim::Claim;
use serde_json::json;

use crate::programs::executable;

/// A host, and a directory of programs that run on it and record that they did.
pub(super) struct Fixture {
    pub(super) host: Host,
    kind: Variant,
    pub(super) variant: &'static str,
    programs: TempDir,
}

/// How long the backend waits for the xtables lock.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a test with each variant.
pub(super) fn on_both(test: impl Fn(&Fixture)) {
    for (kind, variant) in [(Variant::Nft, "nft"), (Variant::Legacy, "legacy")] {
        test(&Fixture::new(kind, variant));
    }
}

/// Records nothing without input: the process was started and not needed.
const READ_INPUT: &str = "input=$here/input.$$; cat >$input; [ -s $input ] || exit 0";

impl Fixture {
    pub(super) fn new(kind: Variant, variant: &'static str) -> Self {
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

    pub(super) fn backend(&self) -> Iptables {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.programs.path().display());
        let environment = ProgramEnvironment { path: Some(path.into()), xtables_lock_file: None };
        Iptables::find(self.kind, &environment, LOCK_TIMEOUT).unwrap()
    }

    /// Returns the path of a file in the directory of programs, which the host shares.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.programs.path().join(name)
    }

    /// Returns all rules of both families, without the comments that contain the time.
    pub(super) fn snapshot(&self) -> String {
        let save = |family: &str| self.host.run(&format!("{family}-{}-save", self.variant));
        let all = save("iptables") + &save("ip6tables");
        let steady = all.lines().filter(|line| !line.starts_with('#'));
        steady.map(|line| format!("{line}\n")).collect()
    }

    pub(super) fn install(&self, claim: &Claim) -> Result<Installed, port_mapper::Error> {
        block_on(self.backend().install(claim, ExistingRules::OfClaim, Guard::AsRulesRequire))
    }

    pub(super) fn remove(&self, owner: &Attachment) {
        let hints = Hints { chain: Some("MESOS".to_owned()), ..Hints::default() };
        block_on(self.backend().remove(owner, None, &hints)).unwrap();
    }

    /// Removes the rules as DEL does if the claim was stored.
    pub(super) fn remove_known(&self, claim: &Claim) {
        let families = Some(claim.families().collect());
        let chain = Some(claim.chain.clone());
        let hints = Hints { chain, families, had_rules: true, ..Hints::default() };
        block_on(self.backend().remove(&claim.owner, Some(claim), &hints)).unwrap();
    }

    /// Returns the programs for IPv4 that were run since the last call.
    pub(super) fn runs(&self) -> Vec<String> {
        let file = self.file("runs");
        let runs = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(&file);
        runs.lines().filter(|run| run.starts_with("iptables")).map(str::to_owned).collect()
    }

    pub(super) fn iptables(&self, rest: &str) -> String {
        self.host.sh(&format!("iptables-{} {rest}", self.variant))
    }
}

pub(super) fn claim(container: &str, mappings: serde_json::Value) -> Claim {
    serde_json::from_value(json!({
        "version": 1,
        "owner": {"network": "mesos", "containerId": container, "ifname": "eth0"},
        "chain": "MESOS", "snat": true, "mappings": mappings,
        "addresses": ["192.168.0.2/16", "fd00:2::2/64"],
    }))
    .unwrap()
}

pub(super) fn one(container: &str, port: u16) -> Claim {
    claim(container, json!([{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]))
}

/// Returns a claim with a mapping of every kind.
pub(super) fn every_kind(container: &str) -> Claim {
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
