//! An ordinary user gets verdicts if the kernel lets users create user namespaces, and otherwise
//! the reason.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};

use cni_conformance::rootless;
use cni_test_kit::TempDir;

/// The harness and the plugins, in a directory that every user can read.
struct Public {
    directory: TempDir,
}

impl Public {
    fn new() -> Self {
        let public = Self { directory: TempDir::new() };
        let readable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(public.directory.path(), readable).unwrap();
        for (program, name) in [
            (env!("CARGO_BIN_EXE_cni-conformance"), "cni-conformance"),
            (env!("CARGO_BIN_EXE_cni-mutant"), "mutant.ipam"),
            (env!("CARGO_BIN_EXE_cni-mutant"), "mutant.interface"),
            (env!("CARGO_BIN_EXE_cni-mutant"), "mutant.chained"),
        ] {
            fs::copy(program, public.directory.path().join(name)).unwrap();
        }
        public
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Returns the command line that runs the harness as an ordinary user.
    fn harness(&self, words: &[&str]) -> Vec<String> {
        let root = !rootless();
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
        let user = user.iter().filter(|_| root).map(|word| (*word).to_owned());
        let words = words.iter().map(|word| (*word).to_owned());
        user.chain([self.path("cni-conformance")]).chain(words).collect()
    }
}

fn run(words: &[String]) -> (Option<i32>, String) {
    outcome(Command::new(&words[0]).args(&words[1..]).output().unwrap())
}

fn outcome(output: Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_unmutated_plugin_conforms_for_an_ordinary_user() {
    let public = Public::new();
    for profile in ["interface", "chained", "ipam"] {
        let plugin = public.path(&format!("mutant.{profile}"));
        let config = r#"{"ipam": {"type": "mutant.ipam"}}"#;
        let words = ["run", &plugin, "--profile", profile, "--config", config];
        let cases = ["add.", "del.", "check.", "concurrency.", "--spec", "1.1.0"];
        let (status, text) = run(&public.harness(&[&words[..], &cases].concat()));
        assert_eq!(status, Some(0), "{profile}: {text}");
        assert!(text.contains("without root: every host is in a user namespace"), "{text}");
        assert!(text.contains("0 fail, 0 warn") && text.contains("0 broken"), "{text}");
    }
}

/// A user namespace in which no other can be created.
struct Refusing {
    sleeping: Child,
}

impl Refusing {
    fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--user", "--", "sh", "-c", "echo; exec sleep 600"]).stdout(Stdio::piped());
        let mut sleeping = command.spawn().unwrap();
        let mut line = String::new();
        let stdout = sleeping.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let proc = std::path::PathBuf::from(format!("/proc/{}", sleeping.id()));
        for file in ["uid_map", "gid_map"] {
            fs::write(proc.join(file), "0 0 65536").unwrap();
        }
        Self { sleeping }
    }

    fn run(&self, words: &[String]) -> (Option<i32>, String) {
        let script = "echo 0 >/proc/sys/user/max_user_namespaces; exec \"$@\"";
        let mut command = Command::new("nsenter");
        command.args(["--user", "--target", &self.sleeping.id().to_string()]);
        command.arg("--");
        outcome(command.args(["sh", "-ec", script, "sh"]).args(words).output().unwrap())
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        // Fails only if it has exited.
        let _ = self.sleeping.kill();
        let _ = self.sleeping.wait();
    }
}

#[test]
fn refused_user_namespaces_are_reported_with_what_to_do() {
    assert!(!rootless(), "this test needs root: only root can map the ids of an ordinary user");
    let (public, refusing) = (Public::new(), Refusing::new());
    let plugin = public.path("mutant.ipam");
    let words = public.harness(&["run", &plugin, "--profile", "ipam", "del.twice"]);
    let (status, text) = refusing.run(&words);
    assert_eq!(status, Some(2), "{text}");
    for part in ["can't create a disposable host", "user.max_user_namespaces", "No space left"] {
        assert!(text.contains(part), "missing {part:?} in:\n{text}");
    }
}
