//! Everything a person or CI runs: `cargo xtask demo`, `cargo xtask test`, `cargo xtask conformance`, `cargo xtask bench`, `cargo xtask faults`,
//! `cargo xtask soak`, `cargo xtask fuzz`, `cargo xtask audit`, `cargo xtask new-plugin`, `cargo xtask package`.
//!
//! A file a task; each does its own set-up.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod audit;
mod bench;
mod conformance;
mod demo;
mod fuzz;
mod long;
mod new_plugin;
mod package;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask demo                  see the port mapper at work in a throw-away host (less than a minute once built)
cargo xtask test                  format, lints, documentation and every test
cargo xtask test --unprivileged   the same without what needs root, which is named at the end
cargo xtask conformance           judge the plugins of conformance/subjects, or those that are named, and compare with the
                                  reports in conformance/reports; --update writes these anew
cargo xtask bench                 how long ADD, DEL and new connections take, beside Debian's portmap (--help for more)
cargo xtask containerd            containerd runs a pod whose host port is mapped by our plugin; a part of cargo xtask test
cargo xtask podman                the same with a container of Podman
cargo xtask node                  the container image installs the plugins on a node, as its DaemonSet says
cargo xtask faults                kill the port mapper, or let it fail, at every system call that it makes, and tell it nonsense; long
cargo xtask soak                  crowds and long lives of containers, some calls of which are killed; long
cargo xtask fuzz                  look for bytes that break what must hold for all, a minute for each of seven properties;
                                  --seconds N for more, or the names of some
cargo xtask new-plugin NAME       a wrapper to begin with, as plugins/NAME; --at DIRECTORY makes it a crate of its own there
cargo xtask package               a Debian package of the plugins and of cni-conformance, in target/debian, which needs no library;
                                  --target TARGET for another machine, or for programs that load libraries
cargo xtask audit                 licences, bans and sources of what is built in; --advisories asks for known vulnerabilities, too

Each installs the Debian packages that it needs and says which.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["bench", ..] => return bench::bench(std::env::args_os().skip(2)),
        ["conformance", subjects @ ..] => conformance::conformance(subjects),
        ["audit"] => audit::audit(false),
        ["audit", "--advisories"] => audit::audit(true),
        ["fuzz", words @ ..] => fuzz::fuzz(words),
        ["package", words @ ..] => package::package(words),
        ["new-plugin", words @ ..] => new_plugin::new_plugin(words),
        [runtime @ ("containerd" | "podman" | "node")] => long::runtime(runtime),
        ["faults"] => long::faults(),
        ["soak"] => long::soak(),
        ["demo"] => demo::demo(),
        ["test"] => test::test(test::Privilege::Root),
        ["test", "--unprivileged"] => test::test(test::Privilege::None),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("no such task: {}\n\n{HELP}", other.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
