//! A host on which many attachments come and go at the same time, and what can be asked of it when all is quiet.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use cni_test_kit::{CallBuilder, Host, Outcome, Snapshot};
use fastrand::Rng;
use serde_json::Value;

use super::attachment::{Attachment, NETWORKS, Standing};
use super::ledger::{Ledger, Ports};
use crate::common::traces::{NFTABLES, traces};
use crate::common::{PATIENCE, plugin};

/// One of so many calls is killed.
const KILLED_ONE_OF: usize = 6;
const PORT_TAKEN: u64 = 105;
const KILLED: Option<i32> = Some(9);

/// What was done, for the figures.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: AtomicUsize,
    pub(crate) killed: AtomicUsize,
    pub(crate) refused: AtomicUsize,
}

/// The host and its attachments, each locked while a call of it is under way: runtimes make one at a time.
pub(crate) struct Town {
    pub(crate) backend: &'static str,
    pub(crate) attachments: Vec<(Attachment, Mutex<Standing>)>,
    pub(crate) counts: Counts,
    ledger: Ledger,
    before: Snapshot,
    pub(crate) host: Host,
}

impl Town {
    /// With the attachments of these numbers.
    pub(crate) fn new(backend: &'static str, numbers: impl IntoIterator<Item = usize>) -> Self {
        let host = Host::new();
        let attachments: Vec<_> = numbers
            .into_iter()
            .map(|number| Attachment::new(&host, backend, number))
            .map(|attachment| (attachment, Mutex::new(Standing::Absent)))
            .collect();
        let before = host.snapshot();
        let (counts, ledger) = (Counts::default(), Ledger::default());
        Self { backend, attachments, counts, ledger, before, host }
    }

    /// Does something with an attachment that nothing is being done with.
    pub(crate) fn anything(&self, rng: &mut Rng) {
        match rng.usize(..24) {
            0 => return self.restore(rng),
            1 => return self.gc(rng),
            _ => {}
        }
        let (attachment, standing) = &self.attachments[rng.usize(..self.attachments.len())];
        let Ok(mut standing) = standing.try_lock() else { return };
        let now = match standing.clone() {
            Standing::Absent if rng.usize(..8) > 0 => self.add(attachment, rng),
            Standing::Attached(ports, result) if rng.bool() => {
                self.check(attachment, &ports, &result, rng);
                Standing::Attached(ports, result)
            }
            _ => self.del(attachment, rng),
        };
        *standing = now;
    }

    fn add(&self, attachment: &Attachment, rng: &mut Rng) -> Standing {
        let (who, ports) = (&attachment.name, Ports::random(rng));
        self.ledger.asks(who, &ports);
        let Some(outcome) = self.call(&attachment.add(&ports), rng) else {
            return Standing::Unknown;
        };
        if outcome.code() == Some(0) {
            self.ledger.got(who);
            return Standing::Attached(ports, outcome.json());
        }
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        self.ledger.lost(who, &winner(&outcome));
        self.ledger.left(who);
        Standing::Absent
    }

    /// A CHECK that is killed has changed nothing.
    fn check(&self, attachment: &Attachment, ports: &[Ports], result: &Value, rng: &mut Rng) {
        if let Some(outcome) = self.call(&attachment.check(ports, result), rng) {
            let who = &attachment.name;
            assert_eq!(outcome.code(), Some(0), "{}: CHECK of {who}: {outcome}", self.backend);
        }
    }

    fn del(&self, attachment: &Attachment, rng: &mut Rng) -> Standing {
        self.ledger.may_leave(&attachment.name);
        match self.call(&attachment.del(), rng) {
            Some(outcome) => self.deleted(attachment, &outcome),
            None => Standing::Unknown,
        }
    }

    fn deleted(&self, attachment: &Attachment, outcome: &Outcome) -> Standing {
        let who = &attachment.name;
        assert_eq!(outcome.code(), Some(0), "{}: DEL of {who}: {outcome}", self.backend);
        self.ledger.left(who);
        Standing::Absent
    }

    /// What was never asked for may be refused; what is attached is not touched.
    fn restore(&self, rng: &mut Rng) {
        let restore = CallBuilder::cli(&["restore"]).within(&self.host);
        if let Some(outcome) = self.call(&restore.limit(Duration::from_secs(PATIENCE + 60)), rng) {
            assert_eq!(outcome.code(), Some(0), "{}: restore: {outcome}", self.backend);
        }
    }

