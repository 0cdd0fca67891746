//! What `explain` is asked: the arguments of the command line.

use std::net::IpAddr;

use cni_netlink::link::Links;
use cni_netlink::route::{RouteType, Routes};

use crate::mappings::Protocol;

/// A question for a host port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Question {
    pub(super) port: u16,
    pub(super) protocol: Protocol,
    /// The client, and the interface by which its packets arrive.
    pub(super) from: Option<(IpAddr, Option<String>)>,
}

impl Question {
    /// Parses `PORT[/PROTOCOL]` and the value of `--from`, `ADDRESS[%INTERFACE]`.
    pub(in crate::cli) fn parse(port: &str, from: Option<&str>) -> Result<Self, String> {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let number = number.parse().ok().filter(|number| *number != 0);
        let (Some(number), Some(protocol)) = (number, Protocol::parse(protocol)) else {
            return Err(format!("{port:?} is not PORT[/PROTOCOL], such as 8080 or 53/udp"));
        };
        Ok(Self { port: number, protocol, from: from.map(client).transpose()? })
    }

    /// Checks that this host can receive packets of the client.
    ///
    /// # Errors
    ///
    /// The interface does not exist, or the address is the broadcast address of a link.
    pub(in crate::cli) fn check(&self) -> Result<(), String> {
        let Some((address, interface)) = &self.from else { return Ok(()) };
        let links = |name| Links::open().and_then(|mut links| links.by_name(name));
        if let Some(name) = interface
            && matches!(links(name), Ok(None))
        {
            return Err(format!("--from {address}%{name}: this host has no interface {name:?}"));
        }
        let route = Routes::open().and_then(|mut routes| routes.to(*address));
        match route.ok().flatten().map(|route| route.kind) {
            Some(RouteType::Broadcast) => Err(no_client(*address, "a broadcast address")),
            _ => Ok(()),
        }
    }
}

fn client(from: &str) -> Result<(IpAddr, Option<String>), String> {
    let (address, interface) = match from.split_once('%') {
        Some((address, interface)) => (address, Some(interface.to_owned())),
        None => (from, None),
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("--from {from:?} is not an address, or ADDRESS%INTERFACE"))?;
    // A socket of IPv6 shows clients of IPv4 as ::ffff:a.b.c.d.
    let address = address.to_canonical();
    let kind = match address {
        _ if address.is_unspecified() => Some("the unspecified address"),
        _ if address.is_multicast() => Some("a multicast address"),
        IpAddr::V4(address) if address.is_broadcast() => Some("the broadcast address"),
        _ => None,
    };
    match kind {
        Some(kind) => Err(no_client(address, kind)),
        None => Ok((address, interface)),
    }
}

fn no_client(address: IpAddr, kind: &str) -> String {
    format!("--from {address}: it is {kind}, which no client has; set the address of one client")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Result<Option<(IpAddr, Option<String>)>, String> {
        Question::parse("53/udp", Some(text)).map(|question| question.from)
    }

    #[test]
    fn a_client_of_ipv4_in_the_form_of_ipv6_is_one_of_ipv4() {
        let expected = Some(("203.0.113.9".parse().unwrap(), Some("eth0".to_owned())));
        assert_eq!(from("::ffff:203.0.113.9%eth0"), Ok(expected));
    }

    #[test]
    fn an_address_that_no_client_has_is_refused_with_what_it_is() {
        for (text, kind) in [
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("::ffff:0.0.0.0", "unspecified"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("eth0", "is not an address"),
            ("1.2.3.4/24", "is not an address"),
        ] {
            let why = from(text).expect_err(text);
            assert!(why.contains(kind), "{text}: {why}");
        }
    }
}
