//! A call in which everything that users control is hostile, as far as it is accepted.

use cni_test_kit::{CallBuilder, Container, PluginDir};
use serde_json::{Value, json};

/// A text that a shell, sed or iptables-restore would interpret as more than a value.
const HOSTILE: &str = "\" -j ACCEPT\n-A INPUT -j ACCEPT\nCOMMIT\n$(touch /tmp/pwned) \
                       `touch /tmp/pwned` '; touch /tmp/pwned' %n \\";

/// Returns an ADD whose labels, arguments, unknown keys and environment are hostile. A hostile id,
/// chain or protocol would be refused.
pub(crate) fn call(plugins: &PluginDir, network: &Value, container: &Container) -> CallBuilder {
    let label = json!({"key": HOSTILE, "value": HOSTILE.repeat(100)});
    let info = json!({
        "port_mappings": [
            {"host_port": 8080, "container_port": 80, "name": HOSTILE, "labels": [label]},
        ],
        "labels": {"labels": [label]},
        "name": "mesos",
    });
    CallBuilder::add("mesos")
        .config(network.clone())
        .key("unknown", json!({HOSTILE: HOSTILE}))
        .mesos(info)
        .container(container)
        .cni_path(plugins)
        .env(
            "CNI_ARGS",
            "IgnoreUnknown=1;K8S_POD_NAME=$(touch /tmp/pwned);LABEL=`touch /tmp/pwned`",
        )
        .env("LD_PRELOAD_OF_NOBODY", HOSTILE)
        .env("IPTABLES_SECRET", HOSTILE)
        .env("XTABLES_LIBDIR", "/tmp/evil")
        .env("LANG", "tr_TR.UTF-8")
}
