//! Everything that a person or CI runs: `cargo xtask demo`, `cargo xtask test` and the rest.
//!
//! Each task is in a file with its name, and `cli.rs` defines the command line. A task that needs
//! more than cargo and the standard library is a program of another package, which is built and
//! started.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod audit;
mod cli;
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

use clap::ArgMatches;

use run::{Outcome, become_program};

fn main() -> ExitCode {
    match task(&cli::definition().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task that the command line names; without one, prints the help.
fn task(matches: &ArgMatches) -> Outcome {
    let Some((name, arguments)) = matches.subcommand() else {
        print!("{}", cli::definition().render_help());
        return Ok(());
    };
    match name {
        "demo" => demo::demo(),
        "test" => test::test(arguments),
        "conformance" => conformance(&passed_on(arguments)),
        "sentences" => {
            let arguments = [&["sentences".into()], passed_on(arguments).as_slice()].concat();
            Err(become_program("cni-reports", &arguments))
        }
        "bench" => bench(&passed_on(arguments)),
        "containerd" | "podman" | "node" => long::runtime(name),
        "faults" => long::faults(),
        "soak" => long::soak(),
        "fuzz" => fuzz::fuzz(arguments),
        "mutants" => mutants::mutants(&passed_on(arguments)),
        "new-plugin" => new_plugin::new_plugin(arguments),
        "package" => {
            let arguments = [&["package".into()], passed_on(arguments).as_slice()].concat();
            Err(become_program("cni-dist", &arguments))
        }
        "audit" => audit::audit(arguments.get_flag("advisories")),
        other => Err(format!("the task {other} is defined but not implemented")),
    }
}

/// Returns the arguments for another program.
fn passed_on(arguments: &ArgMatches) -> Vec<OsString> {
    arguments.get_many(cli::PASSED_ON).into_iter().flatten().cloned().collect()
}

fn conformance(arguments: &[OsString]) -> Outcome {
    setup::packages(setup::CONFORMANCE)?;
    Err(become_program("cni-reports", arguments))
}

fn bench(arguments: &[OsString]) -> Outcome {
    if !arguments.iter().any(|argument| argument == "-h" || argument == "--help") {
        setup::require_root()?;
        setup::packages(setup::BENCH)?;
        setup::target(&setup::static_target())?;
    }
    Err(become_program("cni-bench", arguments))
}
