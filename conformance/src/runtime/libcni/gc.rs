//! GC: first DELs of cached attachments, then the verb.

use cni_protocol::{SpecVersion, Verb};
use serde_json::Value;

use super::cache::Cached;
use super::network::Network;
use super::quirk::Quirk;
use super::{Libcni, invocation, output};
use crate::runtime::failure::Failure;
use crate::runtime::runtime_conf::RuntimeConf;

impl Libcni<'_> {
    /// Runs DEL for the cached attachments that are not in `valid` (pairs of container id and
    /// interface name), with the parameters of their ADD. Then, since 1.1.0, runs GC on all
    /// plugins. Continues after errors.
    ///
    /// Without `valid` everything in the cache is deleted, and plugins get no list.
    ///
    /// # Errors
    /// All errors, a line each.
    pub fn gc(&self, network: &Network, valid: Option<&[(String, String)]>) -> Result<(), Failure> {
        if network.disable_gc {
            return Ok(());
        }
        let cached = match self.cache.attachments() {
            Err(_) if self.quirks.has(Quirk::SkipsGcSilently) => return Ok(()),
            cached => cached.unwrap_or_default(),
        };
        let mut failures = Vec::new();
        let is_valid = |one: &RuntimeConf| {
            let named = |(id, ifname): &(String, String)| *id == one.id && *ifname == one.ifname;
            valid.is_some_and(|valid| valid.iter().any(named))
        };
        let ours = cached.iter().filter(|one| one.network() == network.name);
        for stale in ours.map(Cached::conf).filter(|one| !is_valid(one)) {
            if let Err(failure) = self.del(network, &stale) {
                let what =
                    format!("failed to delete stale attachment {} {}", stale.id, stale.ifname);
                failures.push(failure.within(&what));
            }
        }
        if self.at_least(network, SpecVersion::V1_1_0).unwrap_or(false) {
            failures.extend(self.gc_plugins(network, valid));
        }
        joined(failures)
    }

    fn gc_plugins(&self, network: &Network, valid: Option<&[(String, String)]>) -> Vec<Failure> {
        let list = |valid: &[(String, String)]| -> Vec<Value> {
            valid.iter().map(|(id, ifname)| invocation::valid(id, ifname)).collect()
        };
        let valid = valid.map(list);
        let gc = |plugin| {
            let invocation = invocation::network(
                network,
                plugin,
                Verb::Gc,
                valid.as_deref(),
                &self.path,
                &self.quirks,
            );
            let done = self.execute(&invocation.map_err(Failure::own)?);
            done.and_then(|exchange| output::succeeded(&exchange).map(drop)).map_err(|failure| {
                failure.within(&format!("failed to GC plugin {}", invocation::type_of(plugin)))
            })
        };
        network.plugins.iter().filter_map(|plugin| gc(plugin).err()).collect()
    }
}

/// Joins all messages; the exchange is that of the first failure.
fn joined(failures: Vec<Failure>) -> Result<(), Failure> {
    let messages: Vec<&str> = failures.iter().map(|failure| failure.message.as_str()).collect();
    let message = messages.join("\n");
    match failures.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(Failure { message, ..first }),
    }
}
