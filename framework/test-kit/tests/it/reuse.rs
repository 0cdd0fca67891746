//! A host that is reset to its baseline is unchanged, or is not reused.

use cni_test_kit::{Baseline, BindMounts, Host, ReusableContainer};

fn host() -> (Host, Baseline) {
    let host = Host::with_private_tmp(BindMounts::default());
    let baseline = host.baseline().expect("a new host can be reused");
    (host, baseline)
}

#[test]
fn what_plugins_usually_create_is_removed() {
    let (host, baseline) = host();
    let before = host.snapshot();
    let container = ReusableContainer::new(host.container("ns1"), Some(&baseline));
    let empty = container.snapshot();
    host.sh("ip link add br0 type bridge; ip link set br0 up; ip address add 10.1.0.1/24 dev br0
             ip link add v0 type veth peer name eth0 netns ns1; ip link set v0 master br0 up
             ip route add 10.2.0.0/24 dev br0; nft add table ip some; iptables -t nat -N SOME
             mkdir -p /var/lib/cni/networks/net; echo x >/var/lib/cni/networks/net/10.1.0.2
             echo x >/run/left; ln -s /etc/hostname /tmp/link; mkdir -p /tmp/a/b; echo x >/tmp/a/b/c
             echo 0 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/ip_forward");
    container.sh("ip address add 10.1.0.2/24 dev eth0; ip link set eth0 up");
    let kept = host.reset(&baseline, vec![container]).expect("the host can be reused");
    assert_eq!(kept.iter().map(|one| one.name().to_owned()).collect::<Vec<_>>(), ["ns1"]);
    before.assert_same(&host.snapshot());
    empty.assert_same(&kept[0].snapshot());
    assert!(std::path::Path::new("/etc/hostname").exists(), "no link was followed");
    assert!(host.reset(&baseline, kept).is_some(), "and again");
}

#[test]
fn a_container_is_reused_although_its_host_has_links_that_it_lacks() {
    let host = Host::with_private_tmp(BindMounts::default());
    host.sh("ip link add taken0 type bridge");
    let baseline = host.baseline().expect("a new host can be reused");
    let container = ReusableContainer::new(host.container("ns1"), Some(&baseline));
    let kept = host.reset(&baseline, vec![container]).expect("the host can be reused");
    assert_eq!(kept.len(), 1);
    host.sh("echo 1 >/proc/sys/net/ipv4/conf/taken0/proxy_arp");
    assert!(host.reset(&baseline, kept).is_none(), "the sysctls of its own link are watched");
}

/// Reports whether a host can be reused after a script.
fn is_reusable_after(script: &str) -> bool {
    let (host, baseline) = host();
    host.sh(script);
    host.reset(&baseline, Vec::new()).is_some()
}

#[test]
fn a_host_that_changed_in_another_way_is_not_reused() {
    assert!(is_reusable_after(":"));
    for script in [
        "setsid sleep 4713 >/dev/null 2>&1 </dev/null &",
        "ip address add 10.9.9.9/32 dev lo",
        "ip rule add from 10.9.9.9 lookup 9",
        "ip link set lo down",
        "ip neighbour add 10.9.9.9 lladdr 02:00:00:00:00:01 dev lo nud permanent",
        "iptables-legacy -A INPUT -s 10.9.9.9 -j DROP",
        "echo 0 >/proc/sys/net/ipv4/ip_forward",
        "echo 2 >/proc/sys/net/ipv4/conf/default/rp_filter",
        "echo 12345 >/proc/sys/net/core/somaxconn",
        "mkdir /run/mounted; mount -t tmpfs tmpfs /run/mounted",
        "ip netns add other",
        "rmdir /run/lock 2>/dev/null || chmod 700 /run/lock",
    ] {
        assert!(!is_reusable_after(script), "{script}");
    }
}

/// Reports whether a container is reused after a script in it. Its host is reused in any case.
fn is_kept_after(script: &str) -> bool {
    let (host, baseline) = host();
    let container = ReusableContainer::new(host.container("ns1"), Some(&baseline));
    container.sh(script);
    let kept = host.reset(&baseline, vec![container]).expect("the host can be reused");
    assert_eq!(host.exists("/run/netns/ns1"), !kept.is_empty(), "{script}");
    !kept.is_empty()
}

#[test]
fn a_container_that_changed_is_removed_and_its_host_reused() {
    assert!(is_kept_after("ip link add d0 type bridge"), "links are removed");
    for script in [
        "ip address add 10.9.9.9/32 dev lo",
        "ip link set lo down",
        "nft add table ip left",
        "iptables-legacy -A INPUT -s 10.9.9.9 -j DROP",
        "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore",
        "echo 12345 >/proc/sys/net/core/somaxconn",
        "umount /run/netns/ns1; rm /run/netns/ns1",
    ] {
        assert!(!is_kept_after(script), "{script}");
    }
}

#[test]
fn a_bind_mounted_directory_of_the_machine_is_not_emptied() {
    let directory = cni_test_kit::TempDir::new();
    let path = directory.path().canonicalize().unwrap();
    std::fs::write(path.join("plugin"), "text").unwrap();
    let mut bind_mounts = BindMounts::default();
    bind_mounts.directory(&path).unwrap();
    let host = Host::with_private_tmp(bind_mounts);
    let baseline = host.baseline().unwrap();
    host.write(&format!("{}/made", path.display()), "by a plugin");
    assert!(host.reset(&baseline, Vec::new()).is_some());
    assert_eq!(std::fs::read_to_string(path.join("plugin")).unwrap(), "text");
    assert!(path.join("made").exists(), "the file belongs to the machine");
}

#[test]
fn a_host_in_a_user_namespace_or_with_rules_is_not_reused() {
    assert!(Host::in_user_namespace().baseline().is_none());
    let host = Host::new();
    host.run("nft add table ip some");
    host.sh("nft add chain ip some one; nft add rule ip some one accept");
    assert!(host.baseline().is_none());
}
