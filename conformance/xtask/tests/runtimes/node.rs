//! The image of `plugins/deploy/Containerfile`, run on a node as `daemonset.yaml` says.
//!
//! Podman stands in for Kubernetes, and two images made here for those that the Containerfile begins with: one is busybox from Debian, in
//! the other `cargo` hands out what was built already.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cni_wrapper_test::{Host, plugin_binary};

use super::pods::Podman;
use super::site::{self, until};

const PLUGINS: [&str; 4] = ["mesos-cni-port-mapper", "cni-guard", "cni-label-policy", "cni-trace"];
const BUSYBOX: &str = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";
const RUST: &str =
    "FROM docker.io/library/busybox:stable-musl\nCOPY cargo rustup /bin/\nCOPY built /built\n";
/// Knows what a build needs: a manifest, a lock, and a crate for each package that is named.
const CARGO: &str = r#"#!/bin/sh
set -e
test -f Cargo.toml -a -f Cargo.lock
while [ $# -gt 0 ]; do
    case $1 in
        --target) mkdir -p target/$2/release; cp /built/* target/$2/release; shift ;;
        --package) grep -qx "name = \"$2\"" */*/Cargo.toml; shift ;;
    esac
    shift
done
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the top")
}

/// What the images that stand in are made of.
fn stand_ins() -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stand-ins");
    let _ = fs::remove_dir_all(&at);
    fs::create_dir_all(at.join("built")).expect("a directory");
    fs::copy("/bin/busybox", at.join("busybox")).expect("busybox-static is installed");
    for plugin in PLUGINS {
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(at.join("built").join(plugin)).arg(plugin_binary(plugin, plugin));
        assert!(strip.status().expect("strip").success());
    }
    for (name, text) in
        [("cargo", CARGO), ("rustup", "#!/bin/sh\n"), ("Busybox", BUSYBOX), ("Rust", RUST)]
    {
        fs::write(at.join(name), text).expect("written");
    }
    let chmod = Command::new("chmod").args(["0755", "cargo", "rustup"]).current_dir(&at).status();
    assert!(chmod.expect("chmod").success());
    at
}

fn build(podman: &Podman<'_>, file: &Path, directory: &Path, name: &str) {
    let options = "--isolation chroot --pull=never --quiet";
    podman.run(&format!(
        "build {options} --file {} --tag {name} {}",
        file.display(),
        directory.display()
    ));
}

/// The pod of the DaemonSet's template, as Podman plays it.
fn pod() -> String {
    let set =
        fs::read_to_string(root().join("plugins/deploy/daemonset.yaml")).expect("a DaemonSet");
    let (_, template) = set.split_once("\n  template:\n").expect("a template");
    let lines = template.lines().map(|line| line.strip_prefix("    ").expect("all the rest"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let named = text.replacen("metadata:\n", "metadata:\n  name: node\n", 1);
    format!("apiVersion: v1\nkind: Pod\n{named}")
}

#[test]
fn the_image_installs_the_plugins_on_a_node_as_its_daemonset_says() {
    let host = Host::new();
    site::prepare(&host, "## Podman");
    host.sh("mount -t tmpfs opt /opt");
    let podman = Podman::on(&host);
    let parts = stand_ins();
    build(&podman, &parts.join("Busybox"), &parts, "docker.io/library/busybox:stable-musl");
    build(&podman, &parts.join("Rust"), &parts, "docker.io/library/rust:1-slim-bookworm");
    let file = root().join("plugins/deploy/Containerfile");
    build(&podman, &file, &root(), "localhost/cni-wrapper-plugins:latest");

    host.write("/run/pod.yaml", &pod());
    podman.run("play kube /run/pod.yaml");
    until("the plugins are installed", || host.exists("/opt/cni/bin/mesos-cni-port-mapper"));
    until("nothing is half there", || {
        host.sh("ls -A /opt/cni/bin").split_whitespace().count() == PLUGINS.len()
    });
    for plugin in PLUGINS {
        let said = host.sh(&format!("CNI_COMMAND=VERSION /opt/cni/bin/{plugin}"));
        assert!(said.contains("supportedVersions"), "{plugin}: {said}");
    }
    let state = podman.run("ps --filter name=node-install --format {{.Status}}");
    assert!(state.starts_with("Up"), "it stays: {state}");
    // TERM ends it; KILL would come after ten seconds.
    assert_eq!(podman.run("stop --time 10 node-install").lines().count(), 1);
    assert_eq!(podman.run("inspect --format {{.State.ExitCode}} node-install"), "0", "by itself");
    podman.run("pod rm --force node");
}
