//! `cargo xtask test`: everything that must hold before a change is taken.

mod hints;
pub(crate) mod plan;
mod pool;
mod report;
mod root_only;

use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::ArgMatches;

use crate::run::{Outcome, cargo, inherit_cargo, line, programs, run, stdout, target_directory};
use crate::setup;
use hints::Hints;
use plan::Test;
use pool::{Done, Pool};
use report::{Counts, Progress, Summary};

/// No test needs as long as this, not even on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);
/// Set for tests that judge all versions of the specification and not three.
const ALL_VARIABLE: &str = "CNI_CONFORMANCE_ALL";

/// The package whose tests install and run static programs.
const PACKAGING: &str = "cni-dist";

/// Which tests are run, and how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Selection {
    /// Leaves out the tests that make network namespaces as root; their names are printed.
    unprivileged: bool,
    /// Judges plugins in all versions of the specification.
    all: bool,
    /// Only tests whose id contains one of these, and no other checks.
    names: Vec<String>,
}

impl Selection {
    fn read(arguments: &ArgMatches) -> Self {
        Self {
            unprivileged: arguments.get_flag("unprivileged"),
            all: arguments.get_flag("all"),
            names: arguments.get_many("names").into_iter().flatten().cloned().collect(),
        }
    }

    fn has(&self, test: &Test) -> bool {
        let id = test.id();
        self.names.is_empty() || self.names.iter().any(|name| id.contains(name))
    }

    /// The features of the packages with which code is checked, and tests are compiled.
    fn features(&self) -> &'static [&'static str] {
        if self.unprivileged { &[] } else { &["--all-features"] }
    }
}

/// The steps in their order; each stops the run when it fails.
pub(crate) fn test(arguments: &ArgMatches) -> Outcome {
    let selection = Selection::read(arguments);
    if !selection.unprivileged && !setup::is_root() {
        return Err("the tests need root for network namespaces; run them as root, \
                    or those that need no root with --unprivileged"
            .to_owned());
    }
    let mut summary = Summary::default();
    let packages = if selection.unprivileged { None } else { Some(thread::spawn(install)) };
    let whole = selection.names.is_empty();
    if whole {
        checks(&mut summary)?;
    }
    let (ignored, tests) = summary.step("build the tests", || chosen(&selection))?;
    summary.ignored = ignored.len();
    if let Some(packages) = packages {
        summary.step("wait until Debian packages are installed", || join(packages))?;
    }
    if tests.iter().any(|test| test.binary.package == PACKAGING) && !selection.unprivileged {
        summary.step("build static programs, for the tests of the packaging", static_programs)?;
    }
    summary.done = summary.step("run the tests", || run_all(tests, &selection))?;
    if whole {
        let tested = summary.step("run the tests in documentation", || documentation(&selection))?;
        (summary.documentation, summary.documentation_output) = tested;
    }
    finish(&summary, &selection, &ignored)
}

/// Everything that the tests need of the machine, while code is checked and compiled.
fn install() -> Outcome {
    setup::packages(setup::TEST)?;
    setup::registry()?;
    setup::target(&setup::static_target())
}

fn join(packages: JoinHandle<Outcome>) -> Outcome {
    packages.join().unwrap_or_else(|_| Err("the set-up has panicked".to_owned()))
}

/// Format, lints, documentation.
fn checks(summary: &mut Summary) -> Outcome {
    setup::components()?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features", "--quiet"]);
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    let words = ["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"];
    let mut clippy = cargo(&words);
    clippy.args(["--", "--deny", "warnings"]);
    for mut command in [cargo(&["fmt", "--all", "--check"]), clippy, doc] {
        summary.step(&line(&command), || run(&mut command))?;
    }
    Ok(())
}

