//! `plugins/dist/deploy/install.sh`: a runtime never executes an incomplete plugin.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cni_test_kit::TempDir;

struct Directories {
    _top: TempDir,
    from: PathBuf,
    to: PathBuf,
}

impl Directories {
    fn new() -> Self {
        let top = TempDir::new();
        let [from, to] = ["from", "to"].map(|name| top.path().join(name));
        fs::create_dir_all(&from).expect("a directory");
        fs::create_dir_all(&to).expect("a directory");
        fs::copy(env!("CARGO_BIN_EXE_mesos-cni-port-mapper"), from.join("plugin")).expect("copied");
        Self { _top: top, from, to }
    }

    fn install(&self) -> Output {
        self.command().output().expect("sh")
    }

    fn command(&self) -> Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/deploy/install.sh");
        let mut install = Command::new("sh");
        install.arg(script).env("PLUGINS_FROM", &self.from).env("PLUGINS_TO", &self.to);
        install
    }

    /// Returns the script, with a fake `sync` that prints a line when it begins and ends when it
    /// reads one.
    fn install_slowly(&self) -> Command {
        let sync = r"printf '#!/bin/sh\necho syncing\nread -r line\n' >sync && chmod 0755 sync";
        let programs = self.to.with_file_name("programs");
        fs::create_dir_all(&programs).expect("a directory");
        // Written by another process: a file that this process has open cannot be executed while
        // another test starts a program.
        let made = Command::new("sh").args(["-c", sync]).current_dir(&programs).status();
        assert!(made.expect("sh").success());
        let mut install = self.command();
        install.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        install.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        install
    }
}

#[test]
fn a_runtime_that_calls_all_the_time_never_executes_an_incomplete_plugin() {
    const ENOUGH: usize = 20;
    let directories = Directories::new();
    assert!(directories.install().status.success());
    let (calls, installs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_enough = || [&calls, &installs].iter().all(|all| all.load(Ordering::Relaxed) >= ENOUGH);
    let call = || {
        let mut plugin = Command::new(directories.to.join("plugin"));
        plugin.env("CNI_COMMAND", "VERSION").output()
    };
    // Both continue until both have done enough. A failure counts as enough, so that the other
    // thread ends.
    let repeat = |act: &dyn Fn() -> io::Result<Output>, done: &AtomicUsize| {
        while !is_enough() {
            let outcome = act();
            let is_good = outcome.as_ref().is_ok_and(|output| output.status.success());
            done.fetch_add(if is_good { 1 } else { ENOUGH }, Ordering::Relaxed);
            assert!(is_good, "{outcome:?}");
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| repeat(&call, &calls));
        repeat(&|| directories.command().output(), &installs);
    });
    let left: Vec<_> = fs::read_dir(&directories.to).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 1, "nothing is left except the plugin: {left:?}");
}

#[test]
fn terminating_it_while_it_installs_leaves_no_incomplete_file() {
    let directories = Directories::new();
    let mut install = directories.install_slowly().spawn().expect("sh");
    let mut stdout = BufReader::new(install.stdout.take().expect("its stdout")).lines();
    let first = stdout.next().expect("a line").expect("readable");
    assert_eq!(first, "syncing", "it is in the middle of a plugin");
    let kill = Command::new("kill").args(["-TERM", &install.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    writeln!(install.stdin.take().expect("its stdin")).expect("it reads");
    let output = install.wait_with_output().expect("it ends");
    // Without a handler the first process of a container would ignore TERM.
    assert_eq!(output.status.code(), Some(1), "it ends by itself: {output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("terminated before all plugins were installed"), "{stderr}");
    let left: Vec<_> = fs::read_dir(&directories.to).expect("a directory").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn missing_plugins_and_directories_are_reported() {
    let directories = Directories::new();
    fs::remove_file(directories.from.join("plugin")).expect("removed");
    let output = directories.install();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there are no plugins in"));
    fs::remove_dir(&directories.to).expect("removed");
    let output = directories.install();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not a directory; mount"));
}
