//! A host on which something is to go wrong.

use std::time::Duration;

use cni_wrapper_test::{CallBuilder, Fault, Host, Outcome, PluginDir, Snapshot};
use serde_json::json;

use crate::common::{del, nothing_of_ours_is_left, plugin, scripted};

/// With this variable set to `all` every place is tried, else one of nine.
const VARIABLE: &str = "PORT_MAPPER_FAULTS";
const ONE_OF: usize = 9;

/// An ADD and a DEL have been there, so that what stays behind on purpose is.
pub(crate) struct Scene {
    /// ADD of a container with two host ports.
    pub(crate) call: CallBuilder,
    before: Snapshot,
    _plugins: PluginDir,
    // Last: all others live on it.
    host: Host,
}

impl Scene {
    pub(crate) fn new(backend: &str) -> Self {
        let host = Host::new();
        let container = host.container("c1");
        let (plugins, network) = scripted("10.0.0.2/24");
        let call = CallBuilder::add("mesos")
            .config(network)
            .key("backend", json!(backend))
            // What waits in vain ends by it.
            .key("delegateTimeout", json!(3))
            .key("cniVersion", json!("1.1.0"))
            // Without a version of its own the delegate is told of every verb.
            .key("delegate", json!({"type": "inner"}))
            .limit(Duration::from_secs(20))
            .key(
                "runtimeConfig",
                json!({"portMappings": [
                    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                    {"hostPort": 8081, "containerPort": 81, "protocol": "udp"},
                ]}),
            )
            .container(&container)
            .cni_path(plugins.path());
        call.run(plugin()).expect_success();
        del(&call);
        nothing_of_ours_is_left(&host);
        let before = host.snapshot();
        Self { call, before, _plugins: plugins, host }
    }

    /// Calls with the verb, with the fault at every place in turn; a DEL after an ADD. `judge` gets the place and what became of
    /// the call, and cleans up; then nothing may be left. Says how many places there were.
    pub(crate) fn everywhere(
        &self,
        verb: &str,
        fault: Fault,
        mut judge: impl FnMut(&str, &Outcome),
    ) -> usize {
        let all = std::env::var_os(VARIABLE).is_some_and(|value| value == "all");
        let call = self.call.clone().as_verb(verb);
        let mut tried = 0;
        for number in (1..).step_by(if all { 1 } else { ONE_OF }) {
            if verb == "DEL" {
                self.call.run(plugin()).expect_success();
            }
            let faulted = call.run_with_fault(plugin(), number, fault);
            let Some(at) = &faulted.at else {
                faulted.outcome.expect_success();
                break;
            };
            judge(at, &faulted.outcome);
            self.assert_clean(&format!("{at}: {}", faulted.outcome));
            tried += 1;
        }
        assert!(tried > 5, "{tried} places");
        tried
    }

    /// Nothing is left: no rule, file, lock, link or process.
    #[track_caller]
    fn assert_clean(&self, after: &str) {
        let processes = self.host.processes();
        assert!(processes.is_empty(), "{after}: still there: {processes:?}");
        // The directory stays, and the lock, since somebody may be waiting for it.
        let left = self
            .host
            .sh("if cd /run/mesos-cni-port-mapper 2>/dev/null; then ls -A; rm -r $PWD; fi");
        assert!(matches!(left.trim(), "" | "lock"), "{after}: files are left: {left}");
        let difference = self.before.difference(&self.host.snapshot());
        assert!(difference.is_empty(), "{after}: the host is not as it was:\n{difference}");
    }
}
