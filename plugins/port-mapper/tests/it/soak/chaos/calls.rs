//! Random calls.

use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;

use super::attachment::{Attached, Attachment, STATE_DIRS, Status};
use super::simulation::{Called, Chaos};
use crate::soak::ledger::Ports;
use crate::soak::simulation::owner;

/// The number of host ports. It is small, so that many attachments want the same ones.
const PORTS: u16 = 64;

const CONFLICT: Option<u64> = Some(105);

/// What removes rules without the port mapper.
const FLUSHES: [&str; 3] =
    ["nft flush ruleset", "iptables-nft -w -t nat -F", "iptables-legacy -w -t nat -F"];

impl Chaos {
    /// Makes a random call.
    pub(super) fn random_call(&self, rng: &mut Rng) {
        let directory = STATE_DIRS[rng.usize(..STATE_DIRS.len())];
        match rng.usize(..40) {
            0 => self.restore(),
            1 => self.command(&["gc", "--json", "--state-dir", directory]),
            2 => self.command(&["list", "--json", "--state-dir", directory]),
            3 => self.gc(rng),
            4 => self.flush(rng),
            _ => self.random_call_of_an_attachment(rng),
        }
    }

    fn random_call_of_an_attachment(&self, rng: &mut Rng) {
        let (attachment, status) = &self.attachments[rng.usize(..self.attachments.len())];
        let Ok(mut status) = status.try_lock() else {
            // Another call of it is running.
            return thread::sleep(Duration::from_millis(1));
        };
        let now = std::mem::replace(&mut *status, Status::Unknown);
        *status = match now {
            Status::Absent if rng.usize(..8) > 0 => self.add(attachment, Ports::few(rng, PORTS)),
            Status::Attached(attached) => {
                self.random_call_of_an_attached(attachment, attached, rng)
            }
            Status::Dead if rng.bool() => Status::Dead,
            other => self.del(attachment, &other, rng),
        };
    }

    fn random_call_of_an_attached(
        &self,
        attachment: &Attachment,
        attached: Attached,
        rng: &mut Rng,
    ) -> Status {
        match rng.usize(..16) {
            0..4 => {
                self.check(attachment, &attached);
                Status::Attached(attached)
            }
            4..7 => self.add_again(attachment, attached),
            7 => self.lose_namespace(attachment, &attached),
            _ => self.del(attachment, &Status::Attached(attached), rng),
        }
    }

    fn add(&self, attachment: &Attachment, ports: Vec<Ports>) -> Status {
        let name = &attachment.name;
        self.ledger.requested(name, &ports);
        let called = self.call_of(attachment, "ADD", &ports, &attachment.add(&ports));
        if called.succeeded() {
            self.counts.added.fetch_add(1, Ordering::Relaxed);
            self.expect(self.ledger.granted(name), &ports);
            return attached(ports, &called);
        }
        if called.error_code() == CONFLICT {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            let refused = match owner(&called.outcome) {
                Some(owner) => self.ledger.refused(name, &owner),
                None => Err(format!("no owner is named: {}", called.outcome)),
            };
            self.expect(refused, &ports);
            self.ledger.released(name);
            return Status::Absent;
        }
        self.expect_success(&format!("ADD of {name}"), &called, &ports);
        Status::Unknown
    }

    /// Runs ADD for an existing attachment, which must keep its ports in any case.
    fn add_again(&self, attachment: &Attachment, before: Attached) -> Status {
        let ports = before.ports;
        let called = self.call_of(attachment, "ADD again", &ports, &attachment.add(&ports));
        if called.succeeded() {
            return attached(ports, &called);
        }
        let what = format!("ADD of {}, which exists", attachment.name);
        match called.error_code() {
            CONFLICT => self.fail(&format!("{what}: {}", called.outcome), &ports),
            _ => self.expect_success(&what, &called, &ports),
        }
        self.ledger.releasing(&attachment.name);
        Status::Unknown
    }

