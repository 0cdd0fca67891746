//! Chains of other programs, as far as their names are well known.

/// How the names of the chains of other programs in the nat table begin.
///
/// Such a chain is kept even if it is not known who made it: its program counts on it, and on jumps
/// to it that may look like ours. A name belongs here if a program in wide use creates the chain
/// once, at its start, and would not create it again.
const PREFIXES: [&str; 13] = [
    "DOCKER",     // Docker and its successors: dockerd makes the chain and the same two jumps
    "KUBE-",      // kube-proxy, kubelet, kube-router
    "CNI-",       // portmap, bridge's ipMasq, firewall; also for nerdctl and Podman 3
    "NETAVARK-",  // Podman
    "LIBVIRT_",   // libvirt
    "ufw",        // ufw-…, ufw6-…
    "cali-",      // Calico
    "CILIUM_",    // Cilium
    "FLANNEL-",   // Flannel
    "WEAVE",      // Weave Net
    "ISTIO_",     // Istio
    "PRE_",       // firewalld: PRE_public …
    "PREROUTING", // firewalld: PREROUTING_direct, PREROUTING_ZONES …
];

/// Reports whether a chain of this name is another program's.
pub fn is_well_known(chain: &str) -> bool {
    PREFIXES.iter().any(|prefix| chain.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_other_programs_are_recognised_by_their_names() {
        for name in
            ["DOCKER", "DOCKER_OUTPUT", "KUBE-SERVICES", "CNI-HOSTPORT-DNAT", "cali-PREROUTING"]
        {
            assert!(is_well_known(name), "{name}");
        }
        for name in ["MESOS", "PORT-MAPPER", "PORT-MAPPER-MASQ", "MY-DOCKER", "docker"] {
            assert!(!is_well_known(name), "{name}");
        }
    }
}
