//! The verbs as libcni executes them.

use cni_conformance::runtime::failure::Failure;
use cni_conformance::runtime::libcni::Libcni;
use cni_conformance::runtime::libcni::cache::Cache;
use cni_conformance::runtime::libcni::network::Network;
use cni_conformance::runtime::libcni::quirk::Quirks;
use cni_protocol::check_network;

use super::arguments::RuntimeCommand::{self, Add, Check, Del, Gc, Status};
use super::context::{Context, failure};

const CACHE: &str = "/var/lib/cni";

/// Executes a verb.
pub(super) fn execute(command: &RuntimeCommand, context: &Context) -> Result<(), Failure> {
    if let Add(attachment) | Check(attachment) | Del(attachment) = command
        && attachment.info.is_some()
    {
        return Err(failure("--info: only Mesos sends it; use --cap"));
    }
    let parameters = match command {
        // The namespace may be gone after a crash or a reboot, and DEL has to work all the same.
        Add(attachment) | Check(attachment) => attachment.parameters(true),
        Del(attachment) => attachment.parameters(false),
        Gc(_) | Status(_) => Ok(Default::default()),
    };
    let parameters = parameters.map_err(failure)?;
    let network = network(context).map_err(failure)?;
    let cache = context.cache.clone().unwrap_or_else(|| CACHE.into());
    let libcni = Libcni::new(&context.runner, context.directories(), Cache::new(cache));
    match command {
        Add(_) => {
            let result = libcni.add(&network, &parameters)?;
            outln!("{:#}", result.document());
            Ok(())
        }
        Check(_) => libcni.check(&network, &parameters),
        Del(_) => libcni.del(&network, &parameters),
        Gc(arguments) => libcni.gc(&network, Some(&valid(&arguments.kept.valid))),
        Status(_) => libcni.status(&network),
    }
}

fn network(context: &Context) -> Result<Network, String> {
    let quirks = Quirks::all();
    let network = match context.netconf_file() {
        Some(file) => Network::read(file, &quirks)?,
        None => Network::named(&context.netconf_dir, context.netconf_name(), &quirks)?,
    };
    // Names become file names in the cache, on every verb.
    check_network(&network.name).map_err(|problem| format!("name: {problem}"))?;
    Ok(network)
}

/// Reads `ID` or `ID/IFNAME`.
fn valid(attachments: &[String]) -> Vec<(String, String)> {
    let pair = |text: &String| {
        let (id, ifname) = text.split_once('/').unwrap_or((text, "eth0"));
        (id.to_owned(), ifname.to_owned())
    };
    attachments.iter().map(pair).collect()
}
