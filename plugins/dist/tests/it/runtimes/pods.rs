//! Podman on a temporary host.

use cni_test_kit::Host;

use super::site;

/// Sets the host's directories of plugins and networks. Systemd is not used.
const CONFIG: &str = r#"
[network]
network_backend = "cni"
cni_plugin_dirs = ["/run/cni-bin"]
network_config_dir = "/run/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"#;

/// Podman on a host. Its containers and their storage are removed together with the host.
pub(crate) struct Podman<'h>(&'h Host);

impl<'h> Podman<'h> {
    pub(crate) fn on(host: &'h Host) -> Self {
        host.write("/run/containers.conf", CONFIG);
        Self(host)
    }

    /// Runs `podman` with arguments that a shell parses.
    #[track_caller]
    pub(crate) fn run(&self, args: &str) -> String {
        let options =
            "--root /run/podman --runroot /run/podman-run --storage-driver overlay --runtime runc";
        let line = format!("CONTAINERS_CONF=/run/containers.conf podman {options} {args}");
        self.0.sh(&line).trim().to_owned()
    }
}

impl Drop for Podman<'_> {
    fn drop(&mut self) {
        site::remove_control_groups(self.0, "libpod_parent");
    }
}
