//! Builds all test executables and lists their tests.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{Outcome, inherit_cargo, line, metadata, stdout};

/// A test executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    pub(crate) package: String,
    /// The prefix of its tests' names: the name of the test target, unless that is `it`.
    prefix: String,
    pub(crate) path: PathBuf,
    /// The directory of the package, in which tests run.
    directory: PathBuf,
}

/// One test of an executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) binary: Binary,
    /// Its name in the executable.
    pub(crate) name: String,
    pub(crate) ignored: bool,
}

impl Test {
    /// Returns `PACKAGE::NAME`.
    pub(crate) fn id(&self) -> String {
        format!("{}::{}{}", self.binary.package, self.binary.prefix, self.name)
    }
}

impl Binary {
    /// Returns an executable without a package, for tests.
    #[cfg(test)]
    pub(super) fn of(path: PathBuf) -> Self {
        let (package, prefix) = ("test".to_owned(), String::new());
        Self { package, prefix, path, directory: PathBuf::from("/") }
    }

    /// Returns a command that runs it as `cargo test` does.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.prepared(Command::new(&self.path), args)
    }

    /// Returns the same command, started by another program, which gets the executable and its
    /// arguments.
    pub(crate) fn command_by(&self, mut by: Command, args: &[&str]) -> Command {
        by.arg(&self.path);
        self.prepared(by, args)
    }

    fn prepared(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).current_dir(&self.directory).stdin(Stdio::null());
        inherit_cargo(&mut command).env("CARGO_PKG_NAME", &self.package);
        command.env("CARGO_MANIFEST_DIR", &self.directory);
        command.env("CARGO_MANIFEST_PATH", self.directory.join("Cargo.toml"));
        command
    }

    /// Lists its tests.
    pub(crate) fn tests(&self) -> Outcome<Vec<Test>> {
        let list = |more: &[&str]| {
            let args = [&["--list", "--format", "terse"], more].concat();
            stdout(&mut self.command(&args)).map(|text| names(&text))
        };
        let ignored = list(&["--ignored"])?;
        let all = list(&[])?.into_iter().map(|name| {
            let ignored = ignored.contains(&name);
            Test { binary: self.clone(), name, ignored }
        });
        Ok(all.collect())
    }
}

/// Reads the output of `--list --format terse`: lines of the form `NAME: test`.
fn names(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// Runs `cargo test --no-run …`, and returns the executables that it built.
pub(crate) fn build(cargo_test: &mut Command) -> Outcome<Vec<Binary>> {
    debug_assert!(cargo_test.get_args().any(|word| word == OsStr::new("--no-run")));
    let shown = line(cargo_test);
    let messages = stdout(cargo_test.args(["--message-format", "json-render-diagnostics"]))?;
    let binaries = binaries(&messages, &packages(&metadata()?));
    if binaries.is_empty() { Err(format!("{shown} built no test")) } else { Ok(binaries) }
}

/// Returns the names of the workspace's packages by the paths of their manifests.
fn packages(metadata: &Value) -> HashMap<PathBuf, String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let entry = |package: &Value| {
        let text = |key: &str| package[key].as_str().map(str::to_owned);
        Some((PathBuf::from(text("manifest_path")?), text("name")?))
    };
    packages.iter().filter_map(entry).collect()
}

/// Returns the test executables from cargo's messages, each of which is a line of JSON.
fn binaries(messages: &str, packages: &HashMap<PathBuf, String>) -> Vec<Binary> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| binary(&message, packages)).collect()
}

fn binary(message: &Value, packages: &HashMap<PathBuf, String>) -> Option<Binary> {
    let path = PathBuf::from(message["executable"].as_str()?);
    if message["profile"]["test"] != true {
        return None; // a program
    }
    let manifest = PathBuf::from(message["manifest_path"].as_str()?);
    let target = &message["target"];
    let prefix = match (target["kind"][0].as_str()?, target["name"].as_str()?) {
        ("test", name) if name != "it" => format!("{name}::"),
        _ => String::new(),
    };
    let (package, directory) = (packages.get(&manifest)?.clone(), manifest.parent()?.to_owned());
    Some(Binary { package, prefix, path, directory })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a message of cargo about an executable of the package cni-guard.
    fn message(kind: &str, name: &str, test: bool, executable: &str) -> String {
        let message = json!({
            "reason": "compiler-artifact",
            "manifest_path": "/c/guard/Cargo.toml",
            "target": {"kind": [kind], "name": name},
            "profile": {"test": test},
            "executable": executable,
        });
        format!("{message}\n")
    }

    fn guard(prefix: &str, path: &str) -> Binary {
        let (package, directory) = ("cni-guard".to_owned(), "/c/guard".into());
        Binary { package, prefix: prefix.to_owned(), path: path.into(), directory }
    }

    #[test]
    fn test_executables_are_found_in_the_messages_of_cargo() {
        let packages = HashMap::from([("/c/guard/Cargo.toml".into(), "cni-guard".to_owned())]);
        let expected = [
            guard("", "/t/debug/deps/cni_guard-1"),
            guard("", "/t/debug/deps/it-2"),
            guard("cap::", "/t/debug/deps/cap-3"),
        ];
        let messages = [
            message("bin", "cni-guard", false, "/t/debug/cni-guard"),
            message("bin", "cni-guard", true, "/t/debug/deps/cni_guard-1"),
            message("test", "it", true, "/t/debug/deps/it-2"),
            "not a message\n".to_owned(),
            message("test", "cap", true, "/t/debug/deps/cap-3"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        assert_eq!(binaries(&messages.concat(), &packages), expected);
    }

    #[test]
    fn packages_are_named_by_cargo_metadata() {
        let metadata =
            r#"{"packages":[{"name":"cni-guard","manifest_path":"/c/guard/Cargo.toml"}]}"#;
        let packages = packages(&serde_json::from_str(metadata).unwrap());
        assert_eq!(packages[&PathBuf::from("/c/guard/Cargo.toml")], "cni-guard");
    }

    #[test]
    fn only_tests_are_listed() {
        let listed = "a::b: test\nc: test\nd: benchmark\n\n2 tests, 1 benchmark\n";
        assert_eq!(names(listed), ["a::b", "c"]);
    }

    #[test]
    fn an_id_consists_of_package_target_and_name() {
        let test = |binary| Test { binary, name: "m::t".to_owned(), ignored: false }.id();
        assert_eq!(test(guard("", "/x")), "cni-guard::m::t");
        assert_eq!(test(guard("cap::", "/x")), "cni-guard::cap::m::t");
    }

    #[test]
    fn this_executable_lists_this_test() {
        let path = std::env::current_exe().unwrap();
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let binary = Binary { package: "xtask".into(), prefix: String::new(), path, directory };
        let tests = binary.tests().unwrap();
        let own = "test::plan::tests::this_executable_lists_this_test";
        assert!(tests.iter().any(|test| test.name == own && !test.ignored), "{tests:?}");
    }
}
