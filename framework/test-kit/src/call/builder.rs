//! Calls a plugin as a runtime does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::call::mesos;
use crate::host::Container;
use crate::outcome::Outcome;
use crate::process::{RunningProcess, pipe};
use crate::sandbox::netns::Netns;

/// A call of a plugin. The plugin's environment contains what is set here and nothing else.
///
/// By default that is `PATH`, an empty `CNI_PATH` and, if the verb requires them, the container id
/// `c1`, the interface `eth0` and the namespace `/run/netns/c1`.
#[derive(Debug, Clone)]
pub struct CallBuilder {
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    network: String,
    config: Map<String, Value>,
    stdin: Option<Vec<u8>>,
    network_info: Option<Value>,
    netns: Option<Netns>,
    limit: Duration,
}

impl CallBuilder {
    /// Returns an ADD call for the network of this name.
    pub fn add(network: &str) -> Self {
        Self::verb("ADD", network)
    }

    /// Returns a DEL call for the network of this name.
    pub fn del(network: &str) -> Self {
        Self::verb("DEL", network)
    }

    /// Returns a CHECK call for the network of this name.
    pub fn check(network: &str) -> Self {
        Self::verb("CHECK", network)
    }

    /// Returns a GC call for the network of this name.
    pub fn gc(network: &str) -> Self {
        Self::verb("GC", network)
    }

    /// Returns a STATUS call for the network of this name.
    pub fn status(network: &str) -> Self {
        Self::verb("STATUS", network)
    }

    /// Returns a VERSION call.
    pub fn version() -> Self {
        Self::verb("VERSION", "")
    }

    /// Returns a call with any verb, even one that does not exist.
    pub fn verb(verb: &str, network: &str) -> Self {
        let call = Self {
            environment: BTreeMap::new(),
            arguments: Vec::new(),
            network: network.to_owned(),
            config: Map::new(),
            stdin: None,
            network_info: None,
            netns: None,
            limit: Duration::from_secs(60),
        };
        let call = call.env("CNI_COMMAND", verb).env("PATH", &crate::sandbox::program::path());
        let call = if verb == "VERSION" { call } else { call.env("CNI_PATH", "") };
        match verb {
            "VERSION" | "GC" | "STATUS" => call,
            _ => call.container_id("c1").ifname("eth0").netns("/run/netns/c1"),
        }
    }

    /// Returns a run from the command line with these arguments: no verb and no input.
    pub fn cli(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let call = Self::version().without_env("CNI_COMMAND").stdin("");
        Self { arguments, ..call }
    }

    /// Changes the verb, for example to the DEL that follows an ADD.
    pub fn as_verb(mut self, verb: &str) -> Self {
        verb.clone_into(self.environment.entry("CNI_COMMAND".to_owned()).or_default());
        self
    }

    /// Sets `CNI_CONTAINERID`.
    pub fn container_id(self, id: &str) -> Self {
        self.env("CNI_CONTAINERID", id)
    }

    /// Sets `CNI_IFNAME`.
    pub fn ifname(self, name: &str) -> Self {
        self.env("CNI_IFNAME", name)
    }

    /// Sets `CNI_NETNS`.
    pub fn netns(self, path: &str) -> Self {
        self.env("CNI_NETNS", path)
    }

    /// Removes `CNI_NETNS`, as in a DEL after a reboot.
    pub fn without_netns(self) -> Self {
        self.without_env("CNI_NETNS")
    }

