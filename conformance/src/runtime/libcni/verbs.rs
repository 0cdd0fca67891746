//! ADD, CHECK, DEL and STATUS of a list: the order of calls, and when to stop.

use cni_protocol::{SpecVersion, Verb, check_container_id, check_ifname, check_network};
use serde_json::{Map, Value};

use super::network::Network;
use super::quirk::Quirk;
use super::result::CachedResult;
use super::{Libcni, invocation, output, version};
use crate::exchange::Exchange;
use crate::runtime::exec::Lookup;
use crate::runtime::failure::Failure;
use crate::runtime::invocation::Invocation;
use crate::runtime::runtime_conf::RuntimeConf;

type Plugin = Map<String, Value>;

impl Libcni<'_> {
    /// Runs ADD on the plugins in order, each with the result of the previous one. Stops at the
    /// first error.
    ///
    /// # Errors
    /// The first error.
    pub fn add(&self, network: &Network, conf: &RuntimeConf) -> Result<CachedResult, Failure> {
        let added = self.add_all(network, conf);
        if added.is_err() && !self.quirks.has(Quirk::ForgetsFailedAdd) {
            // The first error is returned.
            let _ = self.del(network, conf);
        }
        added
    }

    fn add_all(&self, network: &Network, conf: &RuntimeConf) -> Result<CachedResult, Failure> {
        let mut result: Option<CachedResult> = None;
        for plugin in &network.plugins {
            let added = self.add_one(network, plugin, result.as_ref(), conf);
            result = Some(added.map_err(|failure| failure.within(&failed(plugin, "add")))?);
        }
        let result = result.ok_or_else(|| Failure::own("no plugin configs found"))?;
        let stored = self.cache.store(network, conf, &result);
        stored.map_err(|problem| {
            Failure::own(format!(
                "failed to set network {:?} cached result: {problem}",
                network.name
            ))
        })?;
        Ok(result)
    }

    fn add_one(
        &self,
        network: &Network,
        plugin: &Plugin,
        before: Option<&CachedResult>,
        conf: &RuntimeConf,
    ) -> Result<CachedResult, Failure> {
        check_names(network, conf)?;
        let before = before.map(CachedResult::document);
        let exchange = self.invoke(network, plugin, Verb::Add, before, conf)?;
        let result = output::result(&exchange, &network.version)?;
        let other = result.version().as_str() != network.version && !network.version.is_empty();
        match other && !self.quirks.has(Quirk::TakesAnyVersion) {
            true => Err(Failure::of(
                exchange,
                format!("a result of version {}, not {}", result.version(), network.version),
            )),
            false => Ok(result),
        }
    }

    /// Runs CHECK on the plugins in order, each with the result of the whole ADD. Stops at the
    /// first error.
    ///
    /// # Errors
    /// The first error. Before 0.4.0, that the verb does not exist.
    pub fn check(&self, network: &Network, conf: &RuntimeConf) -> Result<(), Failure> {
        if !self.at_least(network, SpecVersion::V0_4_0)? {
            return Err(Failure::own(format!(
                "configuration version {:?} does not support the CHECK command",
                network.version
            )));
        }
        if network.disable_check {
            return Ok(());
        }
        let conf = &self.remembered(network, conf);
        self.check_later_names(network, conf)?;
        let result = self.cached(network, conf).map_err(|problem| {
            Failure::own(format!(
                "failed to get network {:?} cached result: {problem}",
                network.name
            ))
        })?;
        let result = result.as_ref().map(CachedResult::document);
        for plugin in &network.plugins {
            let exchange = self.invoke(network, plugin, Verb::Check, result, conf)?;
            output::succeeded(&exchange)?;
        }
        Ok(())
    }

    /// Runs DEL on the plugins in reverse order, each with the result of the whole ADD in versions
    /// that have it. Stops at the first error.
    ///
    /// # Errors
    /// The first error.
    pub fn del(&self, network: &Network, conf: &RuntimeConf) -> Result<(), Failure> {
        let conf = &self.remembered(network, conf);
        self.check_later_names(network, conf)?;
        let mut result = None;
        if self.at_least(network, SpecVersion::V0_4_0)? {
            result = self.cached(network, conf).unwrap_or_else(|_| {
                self.cache.forget(&network.name, conf);
                None
            });
        }
        let document = result.as_ref().map(CachedResult::document);
        for plugin in network.plugins.iter().rev() {
            let invocation = self.invoke(network, plugin, Verb::Del, document, conf);
            let deleted = invocation.and_then(|exchange| output::succeeded(&exchange).map(drop));
            deleted.map_err(|failure| failure.within(&failed(plugin, "delete")))?;
        }
        if result.is_some() || !self.quirks.has(Quirk::KeepsOldCache) {
            self.cache.forget(&network.name, conf);
        }
        Ok(())
    }

    /// Runs STATUS on the plugins in order. Stops at the first error. Before 1.1.0 it always
    /// succeeds.
    ///
    /// # Errors
    /// The first error.
    pub fn status(&self, network: &Network) -> Result<(), Failure> {
        if !self.at_least(network, SpecVersion::V1_1_0).unwrap_or(false) {
            return Ok(());
        }
        for plugin in &network.plugins {
            let invocation =
                invocation::network(network, plugin, Verb::Status, None, &self.path, &self.quirks);
            output::succeeded(&self.execute(&invocation.map_err(Failure::own)?)?)?;
        }
        Ok(())
    }

    pub(super) fn at_least(
        &self,
        network: &Network,
        version: SpecVersion,
    ) -> Result<bool, Failure> {
        version::at_least(&network.version, version).map_err(Failure::own)
    }

    pub(super) fn execute(&self, invocation: &Invocation) -> Result<Exchange, Failure> {
        let name = &invocation.plugin;
        if name.contains('/') {
            return Err(Failure::own(format!("invalid plugin name: {name}")));
        }
        let program = self.plugins.find(name, &self.path, Lookup::RegularFile)?;
        self.plugins.execute(&program, invocation)
    }

    fn invoke(
        &self,
        network: &Network,
        plugin: &Plugin,
        verb: Verb,
        prev_result: Option<&Value>,
        conf: &RuntimeConf,
    ) -> Result<Exchange, Failure> {
        let about = (conf, self.path.as_slice());
        let invocation =
            invocation::attachment(network, plugin, verb, prev_result, about, &self.quirks);
        self.execute(&invocation.map_err(Failure::own)?)
    }

    fn cached(
        &self,
        network: &Network,
        conf: &RuntimeConf,
    ) -> Result<Option<CachedResult>, String> {
        let result = self.cache.result(network, conf)?;
        result.map(|result| result.convert(&network.version, &self.quirks)).transpose()
    }

    /// Returns the parameters for CHECK and DEL: those of the caller, or those of ADD.
    fn remembered(&self, network: &Network, conf: &RuntimeConf) -> RuntimeConf {
        if self.quirks.has(Quirk::TrustsTheCaller) {
            return conf.clone();
        }
        let known = self.cache.conf(&network.name, conf);
        known.unwrap_or_else(|| conf.clone())
    }

    fn check_later_names(&self, network: &Network, conf: &RuntimeConf) -> Result<(), Failure> {
        match self.quirks.has(Quirk::ChecksNamesOnAddOnly) {
            true => Ok(()),
            false => check_names(network, conf),
        }
    }
}

fn check_names(network: &Network, conf: &RuntimeConf) -> Result<(), Failure> {
    check_container_id(&conf.id)
        .and_then(|()| check_network(&network.name))
        .and_then(|()| check_ifname(&conf.ifname))
        .map_err(Failure::own)
}

fn failed(plugin: &Plugin, verb: &str) -> String {
    let name = plugin.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = name.map(|name| format!(" name={name:?}")).unwrap_or_default();
    format!("plugin type={:?}{name} failed ({verb})", invocation::type_of(plugin))
}
