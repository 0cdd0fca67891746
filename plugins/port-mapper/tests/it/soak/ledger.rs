//! A ledger of the attachments that may have host ports at a time, as an observer knows it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
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

    /// Returns one or two random ports of the first `ports`, on all addresses of the host.
    pub(crate) fn few(rng: &mut Rng, ports: u16) -> Vec<Self> {
        let first = FIRST + rng.u16(..ports);
        let second = FIRST + rng.u16(..ports);
        match first == second {
            true => vec![Self::tcp(first)],
            false => vec![Self::tcp(first), Self::tcp(second)],
        }
    }

    /// Returns a TCP port on all addresses of the host.
    pub(crate) fn tcp(first: u16) -> Self {
        Self { protocol: "tcp", address: "", first, count: 1 }
    }

    /// Returns the first port.
    pub(crate) fn first(&self) -> u16 {
        self.first
    }

    pub(crate) fn mapping(&self) -> Value {
        let Self { protocol, address, first, count } = self;
        json!({
            "protocol": protocol, "hostIP": address, "range": count,
            "hostPort": first, "containerPort": first,
        })
    }

    pub(crate) fn overlap(&self, other: &Self) -> bool {
        let same_address =
            self.address == other.address || self.address.is_empty() || other.address.is_empty();
        self.protocol == other.protocol
            && same_address
            && self.first < other.first + other.count
            && other.first < self.first + self.count
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, address, first, count } = self;
        write!(f, "{protocol} {address}{}{first}", if address.is_empty() { "" } else { ":" })?;
        if *count > 1 { write!(f, "+{count}") } else { Ok(()) }
    }
}

/// Returns a list of ports for people.
pub(crate) fn shown(ports: &[Ports]) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A period in which an attachment may have ports.
#[derive(Debug)]
struct Ownership {
    name: String,
    ports: Vec<Ports>,
    /// When its ADD began.
    requested: Instant,
    /// When its ADD had succeeded.
    granted: Option<Instant>,
    /// When a DEL began, or a call was killed: from then on it is uncertain whether it has them.
    releasing: Option<Instant>,
    /// When it certainly no longer has them.
    released: Option<Instant>,
}

impl Ownership {
    fn overlaps(&self, ports: &[Ports]) -> bool {
        self.ports.iter().any(|own| ports.iter().any(|other| own.overlap(other)))
    }

    /// Whether it certainly has its ports at some time from `since`: its ADD has succeeded, and no
    /// DEL had begun by then.
    fn is_certain(&self, since: Instant) -> bool {
        self.granted.is_some() && self.releasing.is_none_or(|releasing| releasing > since)
    }

    /// Returns a line with its times, in milliseconds from `start`.
    fn line(&self, start: Instant) -> String {
        let millis = |at: Option<Instant>| match at {
            Some(at) => at.saturating_duration_since(start).as_millis().to_string(),
            None => "-".to_owned(),
        };
        format!(
            "{}: ADD from {} to {}, may lose them from {}, released at {}: {}\n",
            self.name,
            millis(Some(self.requested)),
            millis(self.granted),
            millis(self.releasing),
            millis(self.released),
            shown(&self.ports)
        )
    }
}

/// All ownerships so far.
#[derive(Debug)]
pub(crate) struct Ledger {
    start: Instant,
    ownerships: Mutex<Vec<Ownership>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { start: Instant::now(), ownerships: Mutex::default() }
    }
}

impl Ledger {
    fn ownerships(&self) -> MutexGuard<'_, Vec<Ownership>> {
        self.ownerships.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that an ADD begins.
    pub(crate) fn requested(&self, name: &str, ports: &[Ports]) {
        let (name, ports, requested) = (name.to_owned(), ports.to_vec(), Instant::now());
        let ownership =
            Ownership { name, ports, requested, granted: None, releasing: None, released: None };
        self.ownerships().push(ownership);
    }

    /// Records that an ADD succeeded, and checks that no other attachment certainly has the ports.
    ///
    /// # Errors
    /// The conflict.
    pub(crate) fn granted(&self, name: &str) -> Result<(), String> {
        let now = Instant::now();
        let mut ownerships = self.ownerships();
        let own = ownerships
            .iter()
            .position(|ownership| ownership.name == name && ownership.released.is_none());
        let own = own.unwrap_or_else(|| panic!("{name} did not request anything"));
        let ports = ownerships[own].ports.clone();
        let other = ownerships.iter().find(|other| other.is_certain(now) && other.overlaps(&ports));
        let conflict = other.map(|other| {
            let shared = ports.iter().filter(|port| other.overlaps(&[**port])).copied();
            format!("{name} and {} both have {}", other.name, shown(&shared.collect::<Vec<_>>()))
        });
        ownerships[own].granted = Some(now);
        match conflict {
            None => Ok(()),
            Some(conflict) => Err(conflict),
        }
    }

    /// Records that a DEL begins or a call was killed: whether it has its ports is uncertain.
    pub(crate) fn releasing(&self, name: &str) {
        let now = Instant::now();
        for ownership in self.ownerships().iter_mut().filter(|ownership| ownership.name == name) {
            ownership.releasing.get_or_insert(now);
        }
    }

    /// Records that it no longer has any ports.
    pub(crate) fn released(&self, name: &str) {
        self.releasing(name);
        for ownership in self.ownerships().iter_mut().filter(|ownership| ownership.name == name) {
            ownership.released.get_or_insert_with(Instant::now);
        }
    }

    /// Records that an ADD was refused, and checks that the named owner may have had the ports.
    ///
    /// # Errors
    /// If it cannot have had them.
    pub(crate) fn refused(&self, name: &str, owner: &str) -> Result<(), String> {
        let ownerships = self.ownerships();
        let own = ownerships.iter().rev().find(|ownership| ownership.name == name);
        let own = own.unwrap_or_else(|| panic!("{name} did not request anything"));
        let may_have = |ownership: &&Ownership| {
            ownership.name == owner
                && ownership.overlaps(&own.ports)
                && ownership.released.is_none_or(|released| released >= own.requested)
        };
        match ownerships.iter().any(|ownership| may_have(&ownership)) {
            true => Ok(()),
            false => {
                let ports = shown(&own.ports);
                Err(format!("{name} was refused {ports}, which {owner} cannot have had"))
            }
        }
    }

    /// Returns all ownerships of these ports, a line each, with times in milliseconds.
    pub(crate) fn history(&self, ports: &[Ports]) -> String {
        let ownerships = self.ownerships();
        let of_ports = ownerships.iter().filter(|ownership| ownership.overlaps(ports));
        of_ports.map(|ownership| ownership.line(self.start)).collect()
    }

    /// Returns the ports that an attachment requested last.
    pub(crate) fn last_requested(&self, name: &str) -> Vec<Ports> {
        let ownerships = self.ownerships();
        let last = ownerships.iter().rev().find(|ownership| ownership.name == name);
        last.map(|last| last.ports.clone()).unwrap_or_default()
    }
}
