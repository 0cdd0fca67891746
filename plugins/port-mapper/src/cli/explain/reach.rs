//! Whether packets reach the container: its route, its neighbour entry, and hairpin mode.

use std::net::IpAddr;

use cni_netlink::link::Link;
use cni_netlink::neighbour::NeighbourState;

use super::inside::Inside;
use super::network::Client;
use super::passage::Way;
use super::step::Step;
use super::way::Target;
use crate::program::quoted;

/// Decides whether there is a route to the container. `is_marked`: whether the firewall may mark
/// packets.
pub(super) fn route(
    target: &Target<'_>,
    client: Option<&Client>,
    way: &Way,
    is_marked: bool,
) -> Step {
    const NAME: &str = "route";
    let container = target.container;
    let get = format!("ip route get {container}");
    if let Some(link) = &way.down {
        let message = format!("{link}, the interface of {container}'s subnet, is down");
        return Step::failed(NAME, message, "set the interface up")
            .with_commands([format!("ip link set dev {} up", quoted(link))]);
    }
    match (&way.route, &way.output) {
        (Some(route), _) if route.is_local() => Step::failed(
            NAME,
            format!("{container} is an address of this host itself"),
            "remove the address from this host, or start the container again with another one",
        )
        .with_commands([format!("ip address show to {container}")]),
        (Some(_), Some(_)) if way.is_refused => refused(target, client),
        (Some(_), Some(output)) => match way.mark.filter(|_| is_marked) {
            Some(mark) => Step::unknown(
                NAME,
                format!(
                    "{container} is reached by {output}, but the firewall marks packets, and those \
                     with mark {mark:#x} are routed otherwise"
                ),
            )
            .with_remedy("compare the marks of the firewall's rules with the rules of routing")
            .with_commands(["ip rule".to_owned(), format!("{get} mark {mark:#x}")]),
            None => Step::ok(NAME, format!("{container} is reached by {output}")),
        },
        _ => Step::failed(
            NAME,
            format!("this host has no route to the container's address {container}"),
            "usually the container must be started again",
        )
        .with_commands([get]),
    }
}

fn refused(target: &Target<'_>, client: Option<&Client>) -> Step {
    const NAME: &str = "route";
    let container = target.container;
    let (from, get) = match client {
        Some(client) if client.is_local => {
            let address = client.address;
            (format!(" of {address}"), format!("ip route get {container} from {address}"))
        }
        Some(Client { address, input: Some(input), .. }) => (
            format!(" of {address} that arrive by {input}"),
            format!("ip route get {container} from {address} iif {}", quoted(input)),
        ),
        _ => (String::new(), format!("ip route get {container}")),
    };
    let message = format!("policy routing has no route to {container} for packets{from}");
    let protocol = target.mapping.protocol;
    let ports = match protocol {
        crate::mappings::Protocol::Sctp => String::new(),
        _ => format!(" ipproto {protocol} dport {}", target.container_port),
    };
    Step::failed(NAME, message, "correct the rules or tables of policy routing")
        .with_commands(["ip rule".to_owned(), get + &ports])
}

/// Decides whether the container answers on the link. `port` is the host's end of its link.
pub(super) fn neighbour(
    target: &Target<'_>,
    way: &Way,
    inside: Result<&Inside, String>,
    port: Option<&Link>,
) -> Step {
    const NAME: &str = "neighbour";
    let container = target.container;
    let output = way.output.as_deref().unwrap_or("?");
    if way.route.is_none() {
        return Step::unknown(NAME, "there is no route");
    }
    if let Ok(inside) = &inside
        && !inside.has_address
    {
        return without_address(target, inside);
    }
    if let Some(down) = port.filter(|port| !port.is_up) {
        let message = format!("{}, the host's end of the container's link, is down", down.name);
        return Step::failed(NAME, message, "set the interface up")
            .with_commands([format!("ip link set dev {} up", quoted(&down.name))]);
    }
    let show = format!("ip neighbour show to {container}");
    let Some(neighbour) = way.neighbour else {
        return Step::unknown(NAME, format!("{container} could not be asked"));
    };
    let is_next_hop = way.route.is_some_and(|route| route.gateway.is_none());
    if let (Some(entry), Ok(inside), true) = (neighbour.mac, inside, is_next_hop)
        && let Some(real) = inside.link.as_ref().and_then(|link| link.mac)
        && !inside.macs.contains(&entry)
    {
        let (entry, real) = (mac(entry), mac(real));
        let message = format!("packets to {container} are sent to {entry}, and it has {real}");
        return Step::failed(NAME, message, "delete the wrong entry of the neighbour table")
            .with_commands([format!("ip neighbour del {container} dev {}", quoted(output))]);
    }
    match neighbour.state {
        NeighbourState::Known => Step::ok(NAME, format!("{container} answers by {output}")),
        NeighbourState::Old => {
            let message = format!("{container} has answered by {output}, but not lately");
            Step::unknown(NAME, message)
        }
        NeighbourState::Incomplete | NeighbourState::Failed => Step::failed(
            NAME,
            format!("{container} does not answer by {output}"),
            "find out why the container's interface does not answer; usually it must be started \
             again",
        )
        .with_commands([show, format!("ip link show dev {}", quoted(output))]),
    }
}

fn without_address(target: &Target<'_>, inside: &Inside) -> Step {
    const NAME: &str = "neighbour";
    let (container, enter) = (target.container, format!("nsenter --net={}", quoted(&target.netns)));
    match inside.link.as_ref().filter(|link| !link.is_up) {
        Some(link) => Step::failed(
            NAME,
            format!("{}, the container's interface with {container}, is down", link.name),
            "set it up; the routes that it had must be added again, too",
        )
        .with_commands([format!("{enter} ip link set dev {} up", quoted(&link.name))]),
        None => Step::failed(
            NAME,
            format!("the container does not have {container} on a link that is up"),
            "start the container again, or give it its address back",
        )
        .with_commands([format!("{enter} ip address")]),
    }
}

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

/// Decides whether a container reaches itself, if the client is the container. `is_bridged`: whether
/// packets are translated while they are on a bridge, which sends none back to the port by which it
/// came unless hairpin mode is on.
pub(super) fn hairpin(
    target: &Target<'_>,
    client: Option<&Client>,
    is_bridged: bool,
    port: Option<&Link>,
) -> Option<Step> {
    const NAME: &str = "hairpin mode";
    let is_own = |address: IpAddr| target.claim.addresses.iter().any(|one| one.address == address);
    let client = client.filter(|client| is_own(client.address))?;
    let port = port.filter(|port| port.hairpin.is_some());
    let (is_on, name) = (port.and_then(|port| port.hairpin), port.map(|port| port.name.as_str()));
    Some(match (is_bridged, is_on, name) {
        (false, ..) => Step::ok(NAME, "is not needed: packets are not translated on the bridge"),
        (true, Some(true), Some(name)) => Step::ok(NAME, format!("is on for {name}")),
        (true, Some(false), Some(name)) => Step::failed(
            NAME,
            format!("is off for {name}, so {} does not reach itself", client.address),
            "turn it on for this port of the bridge",
        )
        .with_commands([format!("bridge link set dev {} hairpin on", quoted(name))]),
        _ => Step::unknown(NAME, "the container's port of a bridge is unknown"),
    })
}
