//! A directory of fake iptables programs, and the input of the tests that use them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use async_std::task::block_on;
use cni_test_kit::TempDir;
use cni_wrapper::Attachment;
use port_mapper::Error;
use port_mapper::backend::iptables::{Iptables, Variant};
use port_mapper::backend::{Backend, ExistingRules, Guard, Hints, Installed, ProgramEnvironment};
use port_mapper::claim::Claim;
use port_mapper::family::Family;
use port_mapper::mappings::Mapping;
use serde_json::json;

use crate::programs::executable;

/// A directory of fake programs, which record how they were run.
pub(crate) struct FakeIptables(TempDir);

/// How long to wait for the xtables lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Prints the listing, if there is one.
const SAVE: &str = "cat \"$here/listing\" 2>/dev/null; exit 0";
/// Prints the requested chains of the listing, up to the first that does not exist.
const SHOW: &str = r#"
rules() { sed -n "/^[*]$table\$/,/^COMMIT/p" "$here/listing" 2>/dev/null; }
if grep -q '^-S ' "$input"; then
    cat "$input" >>"$here/requests"
    while read -r word chain; do
        case $word$chain in
            '*'*) table=${word#?}; continue ;;
            COMMIT) continue ;;
            -SPREROUTING | -SOUTPUT | -SPOSTROUTING) echo "-P $chain ACCEPT" ;;
            *) rules | grep -q "^:$chain " || exit 1; echo "-N $chain" ;;
        esac
        rules | grep "^-A $chain "
    done <"$input"
    exit 0
fi
"#;
/// Records any other input.
const RESTORE: &str = "cat \"$input\" >>\"$here/changes\"; exit 0";

impl FakeIptables {
    pub(crate) fn new() -> Self {
        let fake = Self(TempDir::new());
        fake.program("iptables-save", SAVE);
        fake.restore(RESTORE);
        fake.program("iptables", "echo 'iptables v1.8.9 (nf_tables)'");
        fake
    }

    /// Returns the path of a file next to the programs.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Sets the rules that iptables-save lists.
    pub(crate) fn list(&self, listing: &str) {
        fs::write(self.file("listing"), listing).unwrap();
    }

    pub(crate) fn program(&self, name: &str, body: &str) {
        self.script(name, &format!("echo \"{name} $*\" >>\"$here/runs\"\n{body}"));
    }

    fn script(&self, name: &str, body: &str) {
        executable(&self.file(name), &format!("here={}\n{body}", self.0.path().display()));
    }

    /// Adds an iptables-restore that can list, and runs the script `body` for any other input,
    /// which is in the file `$input`. Without input it records nothing: it was not needed.
    pub(crate) fn restore(&self, body: &str) {
        let read_input = "input=$here/input.$$; cat >\"$input\"; [ -s \"$input\" ] || exit 0";
        let body =
            format!("{read_input}\necho \"iptables-restore $*\" >>\"$here/runs\"\n{SHOW}{body}");
        self.script("iptables-restore", &body);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    pub(crate) fn backend(&self, variant: Variant) -> Result<Iptables, Error> {
        let path = format!("{}:/usr/bin:/bin", self.0.path().display());
        let lock = self.file("xtables.lock").into_os_string();
        let environment =
            ProgramEnvironment { path: Some(path.into()), xtables_lock_file: Some(lock) };
        Iptables::find(variant, &environment, LOCK_TIMEOUT)
    }

    pub(crate) fn install(&self) -> Result<Installed, Error> {
        block_on(self.backend(Variant::Default)?.install(
            &claim(),
            ExistingRules::OfClaim,
            Guard::AsRulesRequire,
        ))
    }

    pub(crate) fn remove(&self, families: Option<Vec<Family>>) -> Result<(), Error> {
        let hints = Hints { families, ..Hints::default() };
        block_on(self.backend(Variant::Default)?.remove(&claim().owner, None, &hints))
    }
}

pub(crate) fn claim() -> Claim {
    serde_json::from_value(json!({
        "version": 1, "owner": {"network": "n", "containerId": "c1", "ifname": "eth0"},
        "chain": "MESOS", "snat": true, "addresses": ["10.0.0.2/24"],
        "mappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}],
    }))
    .unwrap()
}

pub(crate) fn owner(container: &str) -> Attachment {
    let own = str::to_owned;
    Attachment { network: own("n"), container_id: own(container), ifname: own("eth0") }
}

pub(crate) fn mappings(port: u16) -> Vec<Mapping> {
    let mapping = json!([{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]);
    serde_json::from_value(mapping).unwrap()
}

/// What a DEL knows about the claim.
pub(crate) fn hints() -> Hints {
    Hints { chain: Some("MESOS".to_owned()), families: Some(vec![Family::V4]), ..Hints::default() }
}

/// The rules of the claim, as iptables-save prints them.
pub(crate) const LISTING: &str = "\
*nat
:MESOS - [0:0]
:PORT-MAPPER-MASQ - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS
-A OUTPUT -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS
-A POSTROUTING -m conntrack --ctstate DNAT -j PORT-MAPPER-MASQ
-A MESOS -p tcp -m tcp --dport 80 -m comment \
    --comment \"container_id: c1 network: n ifname: eth0\" -j DNAT --to-destination 10.0.0.2:80
-A PORT-MAPPER-MASQ -s 10.0.0.0/24 -d 10.0.0.2/32 -m comment \
    --comment \"container_id: c1 network: n ifname: eth0\" -j MASQUERADE
-A PORT-MAPPER-MASQ -s 127.0.0.0/8 -d 10.0.0.2/32 -m comment \
    --comment \"container_id: c1 network: n ifname: eth0\" -j MASQUERADE
COMMIT
*raw
:PORT-MAPPER-GUARD - [0:0]
-A PREROUTING -j PORT-MAPPER-GUARD
-A PORT-MAPPER-GUARD -d 127.0.0.0/8 ! -i lo -j DROP
-A PORT-MAPPER-GUARD -s 127.0.0.0/8 ! -i lo -j DROP
COMMIT
";
