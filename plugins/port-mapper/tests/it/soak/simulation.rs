//! A simulation of a host on which many attachments are created and deleted at the same time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use cni_test_kit::{CallBuilder, Host, Outcome, Snapshot};
use fastrand::Rng;
use serde_json::Value;

use super::attachment::{Attachment, NETWORKS, Status};
use super::ledger::{Ledger, Ports};
use crate::common::own_rules::{NFTABLES, own_rules};
use crate::common::{TIMEOUT, plugin};

/// One of this many calls is killed.
const KILLED_ONE_OF: usize = 6;
const CONFLICT: u64 = 105;
const KILLED: Option<i32> = Some(9);

/// The number of calls by outcome.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: AtomicUsize,
    pub(crate) killed: AtomicUsize,
    pub(crate) refused: AtomicUsize,
}

/// A host and its attachments. Each is locked during a call, since runtimes make one call at a
/// time.
pub(crate) struct Simulation {
    pub(crate) backend: &'static str,
    pub(crate) attachments: Vec<(Attachment, Mutex<Status>)>,
    pub(crate) counts: Counts,
    ledger: Ledger,
    before: Snapshot,
    pub(crate) host: Host,
}

impl Simulation {
    /// Returns a host with attachments of these numbers, none of which exists yet.
    pub(crate) fn new(backend: &'static str, numbers: impl IntoIterator<Item = usize>) -> Self {
        let host = Host::new();
        let attachments: Vec<_> = numbers
            .into_iter()
            .map(|number| Attachment::new(&host, backend, number))
            .map(|attachment| (attachment, Mutex::new(Status::Absent)))
            .collect();
        let before = host.snapshot();
        let (counts, ledger) = (Counts::default(), Ledger::default());
        Self { backend, attachments, counts, ledger, before, host }
    }

    /// Makes a random call for an attachment that has no call at the moment.
    pub(crate) fn random_call(&self, rng: &mut Rng) {
        match rng.usize(..24) {
            0 => return self.restore(rng),
            1 => return self.gc(rng),
            _ => {}
        }
        let (attachment, status) = &self.attachments[rng.usize(..self.attachments.len())];
        let Ok(mut status) = status.try_lock() else { return };
        let now = match status.clone() {
            Status::Absent if rng.usize(..8) > 0 => self.add(attachment, rng),
            Status::Attached(ports, result) if rng.bool() => {
                self.check(attachment, &ports, &result, rng);
                Status::Attached(ports, result)
            }
            _ => self.del(attachment, rng),
        };
        *status = now;
    }

    fn add(&self, attachment: &Attachment, rng: &mut Rng) -> Status {
        let (name, ports) = (&attachment.name, Ports::random(rng));
        self.ledger.requested(name, &ports);
        let Some(outcome) = self.call(&attachment.add(&ports), rng) else {
            return Status::Unknown;
        };
        if outcome.code() == Some(0) {
            self.expect(self.ledger.granted(name), &ports);
            return Status::Attached(ports, outcome.json());
        }
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        let owner = owner(&outcome).unwrap_or_else(|| panic!("no owner is named: {outcome}"));
        self.expect(self.ledger.refused(name, &owner), &ports);
        self.ledger.released(name);
        Status::Absent
    }

    /// Panics with the history of the ports if a check of the ledger failed.
    fn expect(&self, checked: Result<(), String>, ports: &[Ports]) {
        if let Err(problem) = checked {
            panic!("{}: {problem}\n{}", self.backend, self.ledger.history(ports));
        }
    }

    /// Runs CHECK. If it is killed, nothing has changed.
    fn check(&self, attachment: &Attachment, ports: &[Ports], result: &Value, rng: &mut Rng) {
        if let Some(outcome) = self.call(&attachment.check(ports, result), rng) {
            let name = &attachment.name;
            assert_eq!(outcome.code(), Some(0), "{}: CHECK of {name}: {outcome}", self.backend);
        }
    }

    fn del(&self, attachment: &Attachment, rng: &mut Rng) -> Status {
        self.ledger.releasing(&attachment.name);
        match self.call(&attachment.del(), rng) {
            Some(outcome) => self.deleted(attachment, &outcome),
            None => Status::Unknown,
        }
    }

    fn deleted(&self, attachment: &Attachment, outcome: &Outcome) -> Status {
        let name = &attachment.name;
        assert_eq!(outcome.code(), Some(0), "{}: DEL of {name}: {outcome}", self.backend);
        self.ledger.released(name);
        Status::Absent
    }

    /// Runs `restore`, which must succeed and not change what is attached.
    fn restore(&self, rng: &mut Rng) {
        let restore = CallBuilder::cli(&["restore"]).within(&self.host);
        if let Some(outcome) = self.call(&restore.limit(Duration::from_secs(TIMEOUT + 60)), rng) {
            assert_eq!(outcome.code(), Some(0), "{}: restore: {outcome}", self.backend);
        }
    }

