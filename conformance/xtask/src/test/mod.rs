//! `cargo xtask test`: all checks of a change.

mod durations;
pub(crate) mod plan;
mod pool;
mod report;
mod root_only;

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cni_output::{out, outln};

use clap::ArgMatches;

use crate::api;
use crate::run::{Outcome, cargo, inherit_cargo, line, programs, run, stdout, target_directory};
use crate::setup;
use durations::Durations;
use plan::Test;
use pool::{Done, Pool};
use report::{Counts, Progress, Summary};

/// Longer than any test needs, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);
/// How many tests run at the same time beyond one for each processor.
const WAITING: usize = 4;
/// Makes tests judge plugins in all versions of the specification, not only in three, and do the
/// rest of what `--all` adds.
const ALL_VARIABLE: &str = "CNI_CONFORMANCE_ALL";

/// Tells the tests that the programs that they run have been built, so that no test builds one of
/// them again on its own, with the features of fewer packages.
const BUILT_VARIABLE: &str = "CNI_TEST_PROGRAMS_BUILT";

/// The package whose tests install and run static programs.
const PACKAGING: &str = "cni-dist";

/// Which tests are run, and how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Selection {
    /// Leaves out the tests that make network namespaces as root; their names are printed.
    unprivileged: bool,
    /// Judges plugins in all versions of the specification, and more: see the help.
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

    /// Returns the arguments that select features for checks and tests.
    fn features(&self) -> &'static [&'static str] {
        if self.unprivileged { &[] } else { &["--all-features"] }
    }
}

/// Runs the steps in order, and stops at the first that fails.
pub(crate) fn test(arguments: &ArgMatches) -> Outcome {
    let selection = Selection::read(arguments);
    if !selection.unprivileged && !setup::is_root() {
        return Err(
            "the tests need root for network namespaces: run them as root, or run those that do \
                    not need it with --unprivileged"
                .to_owned(),
        );
    }
    let mut summary = Summary::default();
    let packages = if selection.unprivileged { None } else { Some(thread::spawn(install)) };
    let whole = selection.names.is_empty();
    if whole {
        checks(&mut summary)?;
    }
    let (ignored, tests) = summary.step("build the tests", || selected(&selection))?;
    summary.ignored = ignored.len();
    if let Some(packages) = packages {
        summary.step("wait until Debian packages are installed", || join(packages.join()))?;
    }
    summary.done = summary.step("run the tests", || run_all(tests, &selection))?;
    if whole {
        let tested =
            summary.step("run the tests in documentation", || documentation(&selection))?;
        (summary.documentation, summary.documentation_output) = tested;
    }
    finish(&summary, &selection, &ignored)
}

/// Installs what the tests need, while code is checked and compiled.
fn install() -> Outcome {
    setup::packages(setup::TEST)?;
    setup::unpacked(&[setup::REGISTRY, setup::FIREWALLD, setup::UFW])?;
    setup::target(&setup::static_target())
}

/// Returns the outcome of a thread that has ended.
fn join(ended: thread::Result<Outcome>) -> Outcome {
    ended.unwrap_or_else(|_| Err("a thread of xtask has panicked".to_owned()))
}

/// Checks format, lints and documentation.
fn checks(summary: &mut Summary) -> Outcome {
    setup::components()?;
    let args = ["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"];
    let mut clippy = cargo(&args);
    clippy.args(["--", "--deny", "warnings"]);
    for mut command in [cargo(&["fmt", "--all", "--check"]), clippy, api::documentation()] {
        summary.step(&line(&command), || run(&mut command))?;
    }
    summary.step("compare the public items with their lists", api::check)
}

/// Builds all tests, and the programs that they run. Returns the selected tests: those that are
/// marked `#[ignore]`, and the others.
fn selected(selection: &Selection) -> Outcome<(Vec<Test>, Vec<Test>)> {
    let mut build = cargo(&["test", "--no-run", "--workspace", "--quiet"]);
    let binaries = plan::build(build.args(selection.features()))?;
    let mut tests = Vec::new();
    for binary in &binaries {
        tests.extend(binary.tests()?.into_iter().filter(|test| selection.has(test)));
    }
    if tests.is_empty() {
        return Err(format!("no test's name contains {}", selection.names.join(" or ")));
    }
    outln!("{} tests in {} executables", tests.len(), binaries.len());
    Ok(tests.into_iter().partition(|test| test.ignored))
}

