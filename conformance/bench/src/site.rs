//! A row beside so many existing mappings: its host, and what has been measured there.

use super::caller::Scheduling;
use super::figures::{Calls, RowFigures, Traffic};
use super::programs::Programs;
use super::rows::{Kind, Row, plain};
use super::scene::{Scene, measured};
use super::statistics;
use super::stock::{self, Dump, Form, InPlace};
use crate::Outcome;

/// A place of measurement.
pub(crate) struct Site {
    /// Which row of the table.
    pub(crate) index: usize,
    pub(crate) row: Row,
    pub(crate) existing: usize,
    pub(crate) scene: Scene,
    /// None for rows that map nothing.
    form: Option<Form>,
    adds: Vec<f64>,
    dels: Vec<f64>,
    failed: [usize; 2],
    peak_kib: u64,
    own_kib: u64,
    made: usize,
    pub(crate) failures: Vec<String>,
    pub(crate) traffic: Option<Traffic>,
}

impl Site {
    /// Makes the host and puts the mappings in place.
    pub(crate) fn prepare(
        index: usize,
        row: &Row,
        existing: usize,
        programs: &Programs,
        scheduling: Scheduling,
    ) -> Outcome<Self> {
        let mut scene = Scene::new(row, programs, scheduling)?;
        let form = if row.maps() { Some(stock::fill(&mut scene, row, existing)?) } else { None };
        if [plain::TRANSACTION, plain::STATIC_TRANSACTION].contains(&row.name.as_str()) {
            floor(&scene, existing);
        }
        let site = Self::of(index, row, existing, scene, form);
        site.verify(&[])?;
        Ok(site)
    }

    /// A site of the same row with nothing in place, and nothing that an earlier call might have left.
    pub(crate) fn fresh(&self, programs: &Programs) -> Outcome<Self> {
        let scene = Scene::new(&self.row, programs, Scheduling::Ordinary)?;
        Ok(Self::of(self.index, &self.row, 0, scene, self.form))
    }

    fn of(index: usize, row: &Row, existing: usize, scene: Scene, form: Option<Form>) -> Self {
        Self {
            index,
            row: row.clone(),
            existing,
            scene,
            form,
            adds: Vec::new(),
            dels: Vec::new(),
            failed: [0; 2],
            peak_kib: 0,
            own_kib: 0,
            made: 0,
            failures: Vec::new(),
            traffic: None,
        }
    }

    /// An ADD and its DEL: how long both took in microseconds. Measured ones are kept.
    pub(crate) fn round(&mut self, keep: bool) -> Outcome<f64> {
        self.made += 1;
        let attachment = measured(self.made);
        let mut sum = 0.0;
        for (index, verb) in ["ADD", "DEL"].into_iter().enumerate() {
            let end = self.scene.caller.one(self.row.call(verb, &attachment))?;
            sum += end.micros;
            self.peak_kib = self.peak_kib.max(end.peak_kib);
            match end.complaint() {
                Some(problem) => {
                    self.failed[index] += 1;
                    self.failures.push(format!("{verb}: {problem}"));
                }
                None if keep && index == 0 => self.adds.push(end.micros),
                None if keep => self.dels.push(end.micros),
                None => {}
            }
        }
        Ok(sum)
    }

    /// An ADD and its DEL whose memory is watched.
    pub(crate) fn watch(&mut self) -> Outcome {
        for verb in ["ADD", "DEL"] {
            let mut call = self.row.call(verb, &measured(0));
            call.watch = true;
            self.own_kib = self.own_kib.max(self.scene.caller.well(call)?.own_kib);
        }
        Ok(())
    }

    /// The ADD alone, for the traffic to have a way; its effect is verified.
    pub(crate) fn open(&mut self) -> Outcome {
        let attachment = measured(0);
        self.scene.caller.well(self.row.call("ADD", &attachment))?;
        self.verify(&[attachment.port])
    }

    /// The DEL of it.
    pub(crate) fn close(&mut self) -> Outcome {
        self.scene.caller.well(self.row.call("DEL", &measured(0)))?;
        self.verify(&[])
    }

    /// The existing mappings must be in place, and these host ports, and nothing twice.
    pub(crate) fn verify(&self, more: &[u16]) -> Outcome {
        let Some(form) = self.form else { return Ok(()) };
        let ports = [stock::ports(self.existing), more.to_vec()].concat();
        let counted = Dump::take(&self.scene.host)?.count();
        let place = stock::in_place(&counted, &ports, form);
        let all_whole = InPlace { whole: ports.len(), ..InPlace::default() };
        if place != all_whole {
            let InPlace { whole, missing, double } = place;
            return Err(format!(
                "of {} mappings in its rules {whole} are whole, {missing} missing or broken, {double} double",
                ports.len()
            ));
        }
        match self.listed()? {
            Some(listed) if listed != ports.len() => {
                Err(format!("`list` knows {listed} mappings, and there are {}", ports.len()))
            }
            _ => Ok(()),
        }
    }

    /// What our own `list` counts.
    fn listed(&self) -> Outcome<Option<usize>> {
        if self.row.kind != Kind::Ours {
            return Ok(None);
        }
        let mut command = self.scene.host.command(&self.row.program);
        let output =
            command.args(["list", "--json"]).output().map_err(|error| error.to_string())?;
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("list --json: {error}"))?;
        Ok(listed.as_array().map(Vec::len))
    }

    /// How a mapping is written here.
    pub(crate) fn form(&self) -> Option<Form> {
        self.form
    }

    /// Adds what was measured here to its row.
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
            row.fail(format!("with {} existing: {problem}", self.existing));
        }
    }
}

/// The map into which the floor's one transaction puts its element.
fn floor(scene: &Scene, existing: usize) {
    let elements: Vec<String> = stock::ports(existing)
        .iter()
        .map(|port| format!("tcp . {port} : 10.200.1.2 . 80"))
        .collect();
    let elements = match elements.as_slice() {
        [] => String::new(),
        some => format!("elements = {{ {} }}", some.join(", ")),
    };
    let types = "type inet_proto . inet_service : ipv4_addr . inet_service;";
    let text = format!("table inet floor {{\nmap ports {{\n{types}\n{elements}\n}}\n}}\n");
    scene.host.write("/run/bench-floor", &text);
    scene.host.sh("nft -f /run/bench-floor; rm /run/bench-floor");
}
