//! The completions of the package in the shells themselves: they offer what `--help` lists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cni_test_kit::plugin_binary;

type Words = BTreeSet<String>;

/// The crates of programs with commands. Each program has the name of its crate.
const PROGRAMS: [&str; 4] =
    ["mesos-cni-port-mapper", "cni-label-policy", "cni-trace", "cni-conformance"];

/// A command line to complete, and the completions according to `--help`.
struct Case {
    line: String,
    expected: Words,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[track_caller]
fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn help(program: &str, args: &[&str]) -> String {
    let mut help = Command::new(plugin_binary(program, program));
    stdout(help.args(args).arg("--help").env_remove("CNI_COMMAND"))
}

/// Returns the commands in a help text: `run` of `cni-conformance run PLUGIN`, `add` and `del` of
/// `cni-conformance add|del`, `list` of `  list   list the …`.
fn commands(program: &str, help: &str) -> Words {
    let rest = help.lines().filter_map(|line| {
        let line = line.trim_start_matches("Usage: ");
        line.strip_prefix(program)
            .and_then(|rest| rest.strip_prefix(' '))
            .or(line.strip_prefix("  "))
    });
    let names = rest.filter_map(|rest| rest.split(' ').next()).flat_map(|word| word.split('|'));
    let is_command = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    names.filter(is_command).map(str::to_owned).collect()
}

fn options(help: &str) -> Words {
    let words = help.split(|c: char| !c.is_ascii_lowercase() && c != '-');
    words.filter(|word| word.len() > 2 && word.starts_with("--")).map(str::to_owned).collect()
}

/// Returns the cases: the first argument of each program, and an option of its first and last
/// command.
fn cases() -> Vec<Case> {
    let of = |program: &&'static str| {
        let program = *program;
        let help_of_all = help(program, &[]);
        let commands = commands(program, &help_of_all);
        let [first, last] =
            [commands.first(), commands.last()].map(|name| name.expect("a command").clone());
        let mut cases = vec![Case { line: format!("{program} "), expected: commands }];
        cases.extend([first, last].map(|command| {
            let help = if program == "cni-conformance" {
                help(program, &[&command])
            } else {
                help_of_all.clone()
            };
            Case { line: format!("{program} {command} --"), expected: options(&help) }
        }));
        cases
    };
    PROGRAMS.iter().flat_map(of).collect()
}

/// Returns the completions that the shell offers, without those that every program has.
fn offered(shell: &[&str], line: &str) -> Words {
    let [name, ..] = shell else { panic!("a shell has a name") };
    let programs = plugin_binary(PROGRAMS[0], PROGRAMS[0]);
    let mut command = Command::new("timeout");
    command.arg("60").args(shell).arg(here().join(format!("tests/it/completions/offered.{name}")));
    command.arg(here().join("package/completions").join(name)).arg(line).env_remove("CNI_COMMAND");
    // For the files that shells write.
    command.envs(["HOME", "TMPDIR"].map(|name| (name, env!("CARGO_TARGET_TMPDIR"))));
    let programs = programs.parent().expect("a directory").display();
    command.env("PATH", format!("{programs}:/usr/bin:/bin"));
    let words = stdout(&mut command);
    let common = |word: &&str| ["", "-h", "--help", "-V", "--version"].contains(word);
    words.lines().map(str::trim_end).filter(|word| !common(word)).map(str::to_owned).collect()
}

#[track_caller]
fn check(shell: &[&str]) {
    for program in PROGRAMS {
        plugin_binary(program, program);
    }
    for Case { line, mut expected } in cases() {
        expected.retain(|word| !["--help", "--version"].contains(&word.as_str()));
        assert_eq!(offered(shell, &line), expected, "{shell:?} at the end of {line:?}");
    }
}

#[test]
fn bash_offers_what_help_lists() {
    check(&["bash"]);
}

#[test]
fn zsh_offers_what_help_lists_and_searches_the_directory_of_the_package() {
    check(&["zsh", "-f"]);
    let searched = stdout(Command::new("zsh").args(["-f", "-c", "print -l $fpath"]));
    assert!(searched.lines().any(|path| path == "/usr/share/zsh/vendor-completions"), "{searched}");
}

#[test]
fn fish_offers_what_help_lists_and_searches_the_directory_of_the_package() {
    check(&["fish", "--no-config"]);
    let mut fish = Command::new("fish");
    fish.args(["-c", "string join \\n $fish_complete_path"])
        .env("HOME", env!("CARGO_TARGET_TMPDIR"));
    let searched = stdout(&mut fish);
    assert!(
        searched.lines().any(|path| path == "/usr/share/fish/vendor_completions.d"),
        "{searched}"
    );
}
