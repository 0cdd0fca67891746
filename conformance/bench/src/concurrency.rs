//! Thirty-two concurrent ADDs, then thirty-two concurrent DELs.

use super::benchmark::Benchmark;
use super::client::{Client, Scheduling};
use super::figures::{Concurrent, RowFigures};
use super::fixture::concurrent_attachment;
use super::mappings::{self, Dump, Presence};
use super::programs::Programs;
use super::rows::Attachment;
use super::statistics::median;
use crate::outcome::Outcome;

const CALLS: usize = 32;

/// The outcome of one repetition.
#[derive(Default)]
struct Repetition {
    add_ms: f64,
    del_ms: f64,
    failed: [usize; 2],
    missing: usize,
    duplicate: usize,
    left_over: usize,
    first_problem: Option<String>,
}

/// The parameters of the measurement.
pub(crate) struct Concurrency<'a> {
    pub(crate) repetitions: usize,
    pub(crate) programs: &'a Programs,
    pub(crate) progress: &'a dyn Fn(&str),
}

impl Concurrency<'_> {
    /// Measures without existing mappings and with `busy` ones, and returns these numbers.
    pub(crate) fn measure(
        &self,
        busy: Option<usize>,
        benchmarks: &mut [Benchmark],
        report: &mut [RowFigures],
    ) -> Vec<usize> {
        self.on_new_hosts(benchmarks, report);
        if let Some(existing) = busy {
            self.on_busy_hosts(existing, benchmarks, report);
        }
        [Some(0), busy].into_iter().flatten().collect()
    }

    /// Measures without existing mappings, each repetition on a new host: only the first ADDs of a
    /// host race to create the shared rules.
    fn on_new_hosts(&self, benchmarks: &mut [Benchmark], report: &mut [RowFigures]) {
        let mut known: Vec<usize> = Vec::new();
        let first = |benchmark: &&mut Benchmark| {
            let is_first = benchmark.row.maps() && !known.contains(&benchmark.index);
            known.push(benchmark.index);
            is_first
        };
        let mut benchmarks: Vec<&mut Benchmark> = benchmarks.iter_mut().filter(first).collect();
        self.interleave(0, &mut benchmarks, report, |benchmark| {
            repeat(&mut benchmark.fresh(self.programs)?, self.programs)
        });
    }

    /// Measures on the hosts with this number of mappings.
    fn on_busy_hosts(
        &self,
        existing: usize,
        benchmarks: &mut [Benchmark],
        report: &mut [RowFigures],
    ) {
        let mut benchmarks: Vec<&mut Benchmark> = benchmarks
            .iter_mut()
            .filter(|benchmark| benchmark.row.maps() && benchmark.existing == existing)
            .collect();
        self.interleave(existing, &mut benchmarks, report, |benchmark| {
            repeat(benchmark, self.programs)
        });
    }

    /// Repeats the measurement, alternating between the benchmarks.
    fn interleave(
        &self,
        existing: usize,
        benchmarks: &mut [&mut Benchmark],
        report: &mut [RowFigures],
        once: impl Fn(&mut Benchmark) -> Outcome<Repetition>,
    ) {
        let mut repetitions: Vec<Vec<Repetition>> = benchmarks.iter().map(|_| Vec::new()).collect();
        for number in 1..=self.repetitions {
            (self.progress)(&format!(
                "{CALLS} concurrent calls with {existing} mappings, {number} of {}",
                self.repetitions
            ));
            for (benchmark, repetitions) in benchmarks.iter_mut().zip(&mut repetitions) {
                match once(benchmark) {
                    Ok(one) => repetitions.push(one),
                    Err(problem) => report[benchmark.index].fail(failure(existing, &problem)),
                }
            }
        }
        for (benchmark, repetitions) in benchmarks.iter().zip(repetitions) {
            finish(&mut report[benchmark.index], existing, repetitions);
        }
    }
}

fn failure(existing: usize, problem: &str) -> String {
    format!("{CALLS} concurrent calls with {existing} mappings: {problem}")
}

fn repeat(benchmark: &mut Benchmark, programs: &Programs) -> Outcome<Repetition> {
    // They have to share the processors, which real-time processes do badly.
    let mut client = Client::start(Scheduling::Nice, &benchmark.fixture.host, &programs.caller)?;
    let footprint = benchmark.footprint().ok_or("this row maps no ports")?;
    let attachments: Vec<Attachment> = (0..CALLS).map(concurrent_attachment).collect();
    let ports: Vec<u16> = attachments.iter().map(|attachment| attachment.port).collect();
    let mut repetition = Repetition::default();
    for (index, verb) in ["ADD", "DEL"].into_iter().enumerate() {
        let calls: Vec<_> =
            attachments.iter().map(|attachment| benchmark.row.call(verb, attachment)).collect();
        let answer = client.run_all(&calls)?;
        let problems: Vec<String> =
            answer.completions.iter().filter_map(|end| end.problem()).collect();
        repetition.failed[index] = problems.len();
        if let Some(problem) = problems.first() {
            repetition.first_problem.get_or_insert_with(|| format!("{verb}: {problem}"));
        }
        let dump = Dump::take(&benchmark.fixture.host)?;
        let Presence { complete, missing, duplicate } =
            mappings::presence(&dump.count(), &ports, footprint);
        if verb == "ADD" {
            repetition.add_ms = answer.micros / 1e3;
            repetition.missing = missing;
            repetition.duplicate = duplicate + dump.repeated();
        } else {
            repetition.del_ms = answer.micros / 1e3;
            repetition.left_over = complete + duplicate;
        }
    }
    Ok(repetition)
}

fn finish(row: &mut RowFigures, existing: usize, repetitions: Vec<Repetition>) {
    if repetitions.is_empty() {
        return;
    }
    let sum = |of: fn(&Repetition) -> usize| repetitions.iter().map(of).sum();
    let middle =
        |of: fn(&Repetition) -> f64| median(&repetitions.iter().map(of).collect::<Vec<_>>());
    row.concurrent.push(Concurrent {
        existing,
        calls: CALLS,
        add_ms: middle(|one| one.add_ms),
        del_ms: middle(|one| one.del_ms),
        add_failed: sum(|one| one.failed[0]),
        del_failed: sum(|one| one.failed[1]),
        missing: sum(|one| one.missing),
        duplicate: sum(|one| one.duplicate),
        left_over: sum(|one| one.left_over),
    });
    for problem in repetitions.into_iter().filter_map(|one| one.first_problem) {
        row.fail(failure(existing, &problem));
    }
}