    /// Runs GC for a network: attachments of unknown status are not valid, all others are.
    fn gc(&self, rng: &mut Rng) {
        let (network, _) = NETWORKS[rng.usize(..NETWORKS.len())];
        let mut invalid = self.unknown(network);
        if invalid.is_empty() {
            return;
        }
        let valid: Vec<Value> = self
            .attachments
            .iter()
            .filter(|(attachment, _)| {
                attachment.network == network
                    && invalid.iter().all(|(no, _)| no.name != attachment.name)
            })
            .map(|(attachment, _)| attachment.valid())
            .collect();
        let call = invalid[0].0.gc(&valid);
        if let Some(outcome) = self.call(&call, rng) {
            for (attachment, status) in &mut invalid {
                **status = self.deleted(attachment, &outcome);
            }
        }
    }

    fn unknown(&self, network: &str) -> Vec<(&Attachment, MutexGuard<'_, Status>)> {
        let of_network =
            self.attachments.iter().filter(|(attachment, _)| attachment.network == network);
        let free = of_network
            .filter_map(|(attachment, status)| Some((attachment, status.try_lock().ok()?)));
        free.filter(|(_, status)| **status == Status::Unknown).collect()
    }

    /// Makes a call, which may be killed. Returns `None` if it was.
    fn call(&self, call: &CallBuilder, rng: &mut Rng) -> Option<Outcome> {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        if rng.usize(..KILLED_ONE_OF) > 0 {
            return Some(call.run(plugin()));
        }
        // Logarithmically distributed, from 0.1 ms to a quarter of a second.
        let after = Duration::from_micros(100 << rng.u32(..12));
        let outcome = call.run_or_kill(plugin(), after);
        if outcome.signal() != KILLED {
            return Some(outcome);
        }
        self.counts.killed.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Returns the existing attachments with their ports and results.
    pub(crate) fn survivors(&self) -> Vec<(&Attachment, Vec<Ports>, Value)> {
        let attached = |(attachment, status): &'_ (Attachment, Mutex<Status>)| {
            match &*status.lock().expect("not poisoned") {
                Status::Attached(ports, result) => Some((ports.clone(), result.clone())),
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

    /// Returns all rules, files and settings of the port mapper in a canonical order.
    pub(crate) fn holdings(&self) -> Vec<String> {
        let rules = own_rules(&self.host, self.backend);
        let mut all: Vec<String> = match self.backend {
            NFTABLES => in_use(&rules),
            _ => rules.lines().map(str::to_owned).collect(),
        };
        all.extend(self.host.run("ls -A /run/mesos-cni-port-mapper").lines().map(str::to_owned));
        all.extend(self.host.snapshot().section("settings").iter().cloned());
        all.sort();
        all
    }

    /// Deletes all existing attachments, and checks that the host is as it was at the beginning.
    pub(crate) fn delete_all(&self) {
        for (attachment, status) in &self.attachments {
            let mut status = status.lock().expect("not poisoned");
            if *status == Status::Absent {
                continue;
            }
            *status = self.deleted(attachment, &attachment.del().run(plugin()));
        }
        crate::common::assert_nothing_is_left(&self.host);
        self.before.assert_same(&self.host.snapshot());
        assert!(self.host.processes().is_empty(), "{:?}", self.host.processes());
    }
}

/// Returns the owner that the error of a refused ADD names.
pub(crate) fn owner(outcome: &Outcome) -> Option<String> {
    let (code, msg, _) = outcome.error();
    let said = [" belongs to container ", " is awaited by container "];
    let rest = said.into_iter().find_map(|said| msg.split(said).nth(1))?;
    let name = rest.split(' ').next()?;
    (code == CONFLICT).then(|| name.to_owned())
}

/// Returns elements, chains, and the rules whose maps have elements. Maps for a kind of host port,
/// such as ranges, are kept until the network is removed, even if they are empty.
fn in_use(rules: &str) -> Vec<String> {
    let is_element = |line: &&str| line.contains("container_id: ");
    let maps: BTreeSet<&str> =
        rules.lines().filter(is_element).filter_map(|line| line.split(' ').next()).collect();
    let is_used = |map: &str| maps.contains(map) || map.ends_with("/devices");
    let counts = |line: &&str| {
        let looked_up = line.split(' ').filter_map(|word| word.strip_prefix('@'));
        let is_rule = line.contains(" jump ") || line.contains('@');
        is_element(line) || line.contains("chain ") || (is_rule && looked_up.clone().all(is_used))
    };
    rules.lines().filter(counts).map(str::to_owned).collect()
}
