//! `run`.

use std::io::{self, IsTerminal, Read, Write};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};

use cni_conformance::exchange::Exchange;
use cni_conformance::report::document::Outcome;
use cni_conformance::report::{self, Document, Telling};
use cni_conformance::run::{Record, Report, judge, run as run_cases};

use super::arguments::Arguments;
use super::targets::Kind;
use super::words::quoted;
use super::{CONFORMS, COULD_NOT_TEST, FAILED, NOTHING_MATCHED};

/// Runs the cases, prints the report, and says with the exit status how it went.
pub(super) fn run(arguments: &Arguments) -> Result<u8, String> {
    if arguments.options.cases().is_empty() {
        println!("no case is named {}", arguments.options.only.join(" "));
        return Ok(NOTHING_MATCHED);
    }
    arguments.targets.check()?;
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
    let document = document(arguments, &report);
    if arguments.targets.leaves_stdout() {
        print!("{}", report::text(&document));
    }
    arguments.targets.write(&|kind| render(kind, &document))?;
    if arguments.keep {
        keep(arguments, &report);
    }
    Ok(match document.result {
        Outcome::Success => CONFORMS,
        Outcome::Failure => FAILED,
        Outcome::Broken => COULD_NOT_TEST,
    })
}

fn document(arguments: &Arguments, report: &Report) -> Document {
    let run = format!("cni-conformance run {}", arguments.naming);
    let telling = Telling {
        command: format!("{run}{}", arguments.choice),
        again: &|case| format!("{run} {} --keep", case.id),
        level: arguments.level,
        exchanges: arguments.exchanges,
        about: report::about(&arguments.subject, arguments.options.limit),
    };
    Document::of(report, &telling)
}

fn render(kind: Kind, document: &Document) -> String {
    match kind {
        Kind::Text => report::text(document),
        Kind::Json => document.json(),
        Kind::Junit => report::junit(document),
        Kind::Markdown => report::markdown(document),
        Kind::Html => report::html(std::slice::from_ref(document)),
    }
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

/// Runs the first case that failed once more, and leaves all as it is then until the end of the input.
fn keep(arguments: &Arguments, report: &Report) {
    let Some(failed) = report.records.iter().find(|record| record.finding.is_some()) else {
        return;
    };
    let (record, stage) =
        judge(failed.case, &arguments.subject, failed.version, arguments.options.limit);
    let Some(stage) = stage else { return };
    let pid = stage.host.pid();
    eprintln!("kept: {} in {}, {}", record.case.id, record.version, record.verdict);
    eprintln!("  the host        nsenter --target {pid} --mount --net --pid");
    eprintln!("  its containers  (there) ip netns list; ip netns exec ns1 ip address");
    if let Some(last) = record.exchanges.last() {
        eprintln!("  the last call   {}", by_hand(arguments, last));
    }
    eprintln!("It stays until you press Ctrl-D.");
    // Any end of the input is one.
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

/// The command line that makes a call again, inside the host.
fn by_hand(arguments: &Arguments, exchange: &Exchange) -> String {
    let variables: Vec<String> = exchange
        .environment
        .iter()
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    let plugin = arguments.subject.plugin.display();
    format!("printf %s {} | env -i {} {plugin}", quoted(&exchange.stdin), variables.join(" "))
}
