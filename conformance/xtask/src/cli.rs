//! The definition of the command line: parsing and help.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, value_parser};

/// Holds the arguments that a task passes on to another program.
pub(crate) const PASSED_ON: &str = "arguments";

/// Defines the tasks and their arguments.
pub(crate) fn definition() -> Command {
    Command::new("xtask")
        .bin_name("cargo xtask")
        .about("Everything that a person or CI runs on this workspace")
        .after_help("Each task installs the Debian packages that it needs, and prints their names.")
        .subcommand(task("demo", "Show the port mapper at work on a disposable host"))
        .subcommand(test())
        .subcommand(conformance())
        .subcommand(sentences())
        .subcommand(bench())
        .subcommand(task("containerd", "Test with containerd: it runs a pod with a mapped port"))
        .subcommand(task("podman", "Test with Podman: it runs a container with a mapped port"))
        .subcommand(task("node", "Test the container image as its DaemonSet installs the plugins"))
        .subcommand(task(
            "faults",
            "Kill the port mapper, or make it fail, at every system call (long)",
        ))
        .subcommand(task(
            "soak",
            "Run many containers at once and in sequence, with killed calls (long)",
        ))
        .subcommand(fuzz())
        .subcommand(mutants())
        .subcommand(new_plugin())
        .subcommand(package())
        .subcommand(audit())
}

fn task(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn many(name: &'static str) -> Arg {
    Arg::new(name).action(ArgAction::Append).num_args(0..)
}

/// A task that passes all its arguments on, `--help` too.
fn passes_on(task: Command) -> Command {
    let arguments = Arg::new(PASSED_ON).value_name("ARGUMENT").num_args(0..);
    let arguments = arguments.trailing_var_arg(true).allow_hyphen_values(true);
    task.disable_help_flag(true).arg(arguments.value_parser(value_parser!(OsString)))
}

fn test() -> Command {
    task("test", "Check format, lints and documentation, and run every test")
        .arg(many("names").value_name("NAME").help(
            "Run only the tests whose PACKAGE::NAME contains one of these args, and nothing else",
        ))
        .arg(flag(
            "all",
            "Judge plugins in all seven versions of the specification,\nnot only in one for each \
             form of results",
        ))
        .arg(flag(
            "unprivileged",
            "Leave out the tests that need root, and print their names at the end",
        ))
}

fn conformance() -> Command {
    let about = "Judge the plugins of conformance/subjects, and compare with conformance/reports";
    passes_on(task("conformance", about)).after_help(
        "Arguments: names of subjects [default: all]; --update writes the reports again.",
    )
}

fn sentences() -> Command {
    let about = "Compare the requirements with the sentences of the specification's texts";
    passes_on(task("sentences", about)).after_help(
        "Arguments: --texts DIR, with spec-v0.1.0.md to spec-v1.1.0.md and HEAD.md; --update \
         writes lines and hashes again.",
    )
}

fn bench() -> Command {
    let about = "Measure ADD, DEL and new connections, next to Debian's portmap";
    passes_on(task("bench", about)).after_help("`cargo xtask bench --help` lists the options.")
}

fn fuzz() -> Command {
    task("fuzz", "Search for input that breaks a property of conformance/fuzz")
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .value_name("N")
                .default_value("60")
                .value_parser(value_parser!(u32))
                .help("The time for each property"),
        )
        .arg(many("properties").value_name("PROPERTY").help("The properties to try [default: all]"))
}

fn mutants() -> Command {
    let about = "Change the code in small ways, and check that a test fails each time (long)";
    passes_on(task("mutants", about)).after_help(
        "Arguments are those of cargo-mutants, which select the changes [default: one of 16].",
    )
}

fn new_plugin() -> Command {
    task("new-plugin", "Create plugins/NAME, a wrapper to start from")
        .arg(Arg::new("name").value_name("NAME").required(true))
        .arg(
            Arg::new("at")
                .long("at")
                .value_name("DIRECTORY")
                .help("Create a crate outside of this workspace, in this directory"),
        )
}

fn package() -> Command {
    let about = "Build a Debian package of the plugins and cni-conformance";
    passes_on(task("package", about)).after_help("`cargo xtask package --help` lists the options.")
}

fn audit() -> Command {
    task("audit", "Check licences, bans and sources of dependencies")
        .arg(flag("advisories", "Check for known vulnerabilities, too; needs a network"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn a_task_of_another_program_gets_all_arguments() {
        let args = ["xtask", "bench", "--quick", "--help", "-h", "x", "--", "--json"];
        let matches = definition().try_get_matches_from(args).unwrap();
        let (_, bench) = matches.subcommand().unwrap();
        let passed_on: Vec<&OsString> = bench.get_many(PASSED_ON).unwrap().collect();
        assert_eq!(passed_on, ["--quick", "--help", "-h", "x", "--", "--json"]);
    }

    #[test]
    fn help_fits_into_a_hundred_columns() {
        for mut command in definition().get_subcommands().cloned().chain([definition()]) {
            let help = command.render_long_help().to_string();
            let long = help.lines().find(|line| line.chars().count() > 100);
            assert_eq!(long, None);
        }
    }
}