    /// Takes those of a network of which nothing is known; all others are valid.
    fn gc(&self, rng: &mut Rng) {
        let (network, _) = NETWORKS[rng.usize(..NETWORKS.len())];
        let mut gone = self.unknown(network);
        if gone.is_empty() {
            return;
        }
        let valid: Vec<Value> = self
            .attachments
            .iter()
            .filter(|(it, _)| {
                it.network == network && gone.iter().all(|(no, _)| no.name != it.name)
            })
            .map(|(attachment, _)| attachment.valid())
            .collect();
        let call = gone[0].0.gc(&valid);
        if let Some(outcome) = self.call(&call, rng) {
            for (attachment, standing) in &mut gone {
                **standing = self.deleted(attachment, &outcome);
            }
        }
    }

    fn unknown(&self, network: &str) -> Vec<(&Attachment, MutexGuard<'_, Standing>)> {
        let of_network = self.attachments.iter().filter(|(it, _)| it.network == network);
        let free = of_network.filter_map(|(it, standing)| Some((it, standing.try_lock().ok()?)));
        free.filter(|(_, standing)| **standing == Standing::Unknown).collect()
    }

    /// `None` when it was killed.
    fn call(&self, call: &CallBuilder, rng: &mut Rng) -> Option<Outcome> {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        if rng.usize(..KILLED_ONE_OF) > 0 {
            return Some(call.run(plugin()));
        }
        // Short times as often as long ones, from 0.1 ms to a quarter of a second.
        let after = Duration::from_micros(100 << rng.u32(..12));
        let outcome = call.run_or_kill(plugin(), after);
        if outcome.signal() != KILLED {
            return Some(outcome);
        }
        self.counts.killed.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Those that are attached, and with what.
    pub(crate) fn survivors(&self) -> Vec<(&Attachment, Vec<Ports>, Value)> {
        let attached = |(attachment, standing): &'_ (Attachment, Mutex<Standing>)| {
            match &*standing.lock().expect("whole") {
                Standing::Attached(ports, result) => Some((ports.clone(), result.clone())),
                _ => None,
            }
            .map(|(ports, result)| (attachment.name.clone(), ports, result))
        };
        let mut all = Vec::new();
        for pair in &self.attachments {
            all.extend(attached(pair).map(|(_, ports, result)| (&pair.0, ports, result)));
        }
        all
    }

    /// Rules, files and settings of ours, in an order that does not depend on who came first.
    pub(crate) fn holdings(&self) -> Vec<String> {
        let traces = traces(&self.host, self.backend);
        let mut all: Vec<String> = match self.backend {
            NFTABLES => in_use(&traces),
            _ => traces.lines().map(str::to_owned).collect(),
        };
        all.extend(self.host.run("ls -A /run/mesos-cni-port-mapper").lines().map(str::to_owned));
        all.extend(self.host.snapshot().section("settings").iter().cloned());
        all.sort();
        all
    }

    /// Deletes the attachments that exist. Then the host must be as it was: the others have left
    /// nothing.
    pub(crate) fn end(&self) {
        for (attachment, standing) in &self.attachments {
            let mut standing = standing.lock().expect("whole");
            if *standing == Standing::Absent {
                continue;
            }
            *standing = self.deleted(attachment, &attachment.del().run(plugin()));
        }
        crate::common::nothing_of_ours_is_left(&self.host);
        self.before.assert_same(&self.host.snapshot());
        assert!(self.host.processes().is_empty(), "{:?}", self.host.processes());
    }
}

/// Who is named by the error.
fn winner(outcome: &Outcome) -> String {
    let (code, msg, details) = outcome.error();
    assert_eq!(code, PORT_TAKEN, "{msg}: {details}");
    let name = msg.split(" belongs to container ").nth(1).and_then(|rest| rest.split(' ').next());
    name.unwrap_or_else(|| panic!("nobody is named: {msg}")).to_owned()
}

/// Elements, chains and the rules whose maps have elements: those for a kind of host port, such as ranges, stay with a network that had
/// one, until it goes itself.
fn in_use(traces: &str) -> Vec<String> {
    let is_element = |line: &&str| line.contains("container_id: ");
    let maps: BTreeSet<&str> =
        traces.lines().filter(is_element).filter_map(|line| line.split(' ').next()).collect();
    let is_used = |map: &str| maps.contains(map) || map.ends_with("/devices");
    let counts = |line: &&str| {
        let looked_up = line.split(' ').filter_map(|word| word.strip_prefix('@'));
        let is_rule = line.contains(" jump ") || line.contains('@');
        is_element(line) || line.contains("chain ") || (is_rule && looked_up.clone().all(is_used))
    };
    traces.lines().filter(counts).map(str::to_owned).collect()
}
