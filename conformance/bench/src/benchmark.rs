//! A row with a number of existing mappings: its host, and the figures so far.

use super::client::Scheduling;
use super::figures::{Calls, RowFigures, Traffic};
use super::fixture::{Fixture, measured_attachment};
use super::mappings::{self, Dump, Footprint, Presence};
use super::programs::Programs;
use super::rows::{Kind, Row, baseline};
use super::statistics;
use crate::outcome::Outcome;

/// A row with a number of existing mappings.
pub(crate) struct Benchmark {
    /// The index of the row in the table.
    pub(crate) index: usize,
    pub(crate) row: Row,
    pub(crate) existing: usize,
    pub(crate) fixture: Fixture,
    /// `None` for rows that map no ports.
    footprint: Option<Footprint>,
    adds: Vec<f64>,
    dels: Vec<f64>,
    failed: [usize; 2],
    peak_kib: u64,
    own_kib: u64,
    count: usize,
    pub(crate) failures: Vec<String>,
    pub(crate) traffic: Option<Traffic>,
}

impl Benchmark {
    /// Creates the host and its existing mappings.
    pub(crate) fn prepare(
        index: usize,
        row: &Row,
        existing: usize,
        programs: &Programs,
        scheduling: Scheduling,
    ) -> Outcome<Self> {
        let mut fixture = Fixture::new(row, programs, scheduling)?;
        let footprint =
            if row.maps() { Some(mappings::create(&mut fixture, row, existing)?) } else { None };
        if [baseline::TRANSACTION, baseline::STATIC_TRANSACTION].contains(&row.name.as_str()) {
            transaction_map(&fixture, existing);
        }
        let benchmark = Self::of(index, row, existing, fixture, footprint);
        benchmark.verify(&[])?;
        Ok(benchmark)
    }

    /// Returns a benchmark of the same row on a new host without mappings.
    pub(crate) fn fresh(&self, programs: &Programs) -> Outcome<Self> {
        let fixture = Fixture::new(&self.row, programs, Scheduling::Ordinary)?;
        Ok(Self::of(self.index, &self.row, 0, fixture, self.footprint))
    }

    fn of(
        index: usize,
        row: &Row,
        existing: usize,
        fixture: Fixture,
        footprint: Option<Footprint>,
    ) -> Self {
        Self {
            index,
            row: row.clone(),
            existing,
            fixture,
            footprint,
            adds: Vec::new(),
            dels: Vec::new(),
            failed: [0; 2],
            peak_kib: 0,
            own_kib: 0,
            count: 0,
            failures: Vec::new(),
            traffic: None,
        }
    }

    /// Makes an ADD and its DEL, and returns how long both took in microseconds. `keep` records
    /// them.
    pub(crate) fn round(&mut self, keep: bool) -> Outcome<f64> {
        self.count += 1;
        let attachment = measured_attachment(self.count);
        let mut sum = 0.0;
        for (index, verb) in ["ADD", "DEL"].into_iter().enumerate() {
            let completion = self.fixture.client.run(self.row.call(verb, &attachment))?;
            sum += completion.micros;
            self.peak_kib = self.peak_kib.max(completion.peak_kib);
            match completion.problem() {
                Some(problem) => {
                    self.failed[index] += 1;
                    self.failures.push(format!("{verb}: {problem}"));
                }
                None if keep && index == 0 => self.adds.push(completion.micros),
                None if keep => self.dels.push(completion.micros),
                None => {}
            }
        }
        Ok(sum)
    }

    /// Makes an ADD and its DEL, and measures their memory.
    pub(crate) fn watch(&mut self) -> Outcome {
        for verb in ["ADD", "DEL"] {
            let mut call = self.row.call(verb, &measured_attachment(0));
            call.watch = true;
            self.own_kib = self.own_kib.max(self.fixture.client.run_ok(call)?.own_kib);
        }
        Ok(())
    }

    /// Makes only the ADD, so that traffic is forwarded, and verifies its effect.
    pub(crate) fn open(&mut self) -> Outcome {
        let attachment = measured_attachment(0);
        self.fixture.client.run_ok(self.row.call("ADD", &attachment))?;
        self.verify(&[attachment.port])
    }

    /// Makes the DEL for [`Self::open`].
    pub(crate) fn close(&mut self) -> Outcome {
        self.fixture.client.run_ok(self.row.call("DEL", &measured_attachment(0)))?;
        self.verify(&[])
    }

    /// Verifies that the existing mappings and these host ports exist once, and no others.
    pub(crate) fn verify(&self, more: &[u16]) -> Outcome {
        let Some(footprint) = self.footprint else { return Ok(()) };
        let ports = [mappings::ports(self.existing), more.to_vec()].concat();
        let counted = Dump::take(&self.fixture.host)?.count();
        let presence = mappings::presence(&counted, &ports, footprint);
        let expected = Presence { complete: ports.len(), ..Presence::default() };
        if presence != expected {
            let Presence { complete, missing, duplicate } = presence;
            return Err(format!(
                "of {} mappings {complete} are complete, {missing} missing or incomplete, \
                 {duplicate} duplicate",
                ports.len()
            ));
        }
        match self.listed()? {
            Some(listed) if listed != ports.len() => {
                Err(format!("`list` prints {listed} mappings instead of {}", ports.len()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of mappings that our own `list` prints.
    fn listed(&self) -> Outcome<Option<usize>> {
        if self.row.kind != Kind::Ours {
            return Ok(None);
        }
        let mut command = self.fixture.host.command(&self.row.program);
        let output =
            command.args(["list", "--json"]).output().map_err(|error| error.to_string())?;
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("list --json: {error}"))?;
        Ok(listed["mappings"].as_array().map(Vec::len))
    }

    /// Returns the footprint of one mapping.
    pub(crate) fn footprint(&self) -> Option<Footprint> {
        self.footprint
    }

    /// Adds the figures to the row.
    pub(crate) fn report(&mut self, row: &mut RowFigures) {
        row.calls.push(Calls {
            existing: self.existing,
            add: statistics::times(&self.adds, self.failed[0]),
            del: statistics::times(&self.dels, self.failed[1]),
            peak_kib: self.peak_kib,
            own_kib: self.own_kib,
        });
        row.traffic.extend(self.traffic.take());
        for problem in std::mem::take(&mut self.failures) {
            row.fail(format!("with {} mappings: {problem}", self.existing));
        }
    }
}

/// Creates the map into which the transaction of the baseline puts its element.
fn transaction_map(fixture: &Fixture, existing: usize) {
    let elements: Vec<String> = mappings::ports(existing)
        .iter()
        .map(|port| format!("tcp . {port} : 10.200.1.2 . 80"))
        .collect();
    let elements = match elements.as_slice() {
        [] => String::new(),
        some => format!("elements = {{ {} }}", some.join(", ")),
    };
    let types = "type inet_proto . inet_service : ipv4_addr . inet_service;";
    let text = format!("table inet baseline {{\nmap ports {{\n{types}\n{elements}\n}}\n}}\n");
    fixture.host.write("/run/bench-baseline", &text);
    fixture.host.sh("nft -f /run/bench-baseline; rm /run/bench-baseline");
}
