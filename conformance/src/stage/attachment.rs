//! An attachment: a container, an interface name, a network.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cni_test_kit::{Container, Host, ReusableContainer};
use cni_wrapper::SpecVersion;
use serde_json::{Map, Value, json};

use super::Stage;
use super::answer::Answer;
use super::call::Call;
use super::given::Given;
use crate::judgement::{Judgement, Stop};
use crate::profile::Profile;

/// An attachment that the plugin is asked to make, check and remove.
#[derive(Clone)]
pub struct Attachment<'s> {
    pub(super) stage: &'s Stage,
    pub(super) network: String,
    pub(super) id: String,
    pub(super) ifname: String,
    pub(super) container: Arc<ReusableContainer>,
    pub(super) given: Given,
    pub(super) version: SpecVersion,
    pub(super) result: Arc<Mutex<Option<Value>>>,
}

impl<'s> Attachment<'s> {
    /// The same container with another interface name: another attachment.
    ///
    /// # Errors
    /// Skip, when the plugin knows one name only.
    pub fn beside(&self, ifname: &str) -> Judgement<Self> {
        if let Some(only) = &self.stage.subject.ifname {
            return Err(Stop::skip(format!("the only name that its interface can have is {only}")));
        }
        let names = [self.network.as_str(), &self.id, ifname];
        Ok(self.stage.attachment_in(self.container.clone(), names))
    }

    /// The same container id and interface name, in a container of its own, on another network.
    pub fn on_network(&self, network: &str) -> Self {
        let container = self.stage.container();
        self.stage.attachment_in(container, [network, &self.id, &self.ifname])
    }

    /// The same attachment, asked for in another version.
    pub fn in_version(&self, version: SpecVersion) -> Self {
        Self { version, ..self.clone() }
    }

    /// The host that the container is on.
    pub fn host(&self) -> &Host {
        self.stage.host()
    }

    /// The container.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Removes the network namespace, as after a crash or reboot, and waits until the kernel has done so:
    /// it takes down what is inside some time later.
    ///
    /// # Panics
    /// When that takes more than two minutes.
    pub fn lose_netns(&self) {
        let (host, name) = (self.stage.host(), format!("gone{}", self.given.number));
        let netns = self.container().name();
        host.run(&format!("ip link add {name} type veth peer name {name} netns {netns}"));
        self.delete_netns();
        let deadline = Instant::now() + Duration::from_secs(120);
        // All links of a namespace go at once.
        while host.exists(&format!("/sys/class/net/{name}")) {
            assert!(Instant::now() < deadline, "the namespace {netns} does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Removes the network namespace, which no snapshot misses from then on.
    pub(crate) fn delete_netns(&self) {
        super::lock(&self.stage.lost).insert(self.container().name().to_owned());
        self.container().delete();
    }

    /// The interface name.
    pub fn ifname(&self) -> &str {
        &self.ifname
    }

    /// What the plugin before it, or its delegate, made.
    pub fn given(&self) -> &Given {
        &self.given
    }

    /// The network's name and the container id: `net/c1/eth0`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.network, self.id, self.ifname)
    }

    /// The result of the last ADD.
    pub fn result(&self) -> Option<Value> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A call of a verb, as a runtime makes it: ADD gets the predecessor's result, CHECK and DEL the
    /// one of the last ADD where the version knows that.
    pub fn call(&self, verb: &str) -> Call<'s> {
        let mut call = self.stage.call_on(&self.network, verb).quietly_in(self.version);
        call.number = self.given.number;
        for (key, value) in [
            ("CNI_CONTAINERID", self.id.as_str()),
            ("CNI_NETNS", &self.container().netns()),
            ("CNI_IFNAME", &self.ifname),
        ] {
            call.environment.insert(key.to_owned(), value.to_owned());
        }
        if let Some(prev) = self.prev_result(verb) {
            call.config.insert("prevResult".to_owned(), prev);
        }
        let runtime_config = self.runtime_config();
        if !runtime_config.is_empty() && self.version >= SpecVersion::V0_3_0 {
            call.config.insert("runtimeConfig".to_owned(), runtime_config.into());
        }
        call
    }

    /// ADD, which has to succeed.
    ///
    /// # Errors
    /// The finding that it did not.
    pub fn add(&self) -> Judgement<Answer> {
        self.added(self.call("ADD"))
    }

    /// An ADD that was changed and has to succeed all the same; its result is remembered. When it is not the first
    /// one, the plugins around it have made their interface anew, as they do in a chain.
    ///
    /// # Errors
    /// The finding that it did not.
    pub fn added(&self, call: Call) -> Judgement<Answer> {
        if self.result().is_some() {
            self.stage.renew(self);
        }
        let answer = call.run().succeeds()?;
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        *result = answer.document();
        drop(result);
        Ok(answer)
    }

    /// DEL, which has to succeed.
    ///
    /// # Errors
    /// The finding that it did not.
    pub fn del(&self) -> Judgement<Answer> {
        self.call("DEL").run().succeeds()
    }

    /// CHECK, which has to succeed.
    ///
    /// # Errors
    /// The finding that it did not.
    pub fn check(&self) -> Judgement<Answer> {
        self.call("CHECK").run().succeeds()
    }

    /// This attachment as it stands in the list that GC gets.
    pub fn valid(&self) -> Value {
        json!({ "containerID": self.id, "ifname": self.ifname })
    }

    fn prev_result(&self, verb: &str) -> Option<Value> {
        let version = self.version;
        let since = if verb == "ADD" { SpecVersion::V0_3_0 } else { SpecVersion::V0_4_0 };
        let chained = self.stage.subject.profile == Profile::Chained;
        match verb {
            _ if version < since => None,
            "ADD" => chained.then(|| self.given.result(version)),
            _ => self.result().or_else(|| chained.then(|| self.given.result(version))),
        }
    }

    /// What the runtime gives for capabilities; every attachment maps host ports of its own.
    fn runtime_config(&self) -> Map<String, Value> {
        let mut config = self.stage.subject.runtime_config.clone();
        let mappings = config.get_mut("portMappings").and_then(Value::as_array_mut);
        for mapping in mappings.into_iter().flatten() {
            let port = mapping.get("hostPort").and_then(Value::as_u64);
            if let Some(port) = port {
                mapping["hostPort"] = (port + u64::from(self.given.number)).into();
            }
        }
        config
    }
}
