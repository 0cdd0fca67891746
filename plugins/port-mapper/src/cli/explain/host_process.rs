//! Whether a process of the host has the port, too.

use std::net::IpAddr;

use super::network::Client;
use super::sockets::Listener;
use super::step::Step;
use super::way::Target;

const NAME: &str = "host process";

/// Decides it from the sockets at the host port. `near` are the addresses of the interface by which
/// the client's packets arrive, if it is on a subnet of that: it uses no other ones.
pub(super) fn host_process(
    target: &Target<'_>,
    client: Option<&Client>,
    near: &[IpAddr],
    listeners: &[Listener],
    process: impl Fn(&Listener) -> Option<String>,
) -> Step {
    let used = listeners.iter().find(|one| is_used(one.address, client, near));
    let Some(listener) = used.or(listeners.first()) else {
        return Step::ok(NAME, "no other process of this host listens on the port");
    };
    let (protocol, port) = (target.mapping.protocol, target.host_port);
    let who = process(listener);
    let who = who.as_deref().unwrap_or("a process in another namespace of processes");
    if who.starts_with("conmon ") {
        return Step::ok(NAME, format!("{who} reserves the port for Podman"));
    }
    let address = listener.address;
    if used.is_none() {
        let whom = client.map_or("clients outside".to_owned(), |one| one.address.to_string());
        let message = format!("{who} listens on {address} only, which is not reached by {whom}");
        return Step::ok(NAME, message);
    }
    Step::failed(
        NAME,
        format!(
            "{who} listens on {protocol} port {port} ({address}); which of the two answers depends \
             on where a client is"
        ),
        "stop the process, or map another host port",
    )
    .with_commands([format!(
        "ss -lnp{} 'sport = :{port}'",
        if protocol.as_str() == "tcp" { 't' } else { 'u' }
    )])
}

/// Reports whether a client may use an address of this host.
fn is_used(address: IpAddr, client: Option<&Client>, near: &[IpAddr]) -> bool {
    match client {
        _ if address.is_unspecified() => true,
        Some(client) if client.is_local => client.address == address,
        _ if address.is_loopback() => false,
        _ => near.is_empty() || near.contains(&address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_the_client_may_use_count() {
        let client = |address: &str, is_local| Client {
            address: address.parse().unwrap(),
            input: None,
            input_index: None,
            is_input_down: false,
            is_local,
            back: None,
        };
        let (outside, itself) = (client("203.0.113.9", false), client("127.0.0.1", true));
        let near = ["203.0.113.1".parse().unwrap()];
        for (address, client, near, expected) in [
            ("0.0.0.0", None, &[][..], true),
            ("127.0.0.1", None, &[], false),
            ("198.51.100.1", None, &[], true),
            ("::", Some(&outside), &near, true),
            ("127.0.0.1", Some(&outside), &[], false),
            ("198.51.100.1", Some(&outside), &near, false),
            ("198.51.100.1", Some(&outside), &[], true),
            ("203.0.113.1", Some(&outside), &near, true),
            ("127.0.0.1", Some(&itself), &[], true),
            ("203.0.113.1", Some(&itself), &[], false),
        ] {
            let used = is_used(address.parse().unwrap(), client, near);
            assert_eq!(used, expected, "{address} by {client:?}");
        }
    }
}
