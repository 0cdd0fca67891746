//! `cargo xtask bench`: measures whole processes and new connections of port mappers.
//!
//! [`run`] is the order of events. A row (`rows/`) is a program and how it is called, a benchmark
//! (`benchmark`, `fixture`, `mappings/`) is a row with a number of existing mappings on a separate
//! host. The measurements of all benchmarks are interleaved (`rounds`, `traffic`, `concurrency`,
//! `processes`). They result in plain data (`figures`), from which thresholds, tables and chart are
//! made without looking at the machine again.

mod benchmark;
mod chart;
mod client;
#[cfg(test)]
mod committed;
mod concurrency;
mod figures;
mod fixture;
mod machine;
mod mappings;
mod options;
mod outcome;
mod processes;
mod programs;
mod protocol;
mod rounds;
mod rows;
#[cfg(test)]
mod sample;
mod statistics;
mod table;
mod thresholds;
mod traffic;

use std::io::{IsTerminal, stderr};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;

use cni_output::{err, errln, finish, out};

use benchmark::Benchmark;
use client::Scheduling;
use figures::{Figures, RowFigures};
use machine::Machine;
use options::{HELP, Options};
use outcome::Outcome;
use programs::Programs;
use rows::{Row, baseline};
use thresholds::{Threshold, Verdict};

/// The number of existing mappings for concurrent calls, which take a slow peer half a minute.
const BUSY: usize = 1000;
const COULD_NOT_MEASURE: u8 = 2;

fn main() -> ExitCode {
    let status = match options::parse(std::env::args_os().skip(1)) {
        Ok(options) if options.help => {
            out!("{HELP}");
            ExitCode::SUCCESS
        }
        // The hosts of the test kit panic if the machine does not allow them.
        Ok(options) => match catch_unwind(|| run(&options)) {
            Ok(Ok(thresholds)) => exit_status(&thresholds),
            Ok(Err(problem)) => could_not(&problem),
            Err(_) => could_not("see above"),
        },
        Err(problem) => could_not(&format!("{problem}; see cargo xtask bench --help")),
    };
    finish("xtask bench", status, COULD_NOT_MEASURE)
}

