//! `add`, `check`, `del`, `gc`, `status`: a small runtime for people.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_conformance::exchange::Exchange;
use cni_conformance::runtime::libcni::Cache;
use cni_conformance::runtime::mesos::{Handle, Join, config};
use cni_conformance::runtime::{
    Failure, Isolator, Kind, Libcni, Network, Parameters, Plugins, Quirks, Runner, Site, Wanted,
};
use cni_wrapper::{Environment, check_container_id, check_ifname, check_network};
use sha2::{Digest, Sha512};

use super::runtime_arguments::{self, Words};
use super::{CONFORMS, FAILED, life};

const VERBS: [&str; 5] = ["add", "check", "del", "gc", "status"];
const OPTIONS: [&str; 13] = [
    "runtime",
    "ifname",
    "id",
    "args",
    "cap",
    "info",
    "path",
    "netconf-dir",
    "cache",
    "timeout",
    "valid",
    "all",
    "verbose",
];

const PLUGINS: &str = "/opt/cni/bin:/usr/lib/cni";
const NETCONFS: &str = "/etc/cni/net.d";
const LIBCNI_CACHE: &str = "/var/lib/cni";
/// Not where a real agent keeps its own: that one would take what it finds there for orphans.
const MESOS_CACHE: &str = "/run/cni-conformance/mesos";
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether this is one of the verbs.
pub(super) fn knows(verb: &str) -> bool {
    VERBS.contains(&verb)
}

/// Does what the verb says. Plugins' results go to stdout, and nothing else does.
pub(super) fn by_hand(verb: &str, parser: lexopt::Parser) -> Result<u8, String> {
    let words = runtime_arguments::read(parser, &OPTIONS)?;
    let task = Task::read(verb, &words)?;
    let done = match words.kind() {
        Kind::Libcni => with_libcni(&task, &words),
        Kind::Mesos => with_mesos(&task, &words),
    };
    match done {
        Ok(()) => Ok(CONFORMS),
        Err(Failure { exchange: None, message }) => Err(message),
        Err(failure) => {
            eprintln!("cni-conformance: {failure}");
            Ok(FAILED)
        }
    }
}

/// What is to be done, with all defaults filled in.
struct Task {
    verb: String,
    netconf: String,
    parameters: Parameters,
    path: String,
    netconf_dir: PathBuf,
    runner: Runner,
}

impl Task {
    fn read(verb: &str, words: &Words) -> Result<Self, String> {
        let own = Environment::current();
        let concerns_container = !matches!(verb, "gc" | "status");
        let (netconf, netns) = match (words.words.as_slice(), concerns_container) {
            ([netconf, netns], true) => (netconf, netns.as_str()),
            ([netconf], true) => return Err(format!("{verb} {netconf} in which NETNS?")),
            ([netconf] | [netconf, _], false) => (netconf, ""),
            ([], _) => return Err(format!("{verb} which NETCONF? See --help")),
            _ => return Err(format!("{verb} NETCONF NETNS, and options; see --help")),
        };
        check_options(verb, words)?;
        let variable = |name: &str| own.text(name).map(str::to_owned);
        let path = words.path.clone().or_else(|| variable("CNI_PATH"));
        let netconf_dir =
            words.netconf_dir.clone().or_else(|| variable("NETCONFPATH").map(Into::into));
        let runner = Runner::new(Site::Here, own, words.timeout.unwrap_or(PATIENCE));
        Ok(Self {
            verb: verb.to_owned(),
            netconf: netconf.clone(),
            parameters: parameters(verb, netns, words)?,
            path: path.unwrap_or_else(|| PLUGINS.to_owned()),
            netconf_dir: netconf_dir.unwrap_or_else(|| NETCONFS.into()),
            runner: if words.verbose { runner.showing(show) } else { runner },
        })
    }

    fn directories(&self) -> Vec<PathBuf> {
        self.path.split(':').filter(|one| !one.is_empty()).map(PathBuf::from).collect()
    }
}

/// Options that make no sense with this verb or this runtime.
fn check_options(verb: &str, words: &Words) -> Result<(), String> {
    match words.kind() {
        Kind::Libcni => words.refuse(&["info"], "only Mesos knows this; use --cap")?,
        Kind::Mesos if !matches!(verb, "add" | "del") => {
            return Err(format!("Mesos never calls {}: use --runtime libcni", verb.to_uppercase()));
        }
        Kind::Mesos => {
            words.refuse(&["args"], "Mesos never sets CNI_ARGS")?;
            words.refuse(&["cap"], "Mesos supplies no capabilities; use --info")?;
            words.refuse(&["ifname"], "Mesos counts its interfaces: the first is eth0")?;
        }
    }
    match verb {
        "gc" => {
            words.refuse(
                &["id", "ifname", "args", "cap"],
                "GC concerns a network, not an attachment",
            )?;
            match (words.valid.is_empty(), words.all) {
                (true, false) => Err("gc removes every attachment that is not named by --valid \
                     ID[/IFNAME]; to remove all of them, say --all"
                    .to_owned()),
                (false, true) => Err("--valid and --all: which of them?".to_owned()),
                _ => Ok(()),
            }
        }
        "status" => words.refuse(
            &["id", "ifname", "args", "cap"],
            "STATUS concerns a network, not an attachment",
        ),
        _ => Ok(()),
    }
    .and_then(|()| {
        if verb == "gc" { Ok(()) } else { words.refuse(&["valid", "all"], "only with gc") }
    })
}

