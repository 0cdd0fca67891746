//! Whether the container's answers come back through this host to the client.

use std::net::IpAddr;

use super::connection::{is_near, is_rewritten};
use super::inside::Inside;
use super::network::Client;
use super::passage::{Answers, Way};
use super::step::Step;
use super::way::Target;
use crate::program::quoted;

const NAME: &str = "answers";
const MASQUERADE: &str = "or set \"masqAll\": true and start the container again";

/// Decides it. `is_of_host` decides whether an address is this host's; `is_bridged`: if answers
/// between two ports of a bridge are translated on it.
pub(super) fn answers(
    target: &Target<'_>,
    client: Option<&Client>,
    way: &Way,
    inside: Result<&Inside, String>,
    is_of_host: impl Fn(IpAddr) -> bool,
    is_bridged: bool,
) -> Step {
    if let Some(step) = on_the_host(target, client, way) {
        return step;
    }
    let address = client.map(|client| client.address);
    if is_rewritten(target, client) {
        return Step::ok(NAME, "go to this host, whose address the container sees");
    }
    let to = to(client);
    let back = match inside {
        Ok(inside) if !inside.has_address => {
            return Step::unknown(NAME, "the container does not have its address");
        }
        Ok(inside) => inside.back,
        Err(why) => return Step::unknown(NAME, why),
    };
    let Some(route) = back else {
        return Step::failed(
            NAME,
            format!("the container has no route to {to}"),
            format!("add a default route to its network (ipam \"routes\"), {MASQUERADE}"),
        );
    };
    match route.gateway {
        Some(gateway) if !is_link_local(gateway) && !is_of_host(gateway) => Step::failed(
            NAME,
            format!("the container answers {to} by {gateway}, which is not this host"),
            format!("route its answers by this host, {MASQUERADE}"),
        ),
        None if client.is_some_and(|one| is_near(target, one) && !one.is_local) => {
            match is_bridged && address != Some(target.container) {
                true => Step::ok(NAME, format!("to {to} are translated on the bridge")),
                false => Step::failed(
                    NAME,
                    format!("the container answers {to} directly, which does not expect it"),
                    "remove \"snat\": false and start the container again",
                ),
            }
        }
        _ => Step::ok(NAME, format!("to {to} pass this host")),
    }
}

fn to(client: Option<&Client>) -> String {
    client.map_or("clients outside its subnet".to_owned(), |one| one.address.to_string())
}

/// Decides whether answers that have arrived at this host leave it, unless they do.
fn on_the_host(target: &Target<'_>, client: Option<&Client>, way: &Way) -> Option<Step> {
    if let Some(client) = client.filter(|client| client.back.is_none()) {
        let address = client.address;
        if client.is_input_down {
            return Some(Step::unknown(NAME, "the interface to the client is down"));
        }
        let remedy = format!("add one, such as `ip route add {address} via GATEWAY`");
        let step = Step::failed(NAME, format!("this host has no route to {address}"), remedy);
        return Some(step.with_commands([format!("ip route get {address}")]));
    }
    let (output, container) = (way.output.as_deref().unwrap_or("?"), target.container);
    let show = client
        .map(|one| format!("ip route get {} from {container} iif {}", one.address, quoted(output)));
    let commands = || std::iter::once("ip rule".to_owned()).chain(show.clone());
    let usual = client.map(|client| [client.input.as_deref(), client.back.as_deref()]);
    match (&way.answers, usual) {
        (Answers::Refused, _) => Some(
            Step::failed(
                NAME,
                format!(
                    "policy routing has no route to {} for packets of {container} that arrive by \
                     {output}",
                    to(client)
                ),
                "correct the rules or tables of policy routing",
            )
            .with_commands(commands()),
        ),
        (Answers::By(other), Some(usual)) if !usual.contains(&Some(other.as_str())) => Some(
            Step::unknown(
                NAME,
                format!("policy routing sends answers to {} by {other}", to(client)),
            )
            .with_remedy("if they get lost there, correct the rules of policy routing")
            .with_commands(commands()),
        ),
        _ => None,
    }
}

/// Reports whether a gateway may be answered for by any host on the link, as with Calico.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
