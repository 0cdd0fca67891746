//! The steps of a packet's way to a container and back, decided from what was observed.

use std::net::IpAddr;

use cni_netlink::neighbour::NeighbourState;

use super::connection::{is_near, is_rewritten};
use super::inside::Inside;
use super::network::{Client, Way};
use super::sockets::Listener;
use super::step::Step;
use crate::claim::Claim;
use crate::family::Family;
use crate::mappings::Mapping;

/// A mapping of a claim, for one family and one port.
pub(super) struct Target<'a> {
    pub(super) claim: &'a Claim,
    pub(super) mapping: &'a Mapping,
    pub(super) family: Family,
    /// The container's address and port.
    pub(super) container: IpAddr,
    pub(super) container_port: u16,
    pub(super) host_port: u16,
}

/// Decides whether a process of the host has the port, too.
pub(super) fn listener(target: &Target<'_>, found: Option<&(Listener, Option<String>)>) -> Step {
    const NAME: &str = "host process";
    let Some((listener, process)) = found else {
        return Step::ok(NAME, "no other process of this host listens on the port");
    };
    let (protocol, port) = (target.mapping.protocol, target.host_port);
    let who = process.as_deref().unwrap_or("a process in another namespace of processes");
    if who.starts_with("conmon ") {
        return Step::ok(NAME, format!("{who} reserves the port for Podman"));
    }
    Step::failed(
        NAME,
        format!(
            "{who} listens on {protocol} port {port} ({}); which of the two answers depends on \
             where a client is",
            listener.address
        ),
        format!(
            "stop it, or map another host port; see `ss -lnp{} 'sport = :{port}'`",
            if protocol.as_str() == "tcp" { 't' } else { 'u' }
        ),
    )
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

/// Decides whether the kernel forwards packets: `all` is the setting with its value, and `input`
/// that of the client's interface, which has a meaning in IPv4 only.
pub(in crate::cli) fn forwarding(
    family: Family,
    all: (&str, Option<String>),
    input: Option<(String, Option<String>)>,
) -> Step {
    const NAME: &str = "forwarding";
    let all = (all.0.to_owned(), all.1);
    let (input, caution) = match family {
        Family::V4 => (input, ""),
        Family::V6 => (None, ROUTES_BY_ADVERTISEMENT),
    };
    for (name, value) in [Some(all), input].into_iter().flatten() {
        match value.as_deref() {
            None => return Step::unknown(NAME, format!("{name} can't be read")),
            Some("0") => {
                let message =
                    format!("{name} is 0, so packets of other hosts are not forwarded{caution}");
                return Step::failed(NAME, message, format!("sysctl -w {name}=1"));
            }
            Some(_) => {}
        }
    }
    Step::ok(NAME, "is enabled")
}

/// Decides whether the kernel takes the client's address for a forged one. `settings` are the
/// values of rp_filter for all interfaces and for the client's.
pub(super) fn rp_filter(client: &Client, settings: [Option<String>; 2]) -> Step {
    const NAME: &str = "rp_filter";
    const STRICT: u8 = 1;
    let Some(input) = &client.input else {
        return Step::unknown(NAME, format!("the interface of {} is unknown", client.address));
    };
    let numbers = settings.map(|setting| setting.and_then(|text| text.parse::<u8>().ok()));
    let [Some(all), Some(its)] = numbers else {
        return Step::unknown(NAME, format!("the setting of {input} can't be read"));
    };
    match &client.back {
        // Without a route the step of the answers fails.
        Some(back) if all.max(its) == STRICT && back != input => Step::failed(
            NAME,
            format!(
                "packets of {} arrive by {input}, but the route to it leads by {back}, so the \
                 kernel drops them",
                client.address
            ),
            format!("sysctl -w net/ipv4/conf/{input}/rp_filter=2"),
        ),
        _ => Step::ok(NAME, format!("accepts {} from {input}", client.address)),
    }
}

/// Decides whether there is a route to the container.
pub(super) fn route(target: &Target<'_>, way: &Way) -> Step {
    const NAME: &str = "route";
    let container = target.container;
    match (&way.route, &way.output) {
        (Some(route), _) if route.is_local() => Step::failed(
            NAME,
            format!("{container} is an address of this host itself"),
            format!("ip address show to {container}"),
        ),
        (Some(_), Some(output)) => Step::ok(NAME, format!("{container} is reached by {output}")),
        _ => Step::failed(
            NAME,
            format!("this host has no route to the container's address {container}"),
            format!("see `ip route get {container}`; usually the container must be started again"),
        ),
    }
}

/// Decides whether the container answers on the link.
pub(super) fn neighbour(target: &Target<'_>, way: &Way, inside: Result<&Inside, String>) -> Step {
    const NAME: &str = "neighbour";
    let container = target.container;
    let output = way.output.as_deref().unwrap_or("?");
    if way.route.is_none() {
        return Step::unknown(NAME, "there is no route");
    }
    if inside.is_ok_and(|inside| !inside.has_address) {
        return Step::failed(
            NAME,
            format!("the container does not have {container} on a link that is up"),
            format!("nsenter --net={} ip address", target.claim.netns),
        );
    }
    match way.neighbour {
        Some(NeighbourState::Known) => Step::ok(NAME, format!("{container} answers by {output}")),
        Some(NeighbourState::Old) => {
            let message = format!("{container} has answered by {output}, but not lately");
            Step::unknown(NAME, message)
        }
        Some(NeighbourState::Incomplete | NeighbourState::Failed) => Step::failed(
            NAME,
            format!("{container} does not answer by {output}"),
            format!("ip neighbour show to {container}; ip link show {output}"),
        ),
        None => Step::unknown(NAME, format!("{container} could not be asked")),
    }
}

/// Decides whether something listens in the container.
pub(super) fn service(target: &Target<'_>, inside: Result<&Inside, String>) -> Step {
    const NAME: &str = "service";
    let (protocol, port) = (target.mapping.protocol, target.container_port);
    let listeners = match inside {
        Ok(Inside { listeners: Ok(listeners), .. }) => listeners,
        Ok(Inside { listeners: Err(error), .. }) => {
            return Step::unknown(NAME, format!("its sockets can't be read: {error}"));
        }
        Err(why) => return Step::unknown(NAME, why),
    };
    let mut at_port = listeners.iter().filter(|one| one.port == port).peekable();
    let bind = format!("configure the service to listen on 0.0.0.0:{port}, or map its real port");
    let Some(first) = at_port.peek() else {
        const MOST: usize = 60;
        let mut others = String::new();
        for port in listeners.iter().map(|one| one.port.to_string()) {
            let is_known = others.split(", ").any(|other| other == port);
            if !is_known && others.len() < MOST {
                others = if others.is_empty() { port } else { others + ", " + &port };
            }
        }
        if !others.is_empty() {
            others.insert_str(0, "; others do on ");
        }
        let message = format!("nothing in the container listens on {protocol} port {port}{others}");
        return Step::failed(NAME, message, bind);
    };
    let first = first.address;
    match at_port.any(|one| one.receives(Some(target.container))) {
        true => Step::ok(NAME, format!("listens on {protocol} port {port} in the container")),
        false => {
            let message = format!("the service listens on {first} only, which is not reached");
            Step::failed(NAME, message, bind)
        }
    }
}

/// Decides whether answers come back through this host. A bridge may translate those to its ports
/// by itself. `is_of_host` decides whether an address is this host's.
pub(super) fn answers(
    target: &Target<'_>,
    client: Option<&Client>,
    inside: Result<&Inside, String>,
    is_bridged: bool,
    is_of_host: impl Fn(IpAddr) -> bool,
) -> Step {
    const NAME: &str = "answers";
    if let Some(client) = client.filter(|client| client.back.is_none()) {
        let address = client.address;
        let message = format!("this host has no route to {address}");
        return Step::failed(NAME, message, format!("ip route add {address} via GATEWAY"));
    }
    let address = client.map(|client| client.address);
    if is_rewritten(target, client) {
        return Step::ok(NAME, "go to this host, whose address the container sees");
    }
    let to = address.map_or("clients outside its subnet".to_owned(), |one| one.to_string());
    let masquerade = "or set \"masqAll\": true and start the container again";
    let back = match inside {
        Ok(inside) => inside.back,
        Err(why) => return Step::unknown(NAME, why),
    };
    match back {
        None => Step::failed(
            NAME,
            format!("the container has no route to {to}"),
            format!("add a default route to its network (ipam \"routes\"), {masquerade}"),
        ),
        Some(route) => match route.gateway {
            Some(gateway) if !is_link_local(gateway) && !is_of_host(gateway) => Step::failed(
                NAME,
                format!("the container answers {to} by {gateway}, which is not this host"),
                format!("route its answers by this host, {masquerade}"),
            ),
            None if client.is_some_and(|one| is_near(target, one) && !one.is_local) => {
                match is_bridged {
                    true => Step::ok(NAME, format!("to {to} are translated back by the bridge")),
                    false => Step::failed(
                        NAME,
                        format!("the container answers {to} directly, which does not expect it"),
                        "remove \"snat\": false and start the container again",
                    ),
                }
            }
            _ => Step::ok(NAME, format!("to {to} pass this host")),
        },
    }
}

/// Reports whether a gateway may be answered for by any host on the link, as with Calico.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
