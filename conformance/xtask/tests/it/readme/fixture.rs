//! A disposable host with the files and programs that the commands of READMEs use.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use cni_test_kit::{Host, TempDir, plugin_binary};

use super::{blocks, read, root};

const PROGRAMS: [&str; 4] =
    ["cni-conformance", "cni-label-policy", "cni-trace", "mesos-cni-port-mapper"];

/// Mounts overlays, so that the host can write to `/etc`, `/opt` and `/var/log`.
const OVERLAYS: &str = "
    for directory in etc opt var/log; do
        own=/run/readme/$directory
        mkdir -p $own/upper $own/work
        mount -t overlay -o lowerdir=/$directory,upperdir=$own/upper,workdir=$own/work \
            overlay /$directory
    done
    mkdir -p /etc/cni/net.d /etc/systemd/system /opt/cni/bin";

/// The host, and the working directory of the commands.
pub(super) struct Fixture {
    host: Host,
    directory: TempDir,
    path: String,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let host = Host::new();
        host.sh(OVERLAYS);
        let directory = TempDir::new();
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs().display());
        let fixture = Self { host, directory, path };
        fixture.files();
        fixture.recording();
        fixture
    }

    /// Runs a command line in the working directory.
    pub(super) fn sh(&self, line: &str) -> Output {
        let mut sh = self.host.command("sh");
        sh.args(["-c", "cd \"$0\" && eval \"$1\""]).arg(self.directory.path()).arg(line);
        sh.env("PATH", &self.path).env_remove("CNI_COMMAND").stdin(Stdio::null());
        sh.output().expect("a shell")
    }

    /// Creates the files and programs that commands name.
    fn files(&self) {
        let at = self.directory.path();
        let link = |to: &Path, name: &str| symlink(to, at.join(name)).expect("a link");
        link(&root().join("conformance"), "conformance");
        // Subject files contain paths below `target`.
        link(programs().parent().expect("a directory"), "target");
        link(Path::new("/usr/lib/cni/bridge"), "bridge-of-tomorrow");
        for unit in ["firewalld", "restore"] {
            let unit = format!("mesos-cni-port-mapper-{unit}.service");
            link(&root().join("plugins/dist/systemd").join(&unit), &unit);
        }
        let write = |name: &str, text: &str| fs::write(at.join(name), text).expect("written");
        let list = containerd_list();
        write("net.conflist", &list);
        self.host.write("/etc/cni/net.d/10-net.conflist", &list);
        write("mesos.conf", &first_json("plugins/label-policy/README.md"));
        write("port-mapper.conf", &first_json("plugins/port-mapper/README.md"));
        write("trace.conf", &first_json("plugins/trace/README.md"));
        // The report of an unchanged plugin.
        link(Path::new("bridge.json"), "bridge-of-last-week.json");
        // Copied, since a disposable host of cni-conformance hides /tmp, where links would lead.
        let plugins = ["mesos-cni-port-mapper", "cni-trace"].map(|name| programs().join(name));
        let copied = self.host.command("cp").args(plugins).arg("/opt/cni/bin").status();
        assert!(copied.expect("cp").success());
    }

    /// Records `/var/log/cni-trace.jsonl` with `cni-trace`.
    fn recording(&self) {
        for line in [
            "ip netns add traced",
            "cni-conformance add trace.conf traced",
            "cni-conformance del trace.conf traced",
            "ip netns delete traced",
        ] {
            let output = self.sh(line);
            assert!(output.status.success(), "{line}: {output:?}");
        }
    }
}

/// Builds all programs, and returns their directory.
fn programs() -> PathBuf {
    let paths = PROGRAMS.map(|program| plugin_binary(program, program));
    paths[0].parent().expect("a directory").to_owned()
}

fn first_json(readme: &str) -> String {
    blocks(&read(readme), "json").into_iter().next().expect("a block of JSON")
}

/// Returns the network configuration for containerd in the recipes.
fn containerd_list() -> String {
    let page = read("plugins/RECIPES.md");
    let (_, section) = page.split_once("## containerd").expect("the heading");
    blocks(section, "json").into_iter().next().expect("a block of JSON")
}
