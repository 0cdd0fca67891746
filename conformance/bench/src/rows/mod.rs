//! The rows of the table: the programs that are called, and how. Each kind of row has a file.

pub(crate) mod baseline;
mod ours;
mod peer;
mod portmap;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::options::Options;
use super::programs::Programs;
use super::protocol::Call;
use crate::outcome::Outcome;

/// The directory of iptables programs, which are those of the row's variant.
pub(crate) const IPTABLES: &str = "/run/bench-iptables";
const PATH: &str =
    "/run/bench-iptables:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
/// The network of every attachment.
pub(crate) const NETWORK: &str = "bench";

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A backend of this project's port mapper.
    Ours,
    /// Another port mapper.
    Peer,
    /// A program that maps no ports: the minimum cost of every call.
    Baseline,
}

/// The position of the plugin in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Around the delegate that does nothing.
    Wrapper,
    /// After a plugin whose result it receives.
    Chained,
}

/// The variant of iptables on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    Nft,
    Legacy,
}

impl Variant {
    /// Returns the name, as in the names of its programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Legacy => "legacy",
        }
    }
}

/// A program and how it is called.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) program: PathBuf,
    pub(crate) position: Position,
    pub(crate) variant: Variant,
    /// The plugin's own configuration keys.
    pub(crate) keys: Map<String, Value>,
    /// Whether its duration can depend on the number of existing mappings.
    pub(crate) by_existing: bool,
    /// The directory of the delegate.
    pub(crate) delegates: PathBuf,
}

/// The attachment of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) port: u16,
}

/// Returns all rows, in the order of the table.
pub(crate) fn all(options: &Options, programs: &Programs) -> Outcome<Vec<Row>> {
    let mut rows = ours::rows(programs);
    rows.extend(portmap::rows(programs));
    for peer in &options.peers {
        rows.push(peer::row(peer, programs)?);
    }
    rows.extend(baseline::rows(programs));
    Ok(rows)
}

impl Row {
    /// Returns whether the program maps ports.
    pub(crate) fn maps(&self) -> bool {
        self.kind != Kind::Baseline
    }

    /// Returns the call of a verb as a runtime makes it.
    pub(crate) fn call(&self, verb: &str, attachment: &Attachment) -> Call {
        self.call_in(self.position, verb, attachment)
    }

    /// Returns the call of a verb in another position.
    pub(crate) fn call_in(&self, position: Position, verb: &str, attachment: &Attachment) -> Call {
        let address = format!("IgnoreUnknown=1;IP={}", attachment.address);
        let environment = [
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", &attachment.id),
            ("CNI_NETNS", "/run/netns/c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", &self.delegates.to_string_lossy()),
            ("CNI_ARGS", &address),
            ("PATH", PATH),
        ];
        let environment: BTreeMap<String, String> =
            environment.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Call {
            program: self.program.to_string_lossy().into_owned(),
            environment,
            stdin: self.config(position, attachment).to_string(),
            ..Call::default()
        }
    }

    fn config(&self, position: Position, attachment: &Attachment) -> Value {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy();
        let mut config = json!({
            "cniVersion": "1.0.0",
            "name": NETWORK,
            "type": name,
            "runtimeConfig": {"portMappings": [
                {"hostPort": attachment.port, "containerPort": 80, "protocol": "tcp"},
            ]},
        });
        match position {
            Position::Wrapper => config["delegate"] = json!({"type": "bench-delegate"}),
            Position::Chained => config["prevResult"] = result(&attachment.address),
        }
        for (key, value) in &self.keys {
            config[key] = value.clone();
        }
        config
    }
}

/// Returns the same result as the delegate.
fn result(address: &str) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "interfaces": [
            {"name": "cni0"}, {"name": "veth1"}, {"name": "eth0", "sandbox": "/run/netns/c1"},
        ],
        "ips": [{"interface": 2, "address": format!("{address}/16"), "gateway": "10.200.0.1"}],
        "routes": [{"dst": "0.0.0.0/0"}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: Position) -> Row {
        Row {
            name: "x".into(),
            kind: Kind::Ours,
            program: "/plugins/x".into(),
            position,
            variant: Variant::Nft,
            keys: Map::from_iter([("backend".to_owned(), json!("nftables"))]),
            by_existing: true,
            delegates: "/delegates".into(),
        }
    }

    fn attachment() -> Attachment {
        Attachment { id: "a".into(), address: "10.200.0.9".into(), port: 8080 }
    }

    #[test]
    fn a_wrapper_has_a_delegate_and_a_chained_plugin_a_previous_result() {
        let wrapper = row(Position::Wrapper).config(Position::Wrapper, &attachment());
        assert_eq!(wrapper["delegate"]["type"], "bench-delegate");
        assert_eq!(wrapper["prevResult"], Value::Null);
        let chained = row(Position::Chained).config(Position::Chained, &attachment());
        assert_eq!(chained["delegate"], Value::Null);
        assert_eq!(chained["prevResult"]["ips"][0]["address"], "10.200.0.9/16");
    }

    #[test]
    fn a_call_has_the_keys_of_the_row_and_a_separate_environment() {
        let call = row(Position::Wrapper).call("DEL", &attachment());
        let config: Value = serde_json::from_str(&call.stdin).unwrap();
        assert_eq!(config["backend"], "nftables");
        assert_eq!(config["type"], "x");
        assert_eq!(call.environment["CNI_COMMAND"], "DEL");
        assert_eq!(call.environment["CNI_ARGS"], "IgnoreUnknown=1;IP=10.200.0.9");
        assert_eq!(call.environment.len(), 7);
    }
}
