//! Which Debian packages each task needs.

/// A file that must exist, and the Debian package that contains it. A bare name is a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) file: &'static str,
    pub(crate) package: &'static str,
}

const fn need(file: &'static str, package: &'static str) -> Need {
    Need { file, package }
}

/// For a disposable host with the port mapper and its delegates.
const IP: Need = need("ip", "iproute2");
const NSENTER: Need = need("nsenter", "util-linux");
const MOUNT: Need = need("mount", "mount");
const IPTABLES: Need = need("iptables-restore", "iptables");
const NFT: Need = need("nft", "nftables");
const BRIDGE: Need = need("/usr/lib/cni/bridge", "containernetworking-plugins");

const STRACE: Need = need("strace", "strace");
const CONTAINERD_ITSELF: Need = need("containerd", "containerd");
const RUNC: Need = need("runc", "runc");
const PODMAN_ITSELF: Need = need("podman", "podman");
/// Process 1 of a pod.
const CATATONIT: Need = need("/usr/libexec/podman/catatonit", "catatonit");
/// The first layer of an image.
const BUSYBOX: Need = need("busybox", "busybox-static");

pub(crate) const DEMO: &[Need] = &[IP, NSENTER, MOUNT, IPTABLES, NFT, BRIDGE];
pub(crate) const CONFORMANCE: &[Need] = DEMO;
pub(crate) const FAULTS: &[Need] = DEMO;
pub(crate) const SOAK: &[Need] = DEMO;
/// strace counts the processes of a call.
pub(crate) const BENCH: &[Need] = &[IP, NSENTER, MOUNT, IPTABLES, NFT, BRIDGE, STRACE];
pub(crate) const CONTAINERD: &[Need] =
    &[IP, NSENTER, MOUNT, IPTABLES, NFT, BRIDGE, CONTAINERD_ITSELF, RUNC];
pub(crate) const PODMAN: &[Need] =
    &[IP, NSENTER, MOUNT, IPTABLES, NFT, BRIDGE, PODMAN_ITSELF, RUNC];
pub(crate) const NODE: &[Need] =
    &[IP, NSENTER, MOUNT, IPTABLES, NFT, BRIDGE, PODMAN_ITSELF, RUNC, CATATONIT, BUSYBOX];

/// A container image registry. It is unpacked, since as a service it would listen on port 5000.
pub(crate) const REGISTRY: Need = need("usr/bin/docker-registry", "docker-registry");
/// It is unpacked, since as a service it would become the firewall of this machine. [`TEST`] has
/// its libraries.
pub(crate) const FIREWALLD: Need = need("usr/sbin/firewalld", "firewalld");
/// It is unpacked for the same reason.
pub(crate) const UFW: Need = need("usr/sbin/ufw", "ufw");

/// All of these, and the packages of single tests.
pub(crate) const TEST: &[Need] = &[
    IP,
    NSENTER,
    MOUNT,
    IPTABLES,
    NFT,
    BRIDGE,
    STRACE,
    CONTAINERD_ITSELF,
    RUNC,
    PODMAN_ITSELF,
    CATATONIT,
    BUSYBOX,
    need("conntrack", "conntrack"), // compared with the crate cni-netlink
    need("sysctl", "procps"),
    need("systemd-analyze", "systemd"), // verifies the systemd units; busctl watches firewalld
    need("dbus-daemon", "dbus-daemon"), // firewalld's bus
    need("/usr/lib/python3/dist-packages/firewall", "python3-firewall"),
    need("/usr/lib/python3/dist-packages/nftables", "python3-nftables"),
    need("mmdebstrap", "mmdebstrap"), // creates the Debian in which the package is installed
    need("jq", "jq"),                 // used in a README
    need("zsh", "zsh"),               // with fish: completions of the package
    need("fish", "fish"),
    need("chromium", "chromium"), // opens the page of cni-conformance
];
