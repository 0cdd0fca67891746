//! The attachment that a verb is about.

use std::path::Path;

use cni_conformance::runtime::runtime_conf::RuntimeConf;
use cni_protocol::{check_container_id, check_ifname, hex};
use sha2::{Digest, Sha512};

use super::arguments::Attachment;

impl Attachment {
    /// Returns the parameters of a verb; `exists` tells whether the network namespace has to exist.
    pub(super) fn parameters(&self, exists: bool) -> Result<RuntimeConf, String> {
        let netns = netns_path(&self.netns)?;
        if exists && !Path::new(&netns).exists() {
            return Err(format!(
                "the network namespace {netns} does not exist: create it with `ip netns add NAME`"
            ));
        }
        let parameters = RuntimeConf {
            id: self.id.clone().unwrap_or_else(|| id_of(&netns)),
            netns,
            ifname: self.ifname.clone().unwrap_or_else(|| "eth0".to_owned()),
            args: self.args.as_ref().map(|args| args.0.clone()).unwrap_or_default(),
            capability_args: self.cap.as_ref().map(|cap| cap.object.clone()).unwrap_or_default(),
        };
        check_container_id(&parameters.id).map_err(|problem| format!("--id: {problem}"))?;
        check_ifname(&parameters.ifname).map_err(|problem| format!("--ifname: {problem}"))?;
        Ok(parameters)
    }
}

/// Returns an absolute path; a bare name is one of `ip netns`.
fn netns_path(netns: &str) -> Result<String, String> {
    let named = Path::new("/run/netns").join(netns);
    let path = match netns.contains('/') {
        true => std::path::absolute(netns).map_err(|error| format!("{netns}: {error}"))?,
        false => named,
    };
    Ok(path.display().to_string())
}

/// Returns the container id that cnitool derives from the path of a namespace, so that either
/// program can continue what the other began.
fn id_of(netns: &str) -> String {
    let hash = Sha512::digest(netns);
    format!("cnitool-{}", hex(&hash[..10]))
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
