//! The Debian package installs on a clean Debian, works there, and goes without a trace.

use std::path::{Path, PathBuf};
use std::process::Command;

use cni_test_kit::Host;

use crate::programs::{PLUGINS, cni_dist, root};

/// Runs it, and gives what it said, with its exit status.
fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let (code, said) = run(command);
    assert_eq!(code, Some(0), "{command:?}: {said}");
    said
}

/// A Debian that has nothing but what every Debian has.
struct Clean<'h> {
    tree: PathBuf,
    host: &'h Host,
}

impl<'h> Clean<'h> {
    fn new(host: &'h Host) -> Self {
        let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clean-debian");
        let _ = std::fs::remove_dir_all(&tree);
        let release = std::fs::read_to_string("/etc/os-release").expect("a release");
        let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let name = name.expect("this machine is a Debian");
        succeed(Command::new("mmdebstrap").args(["--variant=essential", name]).arg(&tree));
        Self { tree, host }
    }

    /// Runs it there, on the host's network.
    fn run(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut chroot = self.host.command("chroot");
        run(chroot
            .arg(&self.tree)
            .args(["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            .args(words))
    }

    /// Programs run where there is nothing but what lies beside them.
    fn needs_no_library(&self, directory: &str, programs: &[&str]) {
        for program in programs {
            let mut chroot = self.host.command("chroot");
            chroot.arg(self.tree.join(directory)).args([&format!("/{program}"), "--version"]);
            let said = succeed(chroot.env_remove("CNI_COMMAND"));
            assert!(said.starts_with(program), "{program}: {said}");
        }
    }

    fn files(&self) -> Vec<String> {
        let (_, files) = self.run(&["find", "/usr", "/etc", "/opt", "-xdev"]);
        files.lines().map(str::to_owned).collect()
    }
}

impl Drop for Clean<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.tree);
    }
}

#[test]
fn the_package_installs_on_a_clean_debian_works_there_and_goes_without_a_trace() {
    let host = Host::new();
    let said = cni_dist(&["package", "--debug"]);
    let package = root().join(said.lines().last().expect("its name"));
    let clean = Clean::new(&host);
    let before = clean.files();
    std::fs::copy(package, clean.tree.join("plugins.deb")).expect("copied");
    let (code, said) = clean.run(&["dpkg", "--install", "/plugins.deb"]);
    assert_eq!(code, Some(0), "{said}");

    for program in ["mesos-cni-port-mapper", "cni-label-policy", "cni-conformance"] {
        let (code, said) = clean.run(&[program, "--version"]);
        assert_eq!(code, Some(0), "{program}: {said}");
        for completions in [
            format!("bash-completion/completions/{program}"),
            format!("fish/vendor_completions.d/{program}.fish"),
            format!("zsh/vendor-completions/_{program}"),
        ] {
            let (code, said) = clean.run(&["test", "-s", &format!("/usr/share/{completions}")]);
            assert_eq!(code, Some(0), "{completions}: {said}");
        }
    }
    clean.needs_no_library("usr/bin", &["cni-conformance"]);
    clean.needs_no_library("usr/lib/cni", &PLUGINS);
    for plugin in PLUGINS {
        let (code, said) =
            clean.run(&["env", "CNI_COMMAND=VERSION", &format!("/usr/lib/cni/{plugin}")]);
        assert!(code == Some(0) && said.contains("supportedVersions"), "{plugin}: {said}");
        let (_, schema) =
            clean.run(&["cat", &format!("/usr/share/cni-wrapper-plugins/schemas/{plugin}.json")]);
        serde_json::from_str::<serde_json::Value>(&schema).expect("a schema");
    }
    // Neither iptables nor a setting: what is missing is said, and what there is.
    host.sh(&format!("mount -t proc proc '{}'", clean.tree.join("proc").display()));
    host.run("sysctl -q -w net.ipv4.ip_forward=0");
    let (code, said) = clean.run(&["mesos-cni-port-mapper", "doctor", "--backend", "iptables"]);
    assert!(code == Some(1) && said.contains("iptables"), "iptables is not there: {said}");
    assert!(said.contains("ip_forward"), "{said}");
    host.run("sysctl -q -w net.ipv4.ip_forward=1");
    let (code, said) = clean.run(&["mesos-cni-port-mapper", "doctor"]);
    assert_eq!(code, Some(0), "nftables needs no program: {said}");

    let (code, said) = clean.run(&["dpkg", "--purge", "cni-wrapper-plugins"]);
    assert_eq!(code, Some(0), "{said}");
    let left: Vec<_> = clean.files().into_iter().filter(|file| !before.contains(file)).collect();
    assert!(left.is_empty(), "{left:?}");
}