    /// Sets `CNI_PATH`: a directory, or several separated by colons.
    pub fn cni_path(self, path: impl AsRef<OsStr>) -> Self {
        self.env("CNI_PATH", &path.as_ref().to_string_lossy())
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Removes an environment variable.
    pub fn without_env(mut self, key: &str) -> Self {
        self.environment.remove(key);
        self
    }

    /// Sets the network configuration, an object. `name` (the network) and `type` (the plugin's
    /// file name) are added if they are missing; `cniVersion` is not.
    ///
    /// # Panics
    /// If `config` is not an object.
    pub fn config(mut self, config: Value) -> Self {
        match config {
            Value::Object(config) => self.config = config,
            other => panic!("a configuration must be an object, not {other}"),
        }
        self
    }

    /// Sets one key of the configuration, such as `prevResult`.
    pub fn key(mut self, key: &str, value: Value) -> Self {
        self.config.insert(key.to_owned(), value);
        self
    }

    /// Sets the plugin's input byte for byte, instead of a configuration.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Makes the call as the isolator of Mesos does.
    ///
    /// `args."org.apache.mesos".network_info` with the network's `name` is added to the
    /// configuration, its keys are sorted, and the input is a regular file. The environment is the
    /// default one: CNI_COMMAND, CNI_CONTAINERID, CNI_PATH, CNI_IFNAME, CNI_NETNS and PATH.
    ///
    /// # Panics
    /// If `network_info` is not an object.
    pub fn mesos(mut self, network_info: Value) -> Self {
        assert!(network_info.is_object(), "network_info must be an object, not {network_info}");
        self.network_info = Some(network_info);
        self
    }

    /// Attaches this container: its name is the container id, and the call is made on its host.
    pub fn container(self, container: &Container) -> Self {
        self.container_id(container.name()).netns(&container.netns()).within(container)
    }

    /// Makes the call on this host, or on the host of this container or neighbour.
    pub fn within(mut self, netns: &Netns) -> Self {
        self.netns = Some(Netns { sandbox: netns.sandbox.clone(), name: None });
        self
    }

    /// Sets how long the plugin may take, by default 60 seconds.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Returns what `program` will read from stdin.
    pub fn input(&self, program: impl AsRef<Path>) -> Vec<u8> {
        if let Some(stdin) = &self.stdin {
            return stdin.clone();
        }
        let mut config = self.config.clone();
        if !self.network.is_empty() {
            config.entry("name").or_insert_with(|| self.network.clone().into());
        }
        let name = program.as_ref().file_name().unwrap_or_default().to_string_lossy();
        config.entry("type").or_insert_with(|| name.into());
        match &self.network_info {
            Some(info) => mesos::config(config, info.clone(), &self.network).to_string().into(),
            None => Value::Object(config).to_string().into(),
        }
    }

    /// Starts `program`.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn start(&self, program: impl AsRef<Path>) -> RunningCall {
        let program = program.as_ref();
        let mut command = match &self.netns {
            Some(netns) => netns.command(program),
            None => Command::new(program),
        };
        let input = self.prepare(&mut command, program);
        self.running(program, RunningProcess::start(command, input))
    }

    /// Calls `program` and waits until it has exited.
    ///
    /// # Panics
    /// If the program can't be started, or does not exit and close both outputs within the limit.
    #[track_caller]
    pub fn run(&self, program: impl AsRef<Path>) -> Outcome {
        self.begin(program.as_ref()).finish()
    }

    /// Calls `program` and kills it with SIGKILL after a time, as happens when a runtime dies or
    /// gives up. If the program exits earlier, the call ends then.
    ///
    /// # Panics
    /// As [`CallBuilder::run`].
    #[track_caller]
    pub fn run_or_kill(&self, program: impl AsRef<Path>, after: Duration) -> Outcome {
        let mut running = self.begin(program.as_ref());
        if !running.exits_within(after) {
            running.kill();
        }
        running.finish()
    }

    /// Starts the program; on a host without the `nsenter` process of [`CallBuilder::start`].
    fn begin(&self, program: &Path) -> RunningCall {
        match &self.netns {
            Some(netns) => {
                let (started, mut stdin) = (Instant::now(), None);
                let child = netns.start(program, |command| {
                    stdin = self.prepare(command, program);
                    pipe(command, stdin.is_some());
                });
                let running = child.and_then(|child| RunningProcess::of(child, stdin, started));
                self.running(program, running)
            }
            None => self.start(program),
        }
    }

    /// Sets the environment and the input. Returns the input if it must be written to a pipe.
    fn prepare(&self, command: &mut Command, program: &Path) -> Option<Vec<u8>> {
        command.args(&self.arguments).env_clear().envs(&self.environment);
        let input = self.input(program);
        if self.network_info.is_some() {
            command.stdin(mesos::regular_file(&input));
            return None;
        }
        Some(input)
    }

    fn running(&self, program: &Path, running: std::io::Result<RunningProcess>) -> RunningCall {
        let verb = self.environment.get("CNI_COMMAND");
        let verb = verb.cloned().unwrap_or_else(|| self.arguments.join(" "));
        let what = format!("{} {verb}", program.display());
        let running = running.unwrap_or_else(|error| panic!("can't start {what}: {error}"));
        RunningCall { running, what, limit: self.limit }
    }
}

/// A call in progress. Dropping it kills the plugin.
pub struct RunningCall {
    running: RunningProcess,
    what: String,
    limit: Duration,
}

impl RunningCall {
    /// Returns the id of the plugin's process, or on a host the id of its `nsenter`.
    pub fn pid(&self) -> u32 {
        self.running.id()
    }

    /// Waits until the plugin has exited, for at most `time`; returns whether it has.
    pub fn exits_within(&self, time: Duration) -> bool {
        self.running.exits_within(time)
    }

    /// Kills the plugin with SIGKILL, as happens when its runtime dies.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Waits until the plugin has exited and both of its outputs are closed, as runtimes do.
    ///
    /// # Panics
    /// If that takes longer than the call's limit.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        let Self { running, what, limit } = self;
        running.finish(limit).unwrap_or_else(|| {
            panic!("{what}: still running, or its outputs still open, after {limit:?}")
        })
    }
}
