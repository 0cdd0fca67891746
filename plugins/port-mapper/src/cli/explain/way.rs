//! The steps of a packet's way on this host until it is forwarded, decided from what was observed.

use std::net::IpAddr;

use super::network::Client;
use super::step::Step;
use crate::claim::Claim;
use crate::family::Family;
use crate::mappings::Mapping;
use crate::program::quoted;

/// A mapping of a claim, for one family and one port.
pub(super) struct Target<'a> {
    pub(super) claim: &'a Claim,
    pub(super) mapping: &'a Mapping,
    pub(super) family: Family,
    /// The container's address and port.
    pub(super) container: IpAddr,
    pub(super) container_port: u16,
    pub(super) host_port: u16,
    /// The path by which the container's network namespace is seen.
    pub(super) netns: String,
}

/// Decides whether this host has the address to which the port is bound, if it is bound to one.
/// `down` is the interface that has it and is down.
pub(super) fn host_address(
    target: &Target<'_>,
    is_of_host: impl Fn(IpAddr) -> bool,
    down: Option<&str>,
) -> Option<Step> {
    const NAME: &str = "host address";
    let address = target.mapping.host_ip.one()?;
    if is_of_host(address) {
        return Some(Step::ok(NAME, format!("{address} is an address of this host")));
    }
    Some(match down {
        Some(link) => Step::failed(
            NAME,
            format!("{address}, at which alone the port is mapped, is on {link}, which is down"),
            "set the interface up",
        )
        .with_commands([format!("ip link set dev {} up", quoted(link))]),
        None => Step::failed(
            NAME,
            format!("this host does not have {address}, at which alone the port is mapped"),
            "give this host the address back, or start the container again with another hostIP",
        )
        .with_commands(["ip address"]),
    })
}

/// Decides whether the client's packets arrive.
pub(super) fn interface(client: &Client) -> Option<Step> {
    const NAME: &str = "interface";
    let input = client.input.as_ref()?;
    let address = client.address;
    Some(match client.is_input_down {
        false => Step::ok(NAME, format!("{input}, by which packets of {address} arrive, is up")),
        true => Step::failed(
            NAME,
            format!("{input}, by which packets of {address} arrive, is down"),
            "set the interface up",
        )
        .with_commands([format!("ip link set dev {} up", quoted(input))]),
    })
}

/// Decides whether the client's interface is excluded.
pub(super) fn excluded(claim: &Claim, client: Option<&Client>) -> Step {
    const NAME: &str = "excluded devices";
    if claim.exclude_devices.is_empty() {
        return Step::ok(NAME, "there are none");
    }
    let list = claim.exclude_devices.join(", ");
    let Some(client) = client else {
        return Step::ok(NAME, format!("only packets that arrive by {list} are not mapped"));
    };
    let Some(input) = &client.input else {
        return Step::unknown(NAME, format!("the interface of {} is unknown", client.address));
    };
    let is_excluded = |pattern: &&String| match pattern.strip_suffix('+') {
        Some(prefix) => input.starts_with(prefix),
        None => *pattern == input,
    };
    match claim.exclude_devices.iter().find(is_excluded) {
        None => Step::ok(NAME, format!("{input} is not one of {list}")),
        Some(pattern) => Step::failed(
            NAME,
            format!("packets of {} arrive by {input}, which is excluded", client.address),
            format!("remove {pattern:?} from \"excludeDevices\" and start the container again"),
        ),
    }
}

/// A host that forwards ignores router advertisements unless accept_ra is 2.
const ROUTES_BY_ADVERTISEMENT: &str = "; if this host gets routes by router advertisements, first \
     run `sysctl -w net.ipv6.conf.INTERFACE.accept_ra=2`, so that it keeps them";

/// Decides whether the kernel forwards packets: `all` is the setting with its value, and `own` are
/// those of the interfaces by which packets and answers arrive, which have a meaning in IPv4 only.
pub(in crate::cli) fn forwarding(
    family: Family,
    all: (&str, Option<String>),
    own: Vec<(String, Option<String>)>,
) -> Step {
    const NAME: &str = "forwarding";
    let all = (all.0.to_owned(), all.1);
    let (own, caution) = match family {
        Family::V4 => (own, ""),
        Family::V6 => (Vec::new(), ROUTES_BY_ADVERTISEMENT),
    };
    let remedies = [
        "let this host forward packets, also those of other networks",
        "let it forward what it receives by this interface, also packets of other networks",
    ];
    let settings = std::iter::once((all, remedies[0]));
    for ((name, value), remedy) in settings.chain(own.into_iter().map(|one| (one, remedies[1]))) {
        match value.as_deref() {
            None => return Step::unknown(NAME, format!("{name} can't be read")),
            Some("0") => {
                let message = format!("{name} is 0, so packets are not forwarded{caution}");
                let command = format!("sysctl -w {}=1", quoted(&name));
                return Step::failed(NAME, message, remedy).with_commands([command]);
            }
            Some(_) => {}
        }
    }
    Step::ok(NAME, "is enabled")
}

/// Decides whether the kernel takes the client's address for a forged one.
pub(super) fn rp_filter(client: &Client, is_forged: Result<bool, String>) -> Step {
    const NAME: &str = "rp_filter";
    let (input, back) = (client.input.as_deref(), client.back.as_deref());
    let (input, back) = (input.unwrap_or("?"), back.unwrap_or("?"));
    match is_forged {
        Err(why) => Step::unknown(NAME, why),
        Ok(false) => Step::ok(NAME, format!("accepts {} from {input}", client.address)),
        Ok(true) => Step::failed(
            NAME,
            format!(
                "packets of {} arrive by {input}, but the route to it leads by {back}, so the \
                 kernel drops them",
                client.address
            ),
            format!(
                "correct the routes, or accept packets by {input} whose answers leave by another \
                 interface"
            ),
        )
        // 0 would not count if that of all interfaces is 1.
        .with_commands([format!(
            "sysctl -w {}=2",
            quoted(&format!("net/ipv4/conf/{input}/rp_filter"))
        )]),
    }
}