fn parameters(verb: &str, netns: &str, words: &Words) -> Result<Parameters, String> {
    let netns = netns_path(netns)?;
    // After a crash or a reboot it is gone, and DEL has to work all the same.
    if matches!(verb, "add" | "check") && !Path::new(&netns).exists() {
        return Err(format!(
            "there is no network namespace {netns}: make one with `ip netns add NAME`"
        ));
    }
    let parameters = Parameters {
        id: words.id.clone().unwrap_or_else(|| id_of(&netns)),
        netns,
        ifname: words.ifname.clone().unwrap_or_else(|| "eth0".to_owned()),
        args: words.args.clone(),
        capability_args: words.cap.clone().unwrap_or_default(),
    };
    check_container_id(&parameters.id).map_err(|problem| format!("--id: {problem}"))?;
    check_ifname(&parameters.ifname).map_err(|problem| format!("--ifname: {problem}"))?;
    Ok(parameters)
}

/// A path as it is, made absolute; a bare name is one of `ip netns`.
fn netns_path(netns: &str) -> Result<String, String> {
    if netns.is_empty() {
        return Ok(String::new());
    }
    let named = Path::new("/run/netns").join(netns);
    let path = match netns.contains('/') {
        true => std::path::absolute(netns).map_err(|error| format!("{netns}: {error}"))?,
        false => named,
    };
    Ok(path.display().to_string())
}

/// The container id that cnitool makes of a namespace's path, so that either can go on where the other began.
fn id_of(netns: &str) -> String {
    let hash = Sha512::digest(netns);
    let hex: String = hash.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    format!("cnitool-{hex}")
}

fn with_libcni(task: &Task, words: &Words) -> Result<(), Failure> {
    let quirks = Quirks::all();
    let network = match is_file(&task.netconf) {
        true => Network::read(Path::new(&task.netconf), &quirks),
        false => Network::named(&task.netconf_dir, &task.netconf, &quirks),
    };
    let network = network.map_err(own)?;
    // Names become file names in the cache, on every verb.
    check_network(&network.name).map_err(|problem| own(format!("name: {problem}")))?;
    let cache = words.cache.clone().unwrap_or_else(|| LIBCNI_CACHE.into());
    let libcni = Libcni::new(&task.runner, task.directories(), Cache::new(cache));
    match task.verb.as_str() {
        "add" => {
            let result = libcni.add(&network, &task.parameters)?;
            println!("{:#}", result.document());
            Ok(())
        }
        "check" => libcni.check(&network, &task.parameters),
        "del" => libcni.del(&network, &task.parameters),
        "gc" => libcni.gc(&network, Some(&valid(&words.valid))),
        _ => libcni.status(&network),
    }
}

/// `ID` or `ID/IFNAME`.
fn valid(words: &[String]) -> Vec<(String, String)> {
    let pair = |word: &String| {
        let (id, ifname) = word.split_once('/').unwrap_or((word, "eth0"));
        (id.to_owned(), ifname.to_owned())
    };
    words.iter().map(pair).collect()
}

fn with_mesos(task: &Task, words: &Words) -> Result<(), Failure> {
    let is_there =
        |name: &str| task.runner.find(name, &task.directories(), Wanted::Executable).is_ok();
    let config = match is_file(&task.netconf) {
        true => config::read(Path::new(&task.netconf)),
        false => config::named(&task.netconf_dir, &task.netconf, &is_there),
    };
    let root = words.cache.clone().unwrap_or_else(|| MESOS_CACHE.into());
    let Parameters { id, netns, .. } = &task.parameters;
    let handle = Handle::AsGiven(netns.clone());
    let isolator = Isolator::new(&task.runner, &task.path, root, handle);
    if task.verb == "del" {
        if !isolator.knows(id) {
            eprintln!(
                "cni-conformance: nothing is kept of a container {id}, so there is nothing to do"
            );
        }
        return isolator.destroy(id);
    }
    let config = config.map_err(own)?;
    let info = words.info.clone().unwrap_or_default();
    isolator.launch(id, netns, &[Join { config, info }])?;
    // What the plugin printed, since Mesos keeps that byte for byte.
    let printed = task.runner.exchanges().last().map(|exchange| exchange.stdout.clone());
    print!("{}", printed.unwrap_or_default());
    Ok(())
}

fn is_file(netconf: &str) -> bool {
    netconf.contains('/') || Path::new(netconf).is_file()
}

fn own(message: String) -> Failure {
    Failure { message, exchange: None }
}

fn show(exchange: &Exchange) {
    eprint!("{}\n{}", exchange.call, life::shown(exchange, "  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_cnitool() {
        // printf %s /run/netns/c1 | sha512sum
        assert_eq!(id_of("/run/netns/c1"), "cnitool-20b4ff582526573bbe7d");
    }
}
