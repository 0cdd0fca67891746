//! Announces the addresses of each container to its neighbours, by gratuitous ARP and unsolicited
//! neighbour advertisements.
//!
//! The problem: an address is given to a new container at once, but its neighbours know the
//! hardware address of the last one for up to a minute, and lose what they send until then.
//!
//! A wrapper that works in the container's network namespace. Only the two lines within `run` are
//! executed there; a rollback or a delegate never is.
//!
//! ```json
//! {"type": "announce-addresses", "delegate": {"type": "macvlan", …}, …}
//! ```

use std::process::ExitCode;

use cni_netlink::{link::Links, sysctl};
use cni_wrapper::{AddResult, Call, Error, Middleware, about, run};

struct AnnounceAddresses;

/// Has the kernel announce all addresses of a link, now and whenever the link comes up.
fn announce(ifname: &str) -> Result<(), Error> {
    let mut links = Links::open()?;
    let Some(link) = links.by_name(ifname)? else { return Ok(()) };
    for setting in ["ipv4/conf/IFNAME/arp_notify", "ipv6/conf/IFNAME/ndisc_notify"] {
        match sysctl::set(&format!("net/{}", setting.replace("IFNAME", ifname)), "1") {
            Err(error) if error.errno() == Some(cni_netlink::errno::ENOENT) => {} // no IPv6
            done => done?,
        }
    }
    // To set the address that it has is what makes the kernel announce.
    link.mac.map_or(Ok(()), |mac| Ok(links.set_mac(link.index, mac)?))
}

impl Middleware for AnnounceAddresses {
    type Config = serde::de::IgnoredAny;

    async fn after_add(
        &self,
        call: &Call,
        _: &Self::Config,
        _: &mut AddResult,
    ) -> Result<(), Error> {
        let announced =
            call.netns().and_then(|netns| netns.run(|| announce(&call.attachment.ifname)));
        // The container is reachable without it, only later.
        announced.unwrap_or_else(|error| log::warn!("the addresses are not announced: {error}"));
        Ok(())
    }
}

fn main() -> ExitCode {
    run(about!(), AnnounceAddresses)
}
