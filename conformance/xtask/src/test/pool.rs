//! Runs tests, each as a separate process, several at a time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::plan::Test;
use crate::run::Outcome;

/// The outcome of a test.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) id: String,
    pub(crate) took: Duration,
    /// Why it failed; `None` if it passed.
    pub(crate) problem: Option<String>,
    /// Its output; empty if it passed.
    pub(crate) output: String,
}

/// Follows the progress of a run.
pub(crate) trait Watch {
    /// Called when a test has ended.
    fn ended(&mut self, done: &Done);
    /// Called at least once a second, with how long each test has been running.
    fn tick(&mut self, running: &[(String, Duration)]);
}

/// Runs tests in parallel.
pub(crate) struct Pool<'p> {
    /// The number of tests at a time.
    pub(crate) workers: usize,
    /// The time limit, after which a test and the processes of its group are killed.
    pub(crate) limit: Duration,
    /// A directory for output while tests run.
    pub(crate) scratch: &'p Path,
    /// Additional environment variables.
    pub(crate) environment: &'p [(&'p str, &'p str)],
    /// Whether a test can start; others start before it until it can.
    pub(crate) is_ready: &'p (dyn Fn(&Test) -> bool + Sync),
}

/// The indexes of the tests that have not started, in their order.
type Waiting = Mutex<Vec<usize>>;

/// The process id and start time of each running test, by its index.
type Running = Mutex<BTreeMap<usize, (u32, Instant)>>;

