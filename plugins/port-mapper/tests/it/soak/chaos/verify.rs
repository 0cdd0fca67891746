//! What must hold when no call is running, and at the end.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{MutexGuard, PoisonError};
use std::thread;

use fastrand::Rng;

use super::CONCURRENCY;
use super::attachment::{Attachment, BACKENDS, STATE_DIRS, Status};
use super::simulation::Chaos;
use crate::common::own_rules::own_rules;
use crate::soak::ledger::Ports;

/// A host port and the container to which the rules of a backend lead.
type Owner = (u16, String);

impl Chaos {
    /// Checks that after `restore` the rules on the host are exactly those of the existing
    /// attachments. Those of unknown status are deleted before.
    pub(super) fn verify_while_quiet(&self) {
        self.delete(|status| matches!(status, Status::Unknown | Status::Dead));
        self.restore();
        self.panic_if_failed();
        let mut expected = BTreeSet::new();
        for (attachment, mut status) in self.all() {
            let Status::Attached(attached) = &mut *status else { continue };
            attached.flushes = self.flushes.completed();
            let ports = &attached.ports;
            let called = self.call_of(attachment, "CHECK", ports, &attachment.check(attached));
            self.expect_success(&format!("CHECK of {}", attachment.name), &called, ports);
            expected.extend(ports.iter().map(|port| (port.first(), attachment.name.clone())));
        }
        self.panic_if_failed();
        self.expect_owners(&expected);
    }

    fn expect_owners(&self, expected: &BTreeSet<Owner>) {
        let actual: BTreeSet<Owner> =
            BACKENDS.iter().flat_map(|backend| owners(&own_rules(&self.host, backend))).collect();
        let differ: Vec<&Owner> = actual.symmetric_difference(expected).collect();
        if let Some((port, _)) = differ.first() {
            let (more, fewer): (Vec<&Owner>, Vec<&Owner>) =
                differ.iter().partition(|owner| actual.contains(owner));
            let problem = format!(
                "rules lead to {more:?}, which do not own the ports by their calls, and no rules \
                 lead to the owners {fewer:?}"
            );
            self.fail(&problem, &[Ports::tcp(*port)]);
        }
        self.panic_if_failed();
    }

    /// Deletes all attachments, many at a time.
    pub(super) fn delete_all(&self) {
        self.delete(|_| true);
        self.panic_if_failed();
        for (attachment, status) in self.all() {
            assert!(matches!(*status, Status::Absent), "{} is {status:?}", attachment.name);
        }
    }

    /// Runs the DELs of all attachments of which this holds, concurrently.
    fn delete(&self, is_selected: impl Fn(&Status) -> bool + Sync) {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut rng = Rng::with_seed(0);
            while let Some((attachment, status)) =
                self.attachments.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
                if is_selected(&status) {
                    *status = self.del(attachment, &status, &mut rng);
                }
            }
        };
        thread::scope(|scope| (0..CONCURRENCY).for_each(|_| drop(scope.spawn(work))));
    }

    fn all(&self) -> impl Iterator<Item = (&Attachment, MutexGuard<'_, Status>)> {
        self.attachments.iter().map(|(attachment, status)| {
            (attachment, status.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }

    /// Checks that there are no rules, chains, tables, files, settings and processes of the port
    /// mapper.
    pub(super) fn verify_that_nothing_is_left(&self) {
        let rules: String = RULESETS.iter().map(|list| unexpected(&self.host.sh(list))).collect();
        assert!(rules.is_empty(), "rules are left:\n{rules}{}", self.log.history(&[]));
        for directory in STATE_DIRS {
            let files = self.host.sh(&format!("ls -A {directory} 2>/dev/null || :"));
            let left: Vec<&str> = files.lines().filter(|name| *name != "lock").collect();
            assert!(left.is_empty(), "{directory}: {left:?} are left");
        }
        let after = self.host.snapshot();
        let settings = after.section("settings").iter();
        let left: Vec<&String> =
            settings.filter(|one| !self.before.section("settings").contains(one)).collect();
        assert!(left.is_empty(), "settings are left: {left:?}");
        assert!(self.host.processes().is_empty(), "{:?}", self.host.processes());
    }

    /// Prints the figures for RELIABILITY.md.
    pub(super) fn print_figures(&self) {
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        println!(
            "chaos: {} calls, {CONCURRENCY} at a time: {} ADDs got their ports, {} were refused \
             one of another container, {} attachments were deleted, {} restores, {} flushes, {} \
             calls failed because of a flush; never two owners, nothing left",
            count(&counts.calls),
            count(&counts.added),
            count(&counts.refused),
            count(&counts.deleted),
            count(&counts.restored),
            self.flushes.begun(),
            count(&counts.disturbed),
        );
    }
}

/// Returns the owners of host ports in a listing of own rules.
fn owners(rules: &str) -> Vec<Owner> {
    let owner = |line: &str| {
        let (matched, _) = line.split_once(" -> ").or_else(|| line.split_once(" -j DNAT"))?;
        let (_, comment) = line.split_once("container_id: ")?;
        let id = comment.split([' ', '"', ';']).next()?;
        let (_, port) = matched.split_once("--dport ").unwrap_or(("", matched));
        let port = port.split(' ').find_map(|word| word.parse().ok())?;
        Some((port, id.to_owned()))
    };
    rules.lines().filter_map(owner).collect()
}

/// Commands that list everything that a backend can have left.
const RULESETS: [&str; 3] = [
    "nft --stateless list ruleset 2>/dev/null || :",
    "iptables-legacy-save 2>/dev/null || :",
    "ip6tables-legacy-save 2>/dev/null || :",
];

/// Returns the lines of a listing that are not of an empty table of iptables with its chains.
fn unexpected(listing: &str) -> String {
    const TABLES: [&str; 5] = ["nat", "raw", "filter", "mangle", "security"];
    const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    let is_expected = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["}"] | ["#", ..] | ["COMMIT"] | ["type", _, "hook", ..] => true,
            ["table", "ip" | "ip6", name, "{"] => TABLES.contains(name),
            ["chain", name, "{"] => CHAINS.contains(name),
            [name, _, _] if name.starts_with(':') => CHAINS.contains(&&name[1..]),
            [name] if name.starts_with('*') => TABLES.contains(&&name[1..]),
            _ => false,
        }
    };
    let left = listing.lines().filter(|line| !is_expected(line));
    left.map(|line| format!("{line}\n")).collect()
}
