//! Whether a client is one of those for which the mapping's conditions allow a connection.

use std::net::IpAddr;

use super::network::Client;
use super::packet::{Known, and, contains};
use super::step::Step;
use super::way::Target;
use crate::conditions::{Addresses, key};

const NAME: &str = "conditions";

/// Decides whether the conditions hold for a client.
pub(super) fn conditions(target: &Target<'_>, client: Option<&Client>) -> Step {
    let conditions = &target.claim.conditions;
    let list = conditions.of(target.family).join(" ");
    if list.is_empty() {
        return Step::ok(NAME, "there are none");
    }
    let Some(client) = client else {
        return Step::ok(NAME, format!("only connections that match {list} are mapped"));
    };
    let address = client.address;
    match hold(target, client) {
        Some(true) => Step::ok(NAME, format!("{address} matches {list}")),
        Some(false) => Step::failed(
            NAME,
            format!("{address} does not match {list}"),
            format!("correct {:?} and start the container again", key(target.family)),
        ),
        None => Step::unknown(
            NAME,
            format!("it is unclear whether connections of {address} match {list}"),
        ),
    }
}

fn hold(target: &Target<'_>, client: &Client) -> Known {
    let matches = target.claim.conditions.matches(target.family);
    let destination = target.mapping.host_ip.one();
    let sources = are_in(matches.sources.as_ref(), Some(client.address));
    let destinations = are_in(matches.destinations.as_ref(), destination);
    let input = client.interface();
    let device = matches.device.as_ref().map_or(Some(true), |device| {
        input.is(&device.name).map(|is_it| is_it != device.is_negated)
    });
    let extensions = matches.extensions.is_empty().then_some(true);
    [sources, destinations, device, extensions].into_iter().fold(Some(true), and)
}

fn are_in(addresses: Option<&Addresses>, address: Option<IpAddr>) -> Known {
    let Some(Addresses { is_negated, any_of }) = addresses else { return Some(true) };
    let is_in = |address| any_of.iter().any(|subnet| contains(*subnet, address) == Some(true));
    address.map(|address| is_in(address) != *is_negated)
}
