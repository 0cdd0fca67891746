//! Hosts with more than one place for rules: both variants of iptables, nftables, and tables that
//! one tool keeps from another.

mod conflicts;
mod guard;
mod incompatible;
mod programs;
mod switched;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use cni_test_kit::{CallBuilder, Host};
use serde_json::{Value, json};

use super::testbed::{NFTABLES, RulesTestbed, STATE, own_rules};
use crate::common::plugin;

pub(super) const NFT: &str = "iptables-nft";
pub(super) const LEGACY: &str = "iptables-legacy";
const PLACES: [&str; 3] = [NFT, LEGACY, NFTABLES];

/// A host whose `iptables` is an alternative of its own, which a test can switch.
pub(super) struct Alternatives {
    pub(super) testbed: RulesTestbed,
    /// The configuration's `backend`, or null.
    configured: Value,
    /// The rest of the PATH.
    more: &'static str,
}

impl Alternatives {
    /// Returns a host with both variants under their own names, of which one is the default.
    pub(super) fn new(default: &str, configured: Value) -> Self {
        let testbed = RulesTestbed::new(NFT);
        let host = Self { testbed, configured, more: "/usr/sbin:/usr/bin:/sbin:/bin" };
        host.switch(default);
        host
    }

    /// Returns a host on which only the default names exist.
    fn without_own_names(default: &str, configured: Value) -> Self {
        Self { more: "/usr/bin", ..Self::new(default, configured) }
    }

    fn host(&self) -> &Host {
        &self.testbed.host
    }

    /// The directory in which the host's programs are found first.
    fn bin(&self) -> PathBuf {
        self.testbed.plugins.path().join("bin")
    }

    fn path(&self) -> String {
        format!("{}:{}", self.bin().display(), self.more)
    }

    /// Makes a variant the default one, as `update-alternatives` does.
    fn switch(&self, variant: &str) {
        let alternatives = self.testbed.plugins.path().join("alternatives");
        for directory in [&self.bin(), &alternatives] {
            fs::create_dir_all(directory).expect("a directory");
        }
        for family in ["iptables", "ip6tables"] {
            for program in ["", "-save", "-restore"] {
                let name = format!("{family}{program}");
                let own = variant.replacen("iptables", family, 1) + program;
                link(&Path::new("/usr/sbin").join(own), &alternatives.join(&name));
                link(&Path::new("../alternatives").join(&name), &self.bin().join(&name));
            }
        }
    }

    /// Returns an ADD of a live container with one mapping.
    pub(super) fn call(&self, id: &str, host_port: u16) -> CallBuilder {
        let call = self.testbed.call(id, &[crate::common::tcp(host_port, 80)]);
        call.env("PATH", &self.path()).key("backend", self.configured.clone())
    }

    /// Runs a command for administrators.
    fn command(&self, args: &[&str]) -> Output {
        let mut command = self.host().command(plugin());
        command.args(args).env_remove("CNI_COMMAND").env("PATH", self.path());
        command.output().expect("it starts")
    }

    fn rules(&self, place: &str) -> String {
        own_rules(self.host(), place)
    }

    /// Returns the places that have rules of a container.
    fn places_of(&self, id: &str) -> Vec<&'static str> {
        let mark = format!("container_id: {id} ");
        PLACES.into_iter().filter(|place| self.rules(place).contains(&mark)).collect()
    }

    /// Returns the backend that the only state file names.
    fn noted(&self) -> Value {
        let file = self.host().sh(&format!("cat {STATE}/*.json"));
        let file: Value = serde_json::from_str(&file).expect("one state file");
        file["value"]["backend"].clone()
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        for place in PLACES {
            assert_eq!(self.rules(place), "", "rules in {place}");
        }
        let files = self.host().sh(&format!("find {STATE} -name '*.json' 2>/dev/null || :"));
        assert_eq!(files, "", "state files");
    }
}

/// Creates a link or changes where it leads.
fn link(target: &Path, link: &Path) {
    match fs::remove_file(link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => symlink(target, link).expect("a link"),
    }
}

fn gc(call: &CallBuilder) -> cni_test_kit::Outcome {
    let call = call.clone().as_verb("GC").key("cni.dev/valid-attachments", json!([]));
    call.without_env("CNI_CONTAINERID").without_env("CNI_IFNAME").without_netns().run(plugin())
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{out}{err}")
}