/// Builds all tests, and with them the programs of their packages, which other packages' tests run,
/// too. Returns the ignored ones among those that are selection, and the others.
fn chosen(selection: &Selection) -> Outcome<(Vec<Test>, Vec<Test>)> {
    let mut build = cargo(&["test", "--no-run", "--workspace", "--quiet"]);
    let binaries = plan::build(build.args(selection.features()))?;
    let mut tests = Vec::new();
    for binary in &binaries {
        tests.extend(binary.tests()?.into_iter().filter(|test| selection.has(test)));
    }
    if tests.is_empty() {
        return Err(format!("no test's name contains {}", selection.names.join(" or ")));
    }
    println!("{} tests in {} executables", tests.len(), binaries.len());
    Ok(tests.into_iter().partition(|test| test.ignored))
}

/// Builds them once: two tests at the same time would wait for each other, and so for the other
/// tests.
fn static_programs() -> Outcome {
    let packaging = programs(&[PACKAGING])?;
    let mut build = Command::new(&packaging[0]);
    stdout(inherit_cargo(build.args(["programs", "--debug"]))).map(drop)
}

fn run_all(mut tests: Vec<Test>, selection: &Selection) -> Outcome<Vec<Done>> {
    let directory = target_directory()?.join("xtask");
    let scratch = directory.join("output");
    let environment: &[_] = if selection.all { &[(ALL_VARIABLE, "1")] } else { &[] };
    // One more than processors: tests wait for processes and for the clock, too.
    let workers = thread::available_parallelism().map_or(1, usize::from) + 1;
    let pool = Pool { workers, limit: LIMIT, scratch: &scratch, environment };
    let hints = Hints::read(&directory);
    hints.sort(&mut tests);
    let done = pool.run(&tests, &mut Progress::of(tests.len()))?;
    hints.write(&done)?;
    Ok(done)
}

/// The numbers of documentation tests, and what they print if one fails.
fn documentation(selection: &Selection) -> Outcome<(Counts, Option<String>)> {
    let mut tests = cargo(&["test", "--doc", "--workspace", "--no-fail-fast"]);
    let output = tests.args(selection.features()).output();
    let output = output.map_err(|error| format!("{}: {error}", line(&tests)))?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let mut counts = Counts::read(&text);
    if output.status.success() {
        return Ok((counts, None));
    }
    // A crate whose documentation does not compile has no line of results.
    counts.failed = counts.failed.max(1);
    Ok((counts, Some(text.into_owned())))
}

fn finish(summary: &Summary, selection: &Selection, ignored: &[Test]) -> Outcome {
    print!("{}", summary.text());
    if selection.unprivileged {
        println!("\nNOT RUN, since they need root: {}", root_only::names()?.join(", "));
    }
    if !ignored.is_empty() {
        let names: Vec<String> = ignored.iter().map(Test::id).collect();
        println!("\nignored: {}", names.join(", "));
    }
    let counts = summary.counts();
    println!("\n{counts}");
    match counts.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} failed")),
    }
}

#[cfg(test)]
mod tests {
    use super::plan::Binary;
    use super::*;

    fn selection(words: &[&str]) -> Selection {
        let words = ["xtask", "test"].iter().chain(words);
        let matches = crate::cli::definition().try_get_matches_from(words).unwrap();
        Selection::read(matches.subcommand_matches("test").unwrap())
    }

    #[test]
    fn options_and_names_are_distinguished() {
        let names = vec!["guard".to_owned(), "exec::".to_owned()];
        let expected = Selection { unprivileged: false, all: true, names };
        assert_eq!(selection(&["guard", "--all", "exec::"]), expected);
        assert!(selection(&["--unprivileged"]).unprivileged);
        let unknown = crate::cli::definition().try_get_matches_from(["xtask", "test", "--al"]);
        let message = unknown.unwrap_err().to_string();
        assert!(message.contains("--al") && message.contains("--all"), "{message}");
    }

    #[test]
    fn a_name_selects_tests_by_package_and_by_name() {
        let binary = Binary::of("/x".into());
        let test = Test { binary, name: "exec::a".to_owned(), ignored: false };
        let has = |words: &[&str]| selection(words).has(&test);
        assert!(has(&[]) && has(&["exec::"]) && has(&["nothing", "test::exec"]));
        assert!(!has(&["exec::b"]));
    }
}