/// Builds the static programs once, since tests that build them at the same time would block each
/// other. Sets `ended` afterwards, also if they can't be built: then the tests that need them fail.
fn static_programs(ended: &AtomicBool) -> Outcome {
    let started = Instant::now();
    let built = programs(&[PACKAGING]).and_then(|packaging| {
        let mut build = Command::new(&packaging[0]);
        stdout(inherit_cargo(build.args(["programs", "--debug"])))
    });
    ended.store(true, Ordering::Release);
    let took = report::seconds(started.elapsed());
    outln!("  built static programs for the tests of the package ({took})");
    built.map(drop)
}

/// Runs the tests, and builds the static programs at the same time: most tests wait for processes
/// and the kernel now and then, and few need these programs.
fn run_all(mut tests: Vec<Test>, selection: &Selection) -> Outcome<Vec<Done>> {
    let directory = target_directory()?.join("xtask");
    let scratch = directory.join("output");
    let mut environment = vec![(BUILT_VARIABLE, "1")];
    environment.extend(selection.all.then_some((ALL_VARIABLE, "1")));
    // More than there are processors, since tests wait for processes and timers, too.
    let workers = thread::available_parallelism().map_or(1, usize::from) + WAITING;
    let needs_programs = |test: &Test| test.binary.package == PACKAGING;
    let builds = tests.iter().any(needs_programs) && !selection.unprivileged;
    let is_built = AtomicBool::new(!builds);
    let is_ready = |test: &Test| !needs_programs(test) || is_built.load(Ordering::Acquire);
    let pool = Pool {
        workers,
        limit: LIMIT,
        scratch: &scratch,
        environment: &environment,
        is_ready: &is_ready,
    };
    let durations = Durations::read(&directory);
    durations.sort(&mut tests);
    let done = thread::scope(|scope| {
        let programs = builds.then(|| scope.spawn(|| static_programs(&is_built)));
        let done = pool.run(&tests, &mut Progress::of(tests.len()));
        programs.map_or(Ok(()), |thread| join(thread.join()))?;
        done
    })?;
    durations.write(&done)?;
    Ok(done)
}

/// Returns the number of documentation tests, and their output if one fails.
fn documentation(selection: &Selection) -> Outcome<(Counts, Option<String>)> {
    let mut tests = cargo(&["test", "--doc", "--workspace", "--no-fail-fast"]);
    let output = tests.args(selection.features()).output();
    let output = output.map_err(|error| format!("{}: {error}", line(&tests)))?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let mut counts = Counts::read(&text);
    if output.status.success() {
        return Ok((counts, None));
    }
    // If documentation does not compile, no result is printed for the crate.
    counts.failed = counts.failed.max(1);
    Ok((counts, Some(text.into_owned())))
}

fn finish(summary: &Summary, selection: &Selection, ignored: &[Test]) -> Outcome {
    out!("{}", summary.text());
    if selection.unprivileged {
        outln!("\nNOT RUN, because they need root: {}", root_only::names()?.join(", "));
    }
    if !ignored.is_empty() {
        let names: Vec<String> = ignored.iter().map(Test::id).collect();
        outln!("\nignored: {}", names.join(", "));
    }
    let counts = summary.counts();
    outln!("\n{counts}");
    match counts.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} failed")),
    }
}

#[cfg(test)]
mod tests {
    use super::plan::Binary;
    use super::*;

    fn selection(args: &[&str]) -> Selection {
        let args = ["xtask", "test"].iter().chain(args);
        let matches = crate::cli::definition().try_get_matches_from(args).unwrap();
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
        let has = |args: &[&str]| selection(args).has(&test);
        assert!(has(&[]) && has(&["exec::"]) && has(&["nothing", "test::exec"]));
        assert!(!has(&["exec::b"]));
    }
}
