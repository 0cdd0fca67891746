//! The completions of the package, in the shells themselves: what can be typed is what is offered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cni_test_kit::plugin_binary;

type Words = BTreeSet<String>;

/// The crates whose programs people call; each program has its crate's name.
const PROGRAMS: [&str; 3] = ["mesos-cni-port-mapper", "cni-label-policy", "cni-conformance"];

/// A line that somebody has typed so far, and what `--help` says may follow.
struct Typed {
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

fn help(program: &str, words: &[&str]) -> String {
    let mut help = Command::new(plugin_binary(program, program));
    stdout(help.args(words).arg("--help").env_remove("CNI_COMMAND"))
}

/// `run` of `cni-conformance run PLUGIN`, `add` and `del` of `cni-conformance add|del`, `list` of `  list   who owns …`.
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

/// At the first word of each program, and at an option of its first and its last command.
fn typed() -> Vec<Typed> {
    let of = |program: &&'static str| {
        let program = *program;
        let help_of_all = help(program, &[]);
        let commands = commands(program, &help_of_all);
        let [first, last] =
            [commands.first(), commands.last()].map(|name| name.expect("a command").clone());
        let mut typed = vec![Typed { line: format!("{program} "), expected: commands }];
        typed.extend([first, last].map(|command| {
            let help = if program == "cni-conformance" {
                help(program, &[&command])
            } else {
                help_of_all.clone()
            };
            Typed { line: format!("{program} {command} --"), expected: options(&help) }
        }));
        typed
    };
    PROGRAMS.iter().flat_map(of).collect()
}

/// What the shell offers, less what every program has.
fn offered(shell: &[&str], line: &str) -> Words {
    let [name, ..] = shell else { panic!("a shell has a name") };
    let programs = plugin_binary(PROGRAMS[0], PROGRAMS[0]);
    let mut command = Command::new("timeout");
    command.arg("60").args(shell).arg(here().join(format!("tests/it/completions/offered.{name}")));
    command.arg(here().join("package/completions").join(name)).arg(line).env_remove("CNI_COMMAND");
    // Whatever a shell keeps of itself.
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
    for Typed { line, mut expected } in typed() {
        expected.retain(|word| !["--help", "--version"].contains(&word.as_str()));
        assert_eq!(offered(shell, &line), expected, "{shell:?} at the end of {line:?}");
    }
}

#[test]
fn bash_offers_what_help_names() {
    check(&["bash"]);
}

#[test]
fn zsh_offers_what_help_names_and_looks_where_the_package_puts_it() {
    check(&["zsh", "-f"]);
    let looked = stdout(Command::new("zsh").args(["-f", "-c", "print -l $fpath"]));
    assert!(looked.lines().any(|path| path == "/usr/share/zsh/vendor-completions"), "{looked}");
}

#[test]
fn fish_offers_what_help_names_and_looks_where_the_package_puts_it() {
    check(&["fish", "--no-config"]);
    let mut fish = Command::new("fish");
    fish.args(["-c", "string join \\n $fish_complete_path"])
        .env("HOME", env!("CARGO_TARGET_TMPDIR"));
    let looked = stdout(&mut fish);
    assert!(looked.lines().any(|path| path == "/usr/share/fish/vendor_completions.d"), "{looked}");
}
