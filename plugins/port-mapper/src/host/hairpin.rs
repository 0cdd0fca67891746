//! Hairpin mode of bridge ports: lets a container reach itself through the host port.
//!
//! With `bridge-nf-call-iptables` a packet is mapped while it is still on the bridge, which then refuses to send it out
//! by the port that it came in by. Without, it is routed, and nothing has to be done.

use std::fs;
use std::path::Path;

use cni_netlink::link::{Link, Links};

use crate::claim::Claim;
use crate::error::Error;

/// Turns hairpin mode on for the container's bridge port, where that is needed.
///
/// `host_interfaces` are the names that the result gives for the host's side. A result that names none (0.1.0, 0.2.0)
/// leaves the veths that lead into the container's namespace.
///
/// # Errors
///
/// The kernel refuses.
pub fn open(claim: &Claim, host_interfaces: &[String]) -> Result<(), Error> {
    if !claim.snat || !bridged_packets_are_mapped() {
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

fn bridged_packets_are_mapped() -> bool {
    ["iptables", "ip6tables"].into_iter().any(|family| {
        let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
        fs::read_to_string(path).is_ok_and(|value| value.trim() == "1")
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

/// Nothing that enters by an excluded bridge is mapped, so nothing comes back by it.
fn is_excluded(links: &mut Links, claim: &Claim, port: &Link) -> Result<bool, Error> {
    let Some(master) = port.master else { return Ok(false) };
    let bridge = links.by_index(master)?;
    Ok(bridge.is_some_and(|bridge| claim.exclude_devices.contains(&bridge.name)))
}
