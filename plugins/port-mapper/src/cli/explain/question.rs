//! What `explain` is asked: the arguments of the command line.

use std::net::IpAddr;

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
        let from = from.map(|from| {
            let (address, interface) = match from.split_once('%') {
                Some((address, interface)) => (address, Some(interface.to_owned())),
                None => (from, None),
            };
            let address = address
                .parse()
                .map_err(|_| format!("--from {from:?} is not an address, or ADDRESS%INTERFACE"))?;
            Ok::<_, String>((address, interface))
        });
        Ok(Self { port: number, protocol, from: from.transpose()? })
    }
}
