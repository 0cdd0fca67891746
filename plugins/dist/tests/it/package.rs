//! The Debian package installs on a clean Debian, works there, and is removed completely.

use std::path::{Path, PathBuf};
use std::process::Command;

use cni_test_kit::Host;

use crate::programs::{PLUGINS, cni_dist, root};

/// Runs a command. Returns its exit status and its output.
fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text.into_owned())
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let (code, output) = run(command);
    assert_eq!(code, Some(0), "{command:?}: {output}");
    output
}

/// A Debian with essential packages only.
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

    /// Runs a command there, on the host's network.
    fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut chroot = self.host.command("chroot");
        run(chroot
            .arg(&self.tree)
            .args(["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            .args(args))
    }

    /// Checks that programs run where only the files of their directory exist.
    fn assert_static(&self, directory: &str, programs: &[&str]) {
        for program in programs {
            let mut chroot = self.host.command("chroot");
            chroot.arg(self.tree.join(directory)).args([&format!("/{program}"), "--version"]);
            let output = succeed(chroot.env_remove("CNI_COMMAND"));
            assert!(output.starts_with(program), "{program}: {output}");
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
fn the_package_installs_on_a_clean_debian_works_there_and_is_removed_completely() {
    let host = Host::new();
    let output = cni_dist(&["package", "--debug"]);
    let package = root().join(output.lines().last().expect("the name of the package"));
    let clean = Clean::new(&host);
    let before = clean.files();
    std::fs::copy(package, clean.tree.join("plugins.deb")).expect("copied");
    let (code, output) = clean.run(&["dpkg", "--install", "/plugins.deb"]);
    assert_eq!(code, Some(0), "{output}");

    for program in ["mesos-cni-port-mapper", "cni-label-policy", "cni-trace", "cni-conformance"] {
        let (code, output) = clean.run(&[program, "--version"]);
        assert_eq!(code, Some(0), "{program}: {output}");
        for completions in [
            format!("bash-completion/completions/{program}"),
            format!("fish/vendor_completions.d/{program}.fish"),
            format!("zsh/vendor-completions/_{program}"),
        ] {
            let (code, output) = clean.run(&["test", "-s", &format!("/usr/share/{completions}")]);
            assert_eq!(code, Some(0), "{completions}: {output}");
        }
    }
    clean.assert_static("usr/bin", &["cni-conformance"]);
    clean.assert_static("usr/lib/cni", &PLUGINS);
    for plugin in PLUGINS {
        let (code, output) =
            clean.run(&["env", "CNI_COMMAND=VERSION", &format!("/usr/lib/cni/{plugin}")]);
        assert!(code == Some(0) && output.contains("supportedVersions"), "{plugin}: {output}");
        let (_, schema) =
            clean.run(&["cat", &format!("/usr/share/cni-wrapper-plugins/schemas/{plugin}.json")]);
        serde_json::from_str::<serde_json::Value>(&schema).expect("a schema");
    }
    // There is no iptables, and ip_forward is off: doctor reports both.
    host.sh(&format!("mount -t proc proc '{}'", clean.tree.join("proc").display()));
    host.run("sysctl -q -w net.ipv4.ip_forward=0");
    let (code, output) = clean.run(&["mesos-cni-port-mapper", "doctor", "--backend", "iptables"]);
    assert!(code == Some(1) && output.contains("iptables"), "iptables is missing: {output}");
    assert!(output.contains("ip_forward"), "{output}");
    host.run("sysctl -q -w net.ipv4.ip_forward=1");
    let (code, output) = clean.run(&["mesos-cni-port-mapper", "doctor"]);
    assert_eq!(code, Some(0), "nftables needs no program: {output}");

    let (code, output) = clean.run(&["dpkg", "--purge", "cni-wrapper-plugins"]);
    assert_eq!(code, Some(0), "{output}");
    let left: Vec<_> = clean.files().into_iter().filter(|file| !before.contains(file)).collect();
    assert!(left.is_empty(), "{left:?}");
}
