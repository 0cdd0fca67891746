//! The command lines of `add`, `check`, `del`, `gc` and `status`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::runtime_conf::cni_args;

use crate::commands::values::{JsonObject, one_of, seconds};

const EXIT_STATUS: &str =
    "Exit status: 0 success, 1 the plugin failed, 2 the plugin could not be run.";

/// A verb that a runtime sends.
#[derive(Subcommand)]
pub(in crate::commands) enum RuntimeCommand {
    /// Attach a container to a network as a runtime does, on this machine
    #[command(after_help = EXIT_STATUS)]
    Add(Attachment),
    /// Check an attachment as a runtime does, on this machine
    #[command(after_help = EXIT_STATUS)]
    Check(Attachment),
    /// Detach a container from a network as a runtime does, on this machine
    #[command(after_help = EXIT_STATUS)]
    Del(Attachment),
    /// Remove the stale attachments of a network as a runtime does, on this machine
    #[command(after_help = EXIT_STATUS)]
    Gc(Valid),
    /// Ask whether a network is ready as a runtime does, on this machine
    #[command(after_help = EXIT_STATUS)]
    Status(Status),
}

impl RuntimeCommand {
    pub(super) fn network(&self) -> &Network {
        match self {
            Self::Add(attachment) | Self::Check(attachment) | Self::Del(attachment) => {
                &attachment.network
            }
            Self::Gc(valid) => &valid.network,
            Self::Status(status) => &status.network,
        }
    }
}

/// A network, and how its plugins are called.
#[derive(Args)]
pub(in crate::commands) struct Network {
    /// The network: a file (.conf, .json, .conflist), or the name of a network in --netconf-dir
    pub(super) netconf: String,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Args)]
pub(super) struct Options {
    /// Behave like this runtime
    #[arg(long, default_value = "libcni")]
    #[arg(value_parser = one_of(RuntimeKind::ALL, RuntimeKind::as_str))]
    pub(super) runtime: RuntimeKind,
    /// The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]
    #[arg(long, value_name = "DIRS")]
    pub(super) path: Option<String>,
    /// The directory of network configurations [default: NETCONFPATH, or /etc/cni/net.d]
    #[arg(long, value_name = "DIR")]
    pub(super) netconf_dir: Option<PathBuf>,
    /// The directory of results and other state that is kept between calls
    /// [default: /var/lib/cni; with --runtime mesos: /run/cni-conformance/mesos]
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    /// The time limit of one call of a plugin
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// Print every call of a plugin to stderr
    #[arg(long, short)]
    pub(super) verbose: bool,
}

/// An attachment of a container to a network.
#[derive(Args)]
pub(in crate::commands) struct Attachment {
    #[command(flatten)]
    pub(super) network: Network,
    /// The network namespace: a path, or a name in /run/netns
    pub(super) netns: String,
    /// The name of the interface [default: eth0]
    #[arg(long, value_name = "NAME")]
    pub(super) ifname: Option<String>,
    /// The container id [default: derived from NETNS, as cnitool does]
    #[arg(long)]
    pub(super) id: Option<String>,
    /// The value of CNI_ARGS
    #[arg(long, value_name = "KEY=VALUE;…")]
    pub(super) args: Option<CniArgs>,
    /// Capability arguments; repeat them on check and del
    #[arg(long, value_name = "JSON|FILE")]
    pub(super) cap: Option<JsonObject>,
    /// With --runtime mesos: the NetworkInfo that the framework sends
    #[arg(long, value_name = "JSON|FILE")]
    pub(super) info: Option<JsonObject>,
}

/// A network, and its valid attachments.
#[derive(Args)]
pub(in crate::commands) struct Valid {
    #[command(flatten)]
    pub(super) network: Network,
    /// Ignored; cnitool requires it
    netns: Option<String>,
    #[command(flatten)]
    pub(super) kept: Kept,
}

/// The attachments that GC does not remove.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Kept {
    /// Keep this attachment (default interface: eth0) and remove all others; repeatable
    #[arg(long, value_name = "ID[/IFNAME]")]
    pub(super) valid: Vec<String>,
    /// Remove all attachments
    #[arg(long)]
    all: bool,
}

/// A network, and the namespace that cnitool asks for in addition.
#[derive(Args)]
pub(in crate::commands) struct Status {
    #[command(flatten)]
    pub(super) network: Network,
    /// Ignored; cnitool requires it
    netns: Option<String>,
}

/// The pairs of `CNI_ARGS`.
#[derive(Clone, Debug)]
pub(super) struct CniArgs(pub(super) Vec<(String, String)>);

impl std::str::FromStr for CniArgs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        cni_args(text).map(Self)
    }
}
