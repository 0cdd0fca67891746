//! `cargo xtask bench`: measures whole processes and new connections, ours and others'.
//!
//! [`run`] is the order of events. A row is a program and a way to call it (`rows/`); a site is a
//! row with a number of existing mappings, on a host of its own (`site`, `scene`, `stock/`). The
//! measurements of all sites are interleaved (`rounds`, `traffic`, `at_once`, `processes`). Their
//! result is plain data (`figures`), from which bars, table and chart are made without looking at
//! the machine again.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod at_once;
mod bars;
mod caller;
mod chart;
mod figures;
mod machine;
mod options;
mod processes;
mod programs;
mod protocol;
mod rounds;
mod rows;
#[cfg(test)]
mod sample;
mod scene;
mod site;
mod statistics;
mod stock;
mod table;
mod traffic;

use std::io::{IsTerminal, stderr};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;

use bars::{Bar, Verdict};
use caller::Scheduling;
use figures::{Figures, RowFigures};
use machine::Machine;
use options::{HELP, Options};
use programs::Programs;
use rows::{Row, plain};
use site::Site;

/// A sentence that says what failed is the error.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Beside so many, many begin at once; a slow peer takes half a minute for it.
const BESIDE: usize = 1000;
const COULD_NOT_MEASURE: u8 = 2;

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(options) if options.help => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        // The test kit's hosts panic when the machine does not allow them.
        Ok(options) => match catch_unwind(|| run(&options)) {
            Ok(Ok(bars)) => exit_status(&bars),
            Ok(Err(problem)) => could_not(&problem),
            Err(_) => could_not("see above"),
        },
        Err(problem) => could_not(&format!("{problem}; see cargo xtask bench --help")),
    }
}

/// Fails if a bar is missed; one that this run does not measure is not missed.
fn exit_status(bars: &[Bar]) -> ExitCode {
    let missed = bars.iter().any(|bar| bar.verdict == Verdict::Missed);
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn could_not(problem: &str) -> ExitCode {
    eprintln!("xtask bench: {problem}");
    ExitCode::from(COULD_NOT_MEASURE)
}

/// Builds, measures, prints and writes; returns the judged bars.
fn run(options: &Options) -> Outcome<Vec<Bar>> {
    if !rustix::process::geteuid().is_root() {
        return Err("it needs root, for network namespaces, large netlink batches and \
                    real-time scheduling"
            .to_owned());
    }
    let programs = programs::build(options)?;
    let figures = measure(options, &programs)?;
    let bars = bars::judge(&figures);
    print!("{}", table::all(&figures, &bars));
    if let Some(path) = &options.json {
        write(path, &json(&figures, &bars)?)?;
    }
    if let Some(path) = &options.svg {
        write(path, &chart::draw(&figures))?;
    }
    Ok(bars)
}

/// Everything that is measured, in this order: calls, traffic, many at once, processes.
fn measure(options: &Options, programs: &Programs) -> Outcome<Figures> {
    let say = progress();
    let scheduling = Scheduling::best();
    let rows = rows::all(options, programs)?;
    let mut report: Vec<RowFigures> = rows.iter().map(blank).collect();
    let mut sites = prepare(&rows, &mut report, options, programs, scheduling, &say);
    rounds::measure(&mut sites, options.calls, &say)?;
    let direct = sites.iter().position(|site| site.row.name == plain::DELEGATE);
    let runs = if options.quick { 5 } else { 15 }.min(options.calls);
    traffic::Measurement { direct, runs, programs, scheduling, say: &say }.of(&mut sites)?;
    let repetitions = if options.quick { 1 } else { 3 }.min(options.calls);
    let many = at_once::Many { repetitions, programs, say: &say };
    let beside = (!options.quick && options.existing.contains(&BESIDE)).then_some(BESIDE);
    let at_once = many.of(beside, &mut sites, &mut report);
    count_processes(&mut sites, &mut report, &say);
    for site in &mut sites {
        site.report(&mut report[site.index]);
    }
    let machine = Machine::look(scheduling, !options.unoptimised);
    let existing = options.existing.clone();
    Ok(Figures { version: 1, machine, existing, at_once, rows: report })
}

fn blank(row: &Row) -> RowFigures {
    RowFigures {
        name: row.name.clone(),
        kind: row.kind,
        failures: Vec::new(),
        binary_bytes: std::fs::metadata(&row.program).map_or(0, |file| file.len()),
        calls: Vec::new(),
        traffic: Vec::new(),
        at_once: Vec::new(),
        processes: None,
    }
}

/// All sites; a row that refuses is out, with the reason in its figures.
fn prepare(
    rows: &[Row],
    report: &mut [RowFigures],
    options: &Options,
    programs: &Programs,
    scheduling: Scheduling,
    say: &dyn Fn(&str),
) -> Vec<Site> {
    let mut sites = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for existing in options.existing.iter().copied() {
            if !row.by_existing && existing != options.existing[0] {
                continue;
            }
            say(&format!("preparing {} beside {existing} mappings", row.name));
            match Site::prepare(index, row, existing, programs, scheduling) {
                Ok(site) => sites.push(site),
                Err(problem) => {
                    report[index].fail(problem);
                    break;
                }
            }
        }
    }
    sites
}

/// On the host of each row with the least in place.
fn count_processes(sites: &mut [Site], report: &mut [RowFigures], say: &dyn Fn(&str)) {
    say("counting processes");
    for site in sites {
        let figures = &mut report[site.index];
        if figures.processes.is_none() {
            match processes::count(&site.row, &mut site.scene) {
                Ok(counted) => figures.processes = Some(counted),
                Err(problem) => figures.fail(format!("strace: {problem}")),
            }
        }
    }
}

fn json(figures: &Figures, bars: &[Bar]) -> Outcome<String> {
    let mut value = serde_json::to_value(figures).map_err(|error| error.to_string())?;
    value["bars"] = serde_json::to_value(bars).map_err(|error| error.to_string())?;
    let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    Ok(format!("{text}\n"))
}

fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Says what is being done: on a terminal in one line, else a line each time it is something else.
fn progress() -> impl Fn(&str) {
    let terminal = stderr().is_terminal();
    move |text: &str| {
        if terminal {
            eprint!("\r\x1b[K{text}\r");
        } else {
            eprintln!("{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_tells_whether_a_bar_is_missed() {
        let bar = |verdict| Bar {
            name: "one".to_owned(),
            limit: 1.0,
            at: bars::Relation::Most,
            measured: None,
            verdict,
        };
        let of = |verdicts: &[Verdict]| {
            let bars: Vec<Bar> = verdicts.iter().copied().map(bar).collect();
            exit_status(&bars)
        };
        assert_eq!(of(&[Verdict::Met, Verdict::NotMeasured]), ExitCode::SUCCESS);
        assert_eq!(of(&[Verdict::Met, Verdict::Missed]), ExitCode::FAILURE);
    }
}
