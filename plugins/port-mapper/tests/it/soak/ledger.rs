//! Who may hold which host ports when, as an onlooker knows it.

use std::sync::Mutex;
use std::time::Instant;

use fastrand::Rng;
use serde_json::{Value, json};

/// Few, so that many want the same.
const FIRST: u16 = 8000;
const PORTS: u16 = 150;

/// Some host ports that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    protocol: &'static str,
    address: &'static str,
    first: u16,
    count: u16,
}

impl Ports {
    /// Up to three, none of which overlaps another.
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
        json!({"protocol": protocol, "hostIP": address, "hostPort": first, "containerPort": first, "range": count})
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

/// A time in which an attachment may hold ports.
#[derive(Debug)]
struct Term {
    who: String,
    ports: Vec<Ports>,
    from: Instant,
    until: Option<Instant>,
    /// Its ADD said so, and no DEL has begun.
    is_sure: bool,
}

impl Term {
    fn wants_same(&self, ports: &[Ports]) -> bool {
        self.ports.iter().any(|mine| ports.iter().any(|theirs| mine.overlap(theirs)))
    }
}

/// All terms so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<Term>>);

impl Ledger {
    /// Its ADD begins.
    pub(crate) fn asks(&self, who: &str, ports: &[Ports]) {
        let (who, ports) = (who.to_owned(), ports.to_vec());
        let term = Term { who, ports, from: Instant::now(), until: None, is_sure: false };
        self.0.lock().expect("whole").push(term);
    }

    /// Its ADD succeeded: nobody else can have succeeded with the same ports.
    pub(crate) fn got(&self, who: &str) {
        let mut terms = self.0.lock().expect("whole");
        let mine = terms.iter().position(|term| term.who == who && term.until.is_none());
        let mine = mine.unwrap_or_else(|| panic!("{who} did not ask"));
        let ports = terms[mine].ports.clone();
        let other = terms.iter().find(|term| term.is_sure && term.wants_same(&ports));
        assert!(other.is_none(), "{who} got {ports:?}, which is held: {other:?}");
        terms[mine].is_sure = true;
    }

    /// Its DEL begins, or something was killed: from now on it may hold them, or not.
    pub(crate) fn may_leave(&self, who: &str) {
        for term in self.0.lock().expect("whole").iter_mut().filter(|term| term.who == who) {
            term.is_sure = false;
        }
    }

    /// It holds nothing any more.
    pub(crate) fn left(&self, who: &str) {
        for term in self.0.lock().expect("whole").iter_mut().filter(|term| term.who == who) {
            term.is_sure = false;
            term.until.get_or_insert_with(Instant::now);
        }
    }

    /// Its ADD was refused since `winner` holds what it asked for: can that be true?
    pub(crate) fn lost(&self, who: &str, winner: &str) {
        let terms = self.0.lock().expect("whole");
        let mine = terms.iter().rev().find(|term| term.who == who);
        let mine = mine.unwrap_or_else(|| panic!("{who} did not ask"));
        let could = |term: &&Term| {
            term.who == winner
                && term.wants_same(&mine.ports)
                && term.until.is_none_or(|until| until >= mine.from)
        };
        assert!(
            terms.iter().any(|term| could(&term)),
            "{who} lost {mine:?} to {winner}, who had none"
        );
    }
}