impl Pool<'_> {
    /// Starts the tests in this order and waits for all of them.
    pub(crate) fn run(&self, tests: &[Test], watch: &mut dyn Watch) -> Outcome<Vec<Done>> {
        let _ = fs::remove_dir_all(self.scratch);
        fs::create_dir_all(self.scratch)
            .map_err(|error| format!("{}: {error}", self.scratch.display()))?;
        let (waiting, running) = (Mutex::new((0..tests.len()).collect()), Running::default());
        let (ended, ends) = mpsc::channel();
        Ok(thread::scope(|scope| {
            for _ in 0..self.workers {
                let ended = ended.clone();
                let (waiting, running) = (&waiting, &running);
                scope.spawn(move || self.work(tests, waiting, running, &ended));
            }
            drop(ended);
            self.collect(tests, &ends, &running, watch)
        }))
    }

    /// Runs one test after the other until none is left.
    fn work(&self, tests: &[Test], waiting: &Waiting, running: &Running, ended: &Sender<Done>) {
        while let Some(index) = self.next(tests, waiting) {
            // It fails only if the main thread has panicked.
            let _ = ended.send(self.one(&tests[index], index, running));
        }
    }

    /// Returns the next test, after waiting until one can start, or `None` if none is left.
    fn next(&self, tests: &[Test], waiting: &Waiting) -> Option<usize> {
        const EVERY: Duration = Duration::from_millis(200);
        loop {
            let mut left = lock(waiting);
            if left.is_empty() {
                return None;
            }
            if let Some(at) = left.iter().position(|index| (self.is_ready)(&tests[*index])) {
                return Some(left.remove(at));
            }
            drop(left);
            thread::sleep(EVERY);
        }
    }

    fn one(&self, test: &Test, index: usize, running: &Running) -> Done {
        let started = Instant::now();
        let file = self.scratch.join(format!("{index}.txt"));
        let status = self.execute(test, index, &file, running);
        let took = started.elapsed();
        let output = fs::read(&file).unwrap_or_default();
        let output = String::from_utf8_lossy(&output).into_owned();
        let _ = fs::remove_file(&file);
        let problem = match status {
            Ok(status) if took >= self.limit && !status.success() => {
                Some(format!("killed after {} s", self.limit.as_secs()))
            }
            Ok(status) => problem(status, &output),
            Err(error) => Some(format!("could not be started: {error}")),
        };
        let output = if problem.is_some() { output } else { String::new() };
        Done { id: test.id(), took, problem, output }
    }

    fn execute(
        &self,
        test: &Test,
        index: usize,
        output: &PathBuf,
        running: &Running,
    ) -> io::Result<ExitStatus> {
        let file = File::create(output)?;
        // Makes the kernel kill the test if this program is interrupted.
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", "KILL", "--"]);
        let mut command = test.binary.command_by(setpriv, &[&test.name, "--exact", "--nocapture"]);
        command.stdout(Stdio::from(file.try_clone()?)).stderr(Stdio::from(file));
        command.envs(self.environment.iter().copied()).process_group(0);
        let mut child = command.spawn()?;
        lock(running).insert(index, (child.id(), Instant::now()));
        let status = child.wait();
        lock(running).remove(&index);
        status
    }

    /// Waits for all results, and kills tests that exceed the time limit.
    fn collect(
        &self,
        tests: &[Test],
        ends: &Receiver<Done>,
        running: &Running,
        watch: &mut dyn Watch,
    ) -> Vec<Done> {
        let mut all = Vec::new();
        loop {
            match ends.recv_timeout(Duration::from_secs(1)) {
                Ok(done) => {
                    watch.ended(&done);
                    all.push(done);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return all,
            }
            let running = lock(running).clone();
            for (pid, started) in running.values() {
                if started.elapsed() >= self.limit {
                    kill_group(*pid);
                }
            }
            let named = |(index, (_, started)): (&usize, &(u32, Instant))| {
                (tests[*index].id(), started.elapsed())
            };
            watch.tick(&running.iter().map(named).collect::<Vec<_>>());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills a process group with the shell, since xtask has no crate for system calls.
fn kill_group(pid: u32) {
    let script = format!("kill -s KILL -- -{pid}");
    // It fails if the group has ended in the meantime.
    let _ = Command::new("sh").args(["-c", &script]).status();
}

/// Returns why the test did not pass, for example because no test was run or the process ended
/// early.
fn problem(status: ExitStatus, output: &str) -> Option<String> {
    if !status.success() {
        return Some(status.to_string());
    }
    let sum = output.lines().rev().find(|line| line.starts_with("test result: "));
    match sum {
        Some(sum) if sum.starts_with("test result: ok. 1 passed; 0 failed; 0 ignored;") => None,
        Some(sum) => Some(format!("not exactly one test was run: {sum}")),
        None => Some("the process ended before the test did, with exit status 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Binary;
    use super::*;

    fn passed(count: usize) -> String {
        format!(
            "\nrunning 1 test\ntest result: ok. {count} passed; 0 failed; 0 ignored; 0 measured\n"
        )
    }

    #[test]
    fn a_test_passes_only_if_exactly_one_was_run() {
        let ok = ExitStatus::default();
        assert_eq!(problem(ok, &passed(1)), None);
        assert!(problem(ok, &passed(0)).unwrap().contains("not exactly one"));
        assert!(problem(ok, &passed(12)).unwrap().contains("not exactly one"));
        assert!(problem(ok, "running 1 test\n").unwrap().contains("ended before"));
    }

    /// Returns a script in place of a test executable.
    fn test(name: &str, script: &str) -> Test {
        let path = std::env::temp_dir().join(format!("xtask-pool-{}-{name}", std::process::id()));
        // Another process writes it: a file that this one has open for writing while it forks can't
        // be executed.
        let made = Command::new("sh")
            .args(["-c", "printf '#!/bin/sh\n%s\n' \"$1\" >\"$0\" && chmod 0755 \"$0\""])
            .args([path.as_os_str(), script.as_ref()])
            .status();
        assert!(made.unwrap().success());
        Test { binary: Binary::of(path), name: name.to_owned(), ignored: false }
    }

    struct Nothing;

    impl Watch for Nothing {
        fn ended(&mut self, _: &Done) {}
        fn tick(&mut self, _: &[(String, Duration)]) {}
    }

    /// Runs the tests, and returns their outcomes in the order of their names.
    fn run(name: &str, limit: Duration, tests: &[Test]) -> Vec<Done> {
        run_when(name, limit, tests, &|_| true)
    }

    fn run_when(
        name: &str,
        limit: Duration,
        tests: &[Test],
        is_ready: &(dyn Fn(&Test) -> bool + Sync),
    ) -> Vec<Done> {
        let id = std::process::id();
        let scratch = std::env::temp_dir().join(format!("xtask-pool-{id}-{name}-output"));
        let environment = [("COLOUR", "blue")];
        let pool =
            Pool { workers: 2, limit, scratch: &scratch, environment: &environment, is_ready };
        let mut all = pool.run(tests, &mut Nothing).unwrap();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        for test in tests {
            fs::remove_file(&test.binary.path).unwrap();
        }
        fs::remove_dir_all(scratch).unwrap();
        all
    }

    #[test]
    fn each_test_is_run_by_name_and_only_the_output_of_failed_ones_is_kept() {
        let good = "echo \"$* $COLOUR\"; echo 'test result: ok. 1 passed; 0 failed; 0 ignored;'";
        let bad = "echo \"$* $COLOUR\" >&2; exit 101";
        let tests = [test("good", good), test("bad", bad), test("silent", ":")];
        let all = run("names", Duration::from_secs(600), &tests);
        let [bad, good, silent] = all.as_slice() else { panic!("{all:?}") };
        assert!(good.problem.is_none() && good.output.is_empty(), "{good:?}");
        assert!(bad.problem.as_ref().unwrap().contains("101"), "{bad:?}");
        assert_eq!(bad.output, "bad --exact --nocapture blue\n");
        assert!(silent.problem.as_ref().unwrap().contains("ended before"), "{silent:?}");
    }

    #[test]
    fn a_test_that_is_not_ready_starts_after_those_that_make_it_ready() {
        let made = std::env::temp_dir().join(format!("xtask-pool-{}-made", std::process::id()));
        let good = "echo 'test result: ok. 1 passed; 0 failed; 0 ignored;'";
        let needs = test("needs", &format!("rm {} && {good}", made.display()));
        let makes = test("makes", &format!("touch {} && {good}", made.display()));
        let is_ready = |test: &Test| test.name == "makes" || made.exists();
        let all = run_when("ready", Duration::from_secs(600), &[needs, makes], &is_ready);
        assert!(all.iter().all(|done| done.problem.is_none()), "{all:?}");
        assert_eq!(all.len(), 2, "each has run once");
    }

    #[test]
    fn a_test_that_takes_too_long_is_killed_with_its_group() {
        let all =
            run("limit", Duration::from_secs(1), &[test("long", "sleep 1000 & echo $!; wait")]);
        let [long] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(long.problem.as_deref(), Some("killed after 1 s"));
        assert!(long.took < Duration::from_secs(500), "it ended by itself: {long:?}");
        let child = Path::new("/proc").join(long.output.trim()).join("cmdline");
        let runs = || fs::read(&child).is_ok_and(|line| line.starts_with(b"sleep\x001000"));
        let started = Instant::now();
        while runs() {
            assert!(started.elapsed() < Duration::from_secs(60), "the child still runs");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
