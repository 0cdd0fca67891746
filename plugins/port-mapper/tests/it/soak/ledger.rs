//! A ledger of the attachments that may have host ports at a time, as an observer knows it.

use std::sync::Mutex;
use std::time::Instant;

use fastrand::Rng;
use serde_json::{Value, json};

/// The range is small, so that many attachments request the same ports.
const FIRST: u16 = 8000;
const PORTS: u16 = 150;

/// Host ports that an attachment requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    protocol: &'static str,
    address: &'static str,
    first: u16,
    count: u16,
}

impl Ports {
    /// Returns up to three random ranges that do not overlap.
    pub(crate) fn random(rng: &mut Rng) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for _ in 0..rng.u16(1..=3) {
            let ports = Self {
                protocol: ["tcp", "udp"][rng.usize(..2)],
                address: ["", "", "", "203.0.113.1", "203.0.113.2"][rng.usize(..5)],
                first: FIRST + rng.u16(..PORTS),
                count: [1, 1, 1, 4][rng.usize(..4)],
            };
            if !all.iter().any(|other| other.overlap(&ports)) {
                all.push(ports);
            }
        }
        all
    }

    pub(crate) fn mapping(&self) -> Value {
        let Self { protocol, address, first, count } = self;
        json!({
            "protocol": protocol, "hostIP": address, "range": count,
            "hostPort": first, "containerPort": first,
        })
    }

    fn overlap(&self, other: &Self) -> bool {
        let same_address =
            self.address == other.address || self.address.is_empty() || other.address.is_empty();
        self.protocol == other.protocol
            && same_address
            && self.first < other.first + other.count
            && other.first < self.first + self.count
    }
}

/// A period in which an attachment may have ports.
#[derive(Debug)]
struct Ownership {
    name: String,
    ports: Vec<Ports>,
    from: Instant,
    until: Option<Instant>,
    /// Whether it certainly has them: its ADD succeeded, and no DEL has begun.
    is_certain: bool,
}

impl Ownership {
    fn overlaps(&self, ports: &[Ports]) -> bool {
        self.ports.iter().any(|own| ports.iter().any(|other| own.overlap(other)))
    }
}

/// All ownerships so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<Ownership>>);

impl Ledger {
    /// Records that an ADD begins.
    pub(crate) fn requested(&self, name: &str, ports: &[Ports]) {
        let (name, ports) = (name.to_owned(), ports.to_vec());
        let ownership =
            Ownership { name, ports, from: Instant::now(), until: None, is_certain: false };
        self.0.lock().expect("not poisoned").push(ownership);
    }

    /// Records that an ADD succeeded, and checks that no other attachment certainly has the ports.
    pub(crate) fn granted(&self, name: &str) {
        let mut ownerships = self.0.lock().expect("not poisoned");
        let own = ownerships
            .iter()
            .position(|ownership| ownership.name == name && ownership.until.is_none());
        let own = own.unwrap_or_else(|| panic!("{name} did not request anything"));
        let ports = ownerships[own].ports.clone();
        let other =
            ownerships.iter().find(|ownership| ownership.is_certain && ownership.overlaps(&ports));
        assert!(other.is_none(), "{name} got {ports:?} in conflict with {other:?}");
        ownerships[own].is_certain = true;
    }

    /// Records that a DEL begins or a call was killed: whether it has its ports is uncertain.
    pub(crate) fn releasing(&self, name: &str) {
        for ownership in self
            .0
            .lock()
            .expect("not poisoned")
            .iter_mut()
            .filter(|ownership| ownership.name == name)
        {
            ownership.is_certain = false;
        }
    }

    /// Records that it no longer has any ports.
    pub(crate) fn released(&self, name: &str) {
        for ownership in self
            .0
            .lock()
            .expect("not poisoned")
            .iter_mut()
            .filter(|ownership| ownership.name == name)
        {
            ownership.is_certain = false;
            ownership.until.get_or_insert_with(Instant::now);
        }
    }

    /// Records that an ADD was refused, and checks that the named owner may have had the ports.
    pub(crate) fn refused(&self, name: &str, owner: &str) {
        let ownerships = self.0.lock().expect("not poisoned");
        let own = ownerships.iter().rev().find(|ownership| ownership.name == name);
        let own = own.unwrap_or_else(|| panic!("{name} did not request anything"));
        let may_have = |ownership: &&Ownership| {
            ownership.name == owner
                && ownership.overlaps(&own.ports)
                && ownership.until.is_none_or(|until| until >= own.from)
        };
        assert!(
            ownerships.iter().any(|ownership| may_have(&ownership)),
            "{name} was refused {own:?}, which {owner} cannot have had"
        );
    }
}
