//! `run`.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};

use cni_conformance::run::{Record, Report, judge, run as run_cases};
use cni_conformance::{Case, Verdict, report};

use super::arguments::Arguments;
use super::{CONFORMS, COULD_NOT_TEST, FAILED, NOTHING_MATCHED};

/// Runs the cases, prints the report, and says with the exit status how it went.
pub(super) fn run(arguments: &Arguments) -> Result<u8, String> {
    if arguments.options.cases().is_empty() {
        println!("no case is named {}", arguments.options.only.join(" "));
        return Ok(NOTHING_MATCHED);
    }
    // A panic is a verdict (broken) here, and told in the report.
    panic::set_hook(Box::new(|_| ()));
    let report = run_cases(&arguments.subject, &arguments.options, &progress())?;
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    if report.records.is_empty() {
        println!("no case is for a plugin of this profile in these versions");
        return Ok(NOTHING_MATCHED);
    }
    print!("{}", report::text(&report, &|case| again(arguments, case)));
    if let Some(path) = &arguments.json {
        let text = format!("{:#}\n", report::json(&report));
        let written = fs::write(path, text);
        written.map_err(|error| format!("can't write {}: {error}", path.display()))?;
    }
    if arguments.keep {
        keep(arguments, &report);
    }
    Ok(exit_status(arguments, &report))
}

/// A line on a terminal that tells how far it is; nothing in a pipe.
fn progress() -> impl Fn(&Record) + Sync {
    let (done, shown) = (AtomicUsize::new(0), io::stderr().is_terminal());
    move |record| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if shown {
            eprint!("\r\x1b[K{done} {} in {}", record.case.id, record.version);
            // Only the look of a progress line depends on it.
            let _ = io::stderr().flush();
        }
    }
}

fn again(arguments: &Arguments, case: &Case) -> String {
    format!("cni-conformance run {} {} --keep", arguments.naming, case.id)
}

fn counts(arguments: &Arguments, record: &Record) -> bool {
    let severity = record.case.requirement().severity_in(record.version);
    let known = arguments.subject.known.contains_key(record.case.id);
    record.finding.is_some() && severity >= arguments.level && !known
}

fn exit_status(arguments: &Arguments, report: &Report) -> u8 {
    if report.records.iter().any(|record| counts(arguments, record)) {
        FAILED
    } else if report.count(Verdict::Broken) > 0 {
        COULD_NOT_TEST
    } else {
        CONFORMS
    }
}

/// Runs the first case that failed once more, and leaves all as it is then until the end of the input.
fn keep(arguments: &Arguments, report: &Report) {
    let Some(failed) = report.records.iter().find(|record| record.finding.is_some()) else {
        return;
    };
    let (record, stage) =
        judge(failed.case, &arguments.subject, failed.version, arguments.options.limit);
    let Some(stage) = stage else { return };
    let pid = stage.host.pid();
    println!("kept: {} in {}, {}", record.case.id, record.version, record.verdict);
    println!("  the host        nsenter --target {pid} --mount --net --pid");
    println!("  its containers  (there) ip netns list; ip netns exec ns1 ip address");
    if let Some(last) = record.exchanges.last() {
        println!("  the last call   {}", by_hand(arguments, last));
    }
    println!("It stays until you press Ctrl-D.");
    // Any end of the input is one.
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

/// The command line that makes a call again, inside the host.
fn by_hand(arguments: &Arguments, exchange: &cni_conformance::exchange::Exchange) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let variables: Vec<String> = exchange
        .environment
        .iter()
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    let plugin = arguments.subject.plugin.display();
    format!("printf %s {} | env -i {} {plugin}", quoted(&exchange.stdin), variables.join(" "))
}
