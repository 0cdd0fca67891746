//! Hairpin mode of bridge ports, which lets a container reach itself through the host port.
//!
//! With `bridge-nf-call-iptables`, a packet is translated while it is on the bridge, and a bridge
//! does not send a packet back through the port on which it arrived unless hairpin mode is on.
//! Without the setting, the packet is routed, and hairpin mode is not needed.

use std::path::Path;

use cni_netlink::link::{Link, Links};

use crate::claim::Claim;
use crate::error::Error;
use crate::files::read_small;

/// Turns on hairpin mode for the container's bridge port if that is needed.
///
/// `host_interfaces` are the host's interfaces in the result. If the result has none (0.1.0,
/// 0.2.0), the port is found as a veth whose other end is in the container's namespace.
///
/// # Errors
///
/// The kernel rejects a request.
pub fn enable(claim: &Claim, host_interfaces: &[String]) -> Result<(), Error> {
    if !claim.snat || !bridged_packets_are_translated() {
        return Ok(());
    }
    let mut links = Links::open()?;
    for port in ports(&mut links, claim, host_interfaces)? {
        if port.hairpin == Some(false) && !is_excluded(&mut links, claim, &port)? {
            links.set_hairpin(port.index, true)?;
        }
    }
    Ok(())
}

fn bridged_packets_are_translated() -> bool {
    ["iptables", "ip6tables"].into_iter().any(|family| {
        let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
        read_small(path).is_ok_and(|value| value.trim() == "1")
    })
}

fn ports(links: &mut Links, claim: &Claim, host_interfaces: &[String]) -> Result<Vec<Link>, Error> {
    let mut ports = Vec::new();
    for name in host_interfaces {
        ports.extend(links.by_name(name)?.filter(|link| link.hairpin.is_some()));
    }
    if ports.is_empty() && !claim.netns.is_empty() {
        ports = links.veths_into(Path::new(&claim.netns))?;
    }
    Ok(ports)
}

/// Reports whether the bridge is excluded: packets that enter through it are not mapped.
fn is_excluded(links: &mut Links, claim: &Claim, port: &Link) -> Result<bool, Error> {
    let Some(master) = port.master else { return Ok(false) };
    let bridge = links.by_index(master)?;
    Ok(bridge.is_some_and(|bridge| claim.exclude_devices.contains(&bridge.name)))
}
