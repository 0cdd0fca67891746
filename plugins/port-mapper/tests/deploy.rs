//! `plugins/deploy/install.sh`: a runtime never meets half a plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

struct Directories {
    from: PathBuf,
    to: PathBuf,
}

impl Directories {
    fn new(name: &str) -> Self {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&top);
        let [from, to] = ["from", "to"].map(|name| top.join(name));
        fs::create_dir_all(&from).expect("a directory");
        fs::create_dir_all(&to).expect("a directory");
        fs::copy(env!("CARGO_BIN_EXE_mesos-cni-port-mapper"), from.join("plugin")).expect("copied");
        Self { from, to }
    }

    fn install(&self) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/install.sh");
        let mut install = Command::new("sh");
        install.arg(script).env("PLUGINS_FROM", &self.from).env("PLUGINS_TO", &self.to);
        install.output().expect("sh")
    }
}

#[test]
fn a_runtime_that_calls_all_the_time_never_meets_half_a_plugin() {
    let directories = Directories::new("busy");
    assert!(directories.install().status.success());
    let done = AtomicBool::new(false);
    let calls = thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let mut calls = 0;
            while !done.load(Ordering::Relaxed) {
                let mut plugin = Command::new(directories.to.join("plugin"));
                let output = plugin.env("CNI_COMMAND", "VERSION").output().expect("it is executed");
                assert!(output.status.success(), "{output:?}");
                calls += 1;
            }
            calls
        });
        let installed: Vec<Output> = (0..20).map(|_| directories.install()).collect();
        // Before anything is judged: else the other thread would never end.
        done.store(true, Ordering::Relaxed);
        for output in installed {
            assert!(output.status.success(), "{output:?}");
        }
        calling.join().expect("every call succeeded")
    });
    assert!(calls > 10, "only {calls} calls were made meanwhile");
    let left: Vec<_> = fs::read_dir(&directories.to).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 1, "nothing is left beside the plugin: {left:?}");
}

#[test]
fn what_is_missing_is_said() {
    let directories = Directories::new("missing");
    fs::remove_file(directories.from.join("plugin")).expect("removed");
    let output = directories.install();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no plugin in"));
    fs::remove_dir(&directories.to).expect("removed");
    let output = directories.install();
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no directory; mount"));
}
