//! What all verbs need, with the defaults filled in.

use std::path::{Path, PathBuf};

use cni_conformance::exchange::Exchange;
use cni_conformance::runtime::failure::Failure;
use cni_conformance::runtime::runner::{Runner, Site};
use cni_protocol::Environment;

use super::arguments::Network;
use crate::commands::exchange::lines;
use crate::commands::values::directories;

const PLUGINS: &str = "/opt/cni/bin:/usr/lib/cni";
const NETCONFS: &str = "/etc/cni/net.d";

/// The network of a verb, and how its plugins are called.
pub(super) struct Context {
    netconf: String,
    /// As in `CNI_PATH`.
    pub(super) path: String,
    pub(super) netconf_dir: PathBuf,
    pub(super) cache: Option<PathBuf>,
    pub(super) runner: Runner,
}

impl Context {
    pub(super) fn of(Network { netconf, options }: &Network) -> Self {
        let own = Environment::current();
        let variable = |name: &str| own.text(name).map(str::to_owned);
        let path = options.path.clone().or_else(|| variable("CNI_PATH"));
        let netconf_dir =
            options.netconf_dir.clone().or_else(|| variable("NETCONFPATH").map(Into::into));
        let runner = Runner::new(Site::Here, own, options.timeout);
        Self {
            netconf: netconf.clone(),
            path: path.unwrap_or_else(|| PLUGINS.to_owned()),
            netconf_dir: netconf_dir.unwrap_or_else(|| NETCONFS.into()),
            cache: options.cache.clone(),
            runner: if options.verbose { runner.showing(show) } else { runner },
        }
    }

    /// Returns the file of the configuration; `None` if it is given as the name of a network.
    pub(super) fn netconf_file(&self) -> Option<&Path> {
        let path = Path::new(&self.netconf);
        (self.netconf.contains('/') || path.is_file()).then_some(path)
    }

    /// Returns the name of the network, if it is not given as a file.
    pub(super) fn netconf_name(&self) -> &str {
        &self.netconf
    }

    pub(super) fn directories(&self) -> Vec<PathBuf> {
        directories(&self.path)
    }
}

/// Returns a failure that no plugin is to blame for.
pub(super) fn failure(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), exchange: None }
}

fn show(exchange: &Exchange) {
    err!("{}\n{}", exchange.call, lines(exchange, "  "));
}
