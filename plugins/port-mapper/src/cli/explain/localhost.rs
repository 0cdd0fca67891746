//! Whether 127.0.0.1 leads to the container.

use super::network::{Client, setting};
use super::passage::Way;
use super::step::Step;
use super::way::Target;

/// Reports whether the mapping is meant for this address of the client: a loopback address may not
/// be mapped.
pub(super) fn is_mapped(target: &Target<'_>, client: Option<&Client>) -> bool {
    let Some(address) = client.map(|client| client.address) else { return true };
    !address.is_loopback() || (address.is_ipv4() && target.claim.serves_localhost())
}

/// Decides whether 127.0.0.1 leads to the container, if that is the client.
pub(super) fn localhost(target: &Target<'_>, client: Option<&Client>, way: &Way) -> Option<Step> {
    const NAME: &str = "127.0.0.1";
    let address = client?.address;
    if !address.is_loopback() {
        return None;
    }
    if !is_mapped(target, client) {
        let remedy = "use another address of this host";
        return Some(Step::failed(NAME, format!("{address} is not mapped"), remedy));
    }
    let output = way.output.as_deref().unwrap_or("all");
    let path = |interface: &str| format!("ipv4/conf/{interface}/route_localnet");
    let is_on = ["all", output].iter().any(|one| setting(&path(one)).as_deref() == Some("1"));
    Some(match is_on {
        true => Step::ok(NAME, "route_localnet is enabled"),
        false => Step::failed(
            NAME,
            format!("route_localnet of {output} is off"),
            "enable it again, with the rules that protect 127.0.0.1",
        )
        .with_commands(["mesos-cni-port-mapper restore"]),
    })
}
