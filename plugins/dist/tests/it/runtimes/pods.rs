//! Podman on a throw-away host.

use cni_test_kit::Host;

use super::site;

/// It finds plugins and networks where the host has them, and runs without systemd.
const CONFIG: &str = r#"
[network]
network_backend = "cni"
cni_plugin_dirs = ["/run/cni-bin"]
network_config_dir = "/run/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"#;

/// Podman on a host, until dropped; its containers and what it keeps of them go with the host.
pub(crate) struct Podman<'h>(&'h Host);

impl<'h> Podman<'h> {
    pub(crate) fn on(host: &'h Host) -> Self {
        host.write("/run/containers.conf", CONFIG);
        Self(host)
    }

    /// Runs `podman` with these words, which a shell reads.
    #[track_caller]
    pub(crate) fn run(&self, words: &str) -> String {
        let options =
            "--root /run/podman --runroot /run/podman-run --storage-driver overlay --runtime runc";
        let line = format!("CONTAINERS_CONF=/run/containers.conf podman {options} {words}");
        self.0.sh(&line).trim().to_owned()
    }
}

impl Drop for Podman<'_> {
    fn drop(&mut self) {
        site::remove_control_groups(self.0, "libpod_parent");
    }
}