/// Fails if a threshold is missed; one that this run does not measure is not missed.
fn exit_status(thresholds: &[Threshold]) -> ExitCode {
    let missed = thresholds.iter().any(|threshold| threshold.verdict == Verdict::Missed);
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn could_not(problem: &str) -> ExitCode {
    errln!("xtask bench: {problem}");
    ExitCode::from(COULD_NOT_MEASURE)
}

/// Builds, measures, prints and writes; returns the thresholds with their verdicts.
fn run(options: &Options) -> Outcome<Vec<Threshold>> {
    if !rustix::process::geteuid().is_root() {
        return Err("the benchmark needs root for network namespaces, large netlink batches and \
                    real-time scheduling"
            .to_owned());
    }
    let programs = programs::build(options)?;
    let figures = measure(options, &programs)?;
    let thresholds = thresholds::judge(&figures);
    out!("{}", table::all(&figures, &thresholds));
    if let Some(path) = &options.json {
        write(path, &json(&figures, &thresholds)?)?;
    }
    if let Some(path) = &options.svg {
        write(path, &chart::draw(&figures))?;
    }
    Ok(thresholds)
}

/// Measures everything in this order: calls, traffic, concurrent calls, processes.
fn measure(options: &Options, programs: &Programs) -> Outcome<Figures> {
    let progress = progress();
    let scheduling = Scheduling::best();
    let rows = rows::all(options, programs)?;
    let mut report: Vec<RowFigures> = rows.iter().map(blank).collect();
    let mut benchmarks = prepare(&rows, &mut report, options, programs, scheduling, &progress);
    rounds::measure(&mut benchmarks, options.calls, &progress)?;
    let direct = benchmarks.iter().position(|benchmark| benchmark.row.name == baseline::DELEGATE);
    let runs = if options.quick { 5 } else { 15 }.min(options.calls);
    traffic::Measurement { direct, runs, programs, scheduling, progress: &progress }
        .measure(&mut benchmarks)?;
    let repetitions = if options.quick { 1 } else { 3 }.min(options.calls);
    let concurrency = concurrency::Concurrency { repetitions, programs, progress: &progress };
    let busy = (!options.quick && options.existing.contains(&BUSY)).then_some(BUSY);
    let concurrent = concurrency.measure(busy, &mut benchmarks, &mut report);
    count_processes(&mut benchmarks, &mut report, &progress);
    for benchmark in &mut benchmarks {
        benchmark.report(&mut report[benchmark.index]);
    }
    let machine = Machine::observe(scheduling, !options.unoptimised);
    let existing = options.existing.clone();
    Ok(Figures { version: 2, machine, existing, concurrent, rows: report })
}

fn blank(row: &Row) -> RowFigures {
    RowFigures {
        name: row.name.clone(),
        kind: row.kind,
        failures: Vec::new(),
        binary_bytes: std::fs::metadata(&row.program).map_or(0, |file| file.len()),
        calls: Vec::new(),
        traffic: Vec::new(),
        concurrent: Vec::new(),
        processes: None,
    }
}

/// Prepares all benchmarks; a row that fails is left out, with the reason in its figures.
fn prepare(
    rows: &[Row],
    report: &mut [RowFigures],
    options: &Options,
    programs: &Programs,
    scheduling: Scheduling,
    progress: &dyn Fn(&str),
) -> Vec<Benchmark> {
    let mut benchmarks = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for existing in options.existing.iter().copied() {
            if !row.by_existing && existing != options.existing[0] {
                continue;
            }
            progress(&format!("preparing {} with {existing} mappings", row.name));
            match Benchmark::prepare(index, row, existing, programs, scheduling) {
                Ok(benchmark) => benchmarks.push(benchmark),
                Err(problem) => {
                    report[index].fail(problem);
                    break;
                }
            }
        }
    }
    benchmarks
}

/// Counts the processes of each row on its host with the fewest mappings.
fn count_processes(
    benchmarks: &mut [Benchmark],
    report: &mut [RowFigures],
    progress: &dyn Fn(&str),
) {
    progress("counting processes");
    for benchmark in benchmarks {
        let figures = &mut report[benchmark.index];
        if figures.processes.is_none() {
            match processes::count(&benchmark.row, &mut benchmark.fixture) {
                Ok(counted) => figures.processes = Some(counted),
                Err(problem) => figures.fail(format!("strace: {problem}")),
            }
        }
    }
}

fn json(figures: &Figures, thresholds: &[Threshold]) -> Outcome<String> {
    let mut value = serde_json::to_value(figures).map_err(|error| error.to_string())?;
    value["thresholds"] = serde_json::to_value(thresholds).map_err(|error| error.to_string())?;
    let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    Ok(format!("{text}\n"))
}

fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Prints the current step: on a terminal in one line, otherwise in a line for each step.
fn progress() -> impl Fn(&str) {
    let terminal = stderr().is_terminal();
    move |text: &str| {
        if terminal {
            err!("\r\x1b[K{text}\r");
        } else {
            errln!("{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_shows_whether_a_threshold_is_missed() {
        let threshold = |verdict| Threshold {
            name: "one".to_owned(),
            limit: 1.0,
            relation: thresholds::Relation::AtMost,
            measured: None,
            verdict,
        };
        let status = |verdicts: &[Verdict]| {
            let thresholds: Vec<Threshold> = verdicts.iter().copied().map(threshold).collect();
            exit_status(&thresholds)
        };
        assert_eq!(status(&[Verdict::Met, Verdict::NotMeasured]), ExitCode::SUCCESS);
        assert_eq!(status(&[Verdict::Met, Verdict::Missed]), ExitCode::FAILURE);
    }
}