    /// Runs CHECK, which must succeed if the firewall was not flushed since the ADD.
    fn check(&self, attachment: &Attachment, attached: &Attached) {
        let ports = &attached.ports;
        let mut called = self.call_of(attachment, "CHECK", ports, &attachment.check(attached));
        called.undisturbed &= attached.flushes == called.flushes;
        self.expect_success(&format!("CHECK of {}", attachment.name), &called, ports);
    }

    fn lose_namespace(&self, attachment: &Attachment, attached: &Attached) -> Status {
        self.ledger.releasing(&attachment.name);
        let began = Instant::now();
        attachment.remove_namespace(&self.host);
        let what = format!("{} loses its namespace", attachment.name);
        self.log.record(began, what, Some(&attached.ports));
        Status::Dead
    }

    /// Runs DEL. Returns the status before if it failed.
    pub(super) fn del(&self, attachment: &Attachment, status: &Status, rng: &mut Rng) -> Status {
        let name = &attachment.name;
        self.ledger.releasing(name);
        let ports = self.ledger.last_requested(name);
        let is_dead = matches!(status, Status::Dead);
        let call = match is_dead && rng.bool() {
            true => attachment.del().without_netns(),
            false => attachment.del(),
        };
        let called = self.call_of(attachment, "DEL", &ports, &call);
        self.expect_success(&format!("DEL of {name}"), &called, &ports);
        match called.succeeded() {
            true => self.deleted(attachment, is_dead),
            false if is_dead => Status::Dead,
            false => Status::Unknown,
        }
    }

    fn deleted(&self, attachment: &Attachment, is_dead: bool) -> Status {
        self.counts.deleted.fetch_add(1, Ordering::Relaxed);
        self.ledger.released(&attachment.name);
        if is_dead {
            attachment.create_namespace(&self.host);
        }
        Status::Absent
    }

    /// Runs GC for a network. Dead attachments and those of unknown status are not valid, all
    /// others are.
    fn gc(&self, rng: &mut Rng) {
        let number = rng.usize(..self.networks.len());
        let mut invalid = self.invalid(number);
        let is_valid =
            |attachment: &Attachment| invalid.iter().all(|(no, _)| no.name != attachment.name);
        let of_network = self.attachments.iter().map(|(attachment, _)| attachment);
        let valid: Vec<Value> = of_network
            .filter(|attachment| attachment.network == number && is_valid(attachment))
            .map(Attachment::valid)
            .collect();
        let network = &self.networks[number];
        let what = format!("GC of {}", network.name);
        let called = self.call(&what, None, &network.gc(&self.host, &valid));
        self.expect_success(&what, &called, &[]);
        if called.succeeded() {
            for (attachment, status) in &mut invalid {
                **status = self.deleted(attachment, matches!(**status, Status::Dead));
            }
        }
    }

    /// Returns the attachments of a network that GC removes, locked.
    fn invalid(&self, network: usize) -> Vec<(&Attachment, MutexGuard<'_, Status>)> {
        let of_network =
            self.attachments.iter().filter(|(attachment, _)| attachment.network == network);
        let free = of_network
            .filter_map(|(attachment, status)| Some((attachment, status.try_lock().ok()?)));
        free.filter(|(_, status)| matches!(**status, Status::Unknown | Status::Dead)).collect()
    }

    /// Flushes rules, and restores them in every second case.
    fn flush(&self, rng: &mut Rng) {
        let flush = FLUSHES[rng.usize(..FLUSHES.len())];
        let began = Instant::now();
        // A flush may fail because the table is changed meanwhile.
        self.flushes.during(|| drop(self.host.sh(&format!("{flush} 2>/dev/null || :"))));
        self.log.record(began, flush.to_owned(), None);
        if rng.bool() {
            self.restore();
        }
    }

    /// Reports a failed check of the ledger.
    fn expect(&self, checked: Result<(), String>, ports: &[Ports]) {
        if let Err(problem) = checked {
            self.fail(&problem, ports);
        }
    }
}

fn attached(ports: Vec<Ports>, called: &Called) -> Status {
    Status::Attached(Attached { ports, result: called.outcome.json(), flushes: called.flushes })
}
