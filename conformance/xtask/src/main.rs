//! Everything that a person or CI runs: `cargo xtask demo`, `cargo xtask test` and the rest.
//!
//! A file for each task. A task that needs more than cargo and the standard library is a program of
//! another package, which is built and started here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod audit;
mod demo;
mod fuzz;
mod long;
mod mutants;
mod new_plugin;
mod run;
mod setup;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use run::{Outcome, become_program};

const HELP: &str = "\
cargo xtask demo                  shows the port mapper at work on a throw-away host
cargo xtask test                  format, lints, documentation and every test
cargo xtask test NAME…            only the tests whose PACKAGE::NAME contains one of the words
cargo xtask test --all            every test; plugins are judged in all seven versions of the
                                  specification, not only in 0.2.0, 0.4.0 and 1.1.0, one for each
                                  form of results
cargo xtask test --unprivileged   every test that does not need root; names the others at the end
cargo xtask conformance           judges the plugins of conformance/subjects, or those that are
                                  named, and compares with conformance/reports; --update writes these
cargo xtask bench                 measures ADD, DEL and new connections, next to Debian's portmap
                                  (--help for more)
cargo xtask containerd            containerd runs a pod whose host port is mapped by our plugin;
                                  a part of cargo xtask test
cargo xtask podman                the same with a container of Podman
cargo xtask node                  the container image installs the plugins on a node, as its
                                  DaemonSet describes
cargo xtask faults                kills the port mapper, or makes it fail, at every system call,
                                  and gives it nonsense as input; long
cargo xtask soak                  many containers at the same time and one after the other, with
                                  calls that are killed; long
cargo xtask fuzz                  searches for bytes that break a property of conformance/fuzz,
                                  a minute for each property; --seconds N for more, or some names
cargo xtask mutants               changes the toolkit and the port mapper's decisions in small ways
                                  and looks whether a test fails: one of 16 changes, or what
                                  arguments of cargo-mutants choose; long
cargo xtask new-plugin NAME       creates plugins/NAME, a wrapper to begin with; --at DIRECTORY
                                  creates a crate outside of this workspace
cargo xtask package               builds a Debian package of the plugins and cni-conformance, which
                                  load no library; --target TARGET for another machine
cargo xtask audit                 licences, bans and sources of dependencies; --advisories asks for
                                  known vulnerabilities, too

Each installs the Debian packages that it needs, and prints their names.
";

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<String> = given.iter().map(|word| word.to_string_lossy().into()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match task(&words, &given) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task that the words name; `given` are the words as they were typed.
fn task(words: &[&str], given: &[OsString]) -> Outcome {
    match words {
        ["demo"] => demo::demo(),
        ["test", words @ ..] => test::test(words),
        ["conformance", ..] => conformance(&given[1..]),
        ["bench", words @ ..] => bench(words, &given[1..]),
        [runtime @ ("containerd" | "podman" | "node")] => long::runtime(runtime),
        ["faults"] => long::faults(),
        ["soak"] => long::soak(),
        ["fuzz", words @ ..] => fuzz::fuzz(words),
        ["mutants", words @ ..] => mutants::mutants(words),
        ["new-plugin", words @ ..] => new_plugin::new_plugin(words),
        ["package", ..] => {
            Err(become_program("cni-dist", &[&["package".into()], &given[1..]].concat()))
        }
        ["audit"] => audit::audit(false),
        ["audit", "--advisories"] => audit::audit(true),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("no such task: {}\n\n{HELP}", other.join(" "))),
    }
}

fn conformance(given: &[OsString]) -> Outcome {
    setup::packages(setup::CONFORMANCE)?;
    Err(become_program("cni-reports", given))
}

fn bench(words: &[&str], given: &[OsString]) -> Outcome {
    if !words.iter().any(|word| matches!(*word, "-h" | "--help")) {
        setup::require_root()?;
        setup::packages(setup::BENCH)?;
        setup::target(&setup::static_target())?;
    }
    Err(become_program("cni-bench", given))
}
