//! The image of `plugins/dist/deploy/Containerfile`, run on a node as `daemonset.yaml` specifies.
//!
//! Podman runs the pod instead of Kubernetes. The two base images of the Containerfile are replaced
//! by images that are built here: busybox from Debian, and one whose `cargo` provides programs that
//! have been built already.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cni_test_kit::Host;

use super::pods::Podman;
use super::site::{self, until};
use crate::programs::{self, PLUGINS, root};

const BUSYBOX: &str = r#"FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"#;
const RUST: &str =
    "FROM docker.io/library/busybox:stable-musl\nCOPY cargo rustup /bin/\nCOPY built /built\n";
const PLAY: &str = "play kube /run/pod.yaml";
/// Checks that a build has what it needs: manifest, lock file, and a crate for each named package.
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

/// Creates a directory with the files of the replaced base images.
fn base_images() -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("base-images");
    let _ = fs::remove_dir_all(&at);
    fs::create_dir_all(at.join("built")).expect("a directory");
    fs::copy("/bin/busybox", at.join("busybox")).expect("busybox-static is installed");
    let programs = programs::directory();
    for plugin in PLUGINS {
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(at.join("built").join(plugin)).arg(programs.join(plugin));
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
        "build {options} --file '{}' --tag {name} '{}'",
        file.display(),
        directory.display()
    ));
}

/// Returns the pod of the DaemonSet's template in the form that `podman play` accepts.
fn pod() -> String {
    let set =
        fs::read_to_string(root().join("plugins/dist/deploy/daemonset.yaml")).expect("a DaemonSet");
    let (_, template) = set.split_once("\n  template:\n").expect("a template");
    let lines = template.lines().map(|line| line.strip_prefix("    ").expect("all the rest"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let named = text.replacen("metadata:\n", "metadata:\n  name: node\n", 1);
    format!("apiVersion: v1\nkind: Pod\n{named}")
}

/// Builds the Containerfile's image on a node, and starts its pod.
fn begin(host: &Host) -> Podman<'_> {
    site::prepare(host);
    host.sh("mount -t tmpfs opt /opt");
    let podman = Podman::on(host);
    let parts = base_images();
    build(&podman, &parts.join("Busybox"), &parts, "docker.io/library/busybox:stable-musl");
    build(&podman, &parts.join("Rust"), &parts, "docker.io/library/rust:1-slim-bookworm");
    let file = root().join("plugins/dist/deploy/Containerfile");
    build(&podman, &file, &root(), "localhost/cni-wrapper-plugins:latest");
    host.write("/run/pod.yaml", &pod());
    podman.run(PLAY);
    podman
}

/// Checks that the pod's security context is in effect.
fn assert_confined(podman: &Podman<'_>) {
    let status = podman.run("exec node-install cat /proc/1/status");
    for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let output = podman.run("exec node-install sh -c 'touch /file 2>&1 || :'");
    assert!(output.contains("Read-only file system"), "{output}");
}

/// Sets a flag when dropped, so that a thread that waits for it always ends.
struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls a plugin repeatedly. Returns the number of calls.
fn call_until(done: &AtomicBool, plugin: &Path) -> usize {
    let mut calls = 0;
    while !done.load(Ordering::Relaxed) {
        let output = Command::new(plugin).env("CNI_COMMAND", "VERSION").output();
        assert!(output.expect("it is executed").status.success());
        calls += 1;
    }
    calls
}

/// Stops the pod. Returns the exit status of its container, which TERM ends; KILL would follow
/// after half a minute.
fn end(podman: &Podman<'_>) -> String {
    podman.run("pod stop --time 30 node");
    let status = podman.run("inspect --format {{.State.ExitCode}} node-install");
    assert_ne!(status, "137", "it had to be killed");
    podman.run("pod rm --force node");
    status
}

/// Recreates the pod several times while a runtime calls a plugin all the time.
fn recreate_while_called(podman: &Podman<'_>, plugin: &Path) {
    let file = || fs::metadata(plugin).expect("it is always there").ino();
    let done = AtomicBool::new(false);
    let calls = thread::scope(|scope| {
        let calls_end = Done(&done);
        let calling = scope.spawn(|| call_until(&done, plugin));
        for _ in 0..3 {
            let before = file();
            end(podman);
            podman.run(PLAY);
            until("it is installed again", || file() != before);
        }
        drop(calls_end);
        calling.join().expect("every call succeeded")
    });
    assert!(calls > 10, "only {calls} calls were made in the meantime");
}

/// Returns the number of files in the plugin directory of the node.
fn installed(host: &Host) -> usize {
    host.sh("ls -A /opt/cni/bin").split_whitespace().count()
}

#[test]
fn the_image_installs_the_plugins_on_a_node_as_its_daemonset_specifies() {
    let host = Host::new();
    let podman = begin(&host);
    until("the plugins are installed", || host.exists("/opt/cni/bin/mesos-cni-port-mapper"));
    until("all plugins are complete", || installed(&host) == PLUGINS.len());
    for plugin in PLUGINS {
        // In the image, which has no libraries, so that static linking is tested, too.
        let output = podman.run(&format!(
            "exec --env CNI_COMMAND=VERSION node-install /host/opt/cni/bin/{plugin}"
        ));
        assert!(output.contains("supportedVersions"), "{plugin}: {output}");
    }
    assert_confined(&podman);
    let plugin = format!("/proc/{}/root/opt/cni/bin/mesos-cni-port-mapper", host.pid());
    recreate_while_called(&podman, Path::new(&plugin));

    until("it keeps running", || {
        podman.run("logs --tail 1 node-install").starts_with("all plugins are installed")
    });
    assert_eq!(end(&podman), "0", "it succeeded");
    assert_eq!(installed(&host), PLUGINS.len(), "nothing is left except the plugins");
}
