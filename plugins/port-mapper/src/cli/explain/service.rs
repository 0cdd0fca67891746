//! Whether something listens in the container.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::inside::Inside;
use super::sockets::Listener;
use super::step::Step;
use super::way::Target;
use crate::family::Family;
use crate::mappings::Protocol;
use crate::program::quoted;

const NAME: &str = "service";

/// Decides it from the sockets in the container.
pub(super) fn service(target: &Target<'_>, inside: Result<&Inside, String>) -> Step {
    let (protocol, port) = (target.mapping.protocol, target.container_port);
    let (listeners, is_received) = match inside {
        Ok(Inside { listeners: Ok(listeners), is_received, .. }) => (listeners, *is_received),
        Ok(Inside { listeners: Err(error), .. }) => {
            return Step::unknown(NAME, format!("its sockets can't be read: {error}"));
        }
        Err(why) => return Step::unknown(NAME, why),
    };
    let at_port: Vec<&Listener> = listeners.iter().filter(|one| one.port == port).collect();
    let Some(first) = at_port.first() else {
        let others = others(listeners);
        let message = format!("nothing in the container listens on {protocol} port {port}{others}");
        return Step::failed(NAME, message, bind(target));
    };
    if !at_port.iter().any(|one| one.receives(Some(target.container))) {
        let message =
            format!("the service listens on {} only, which is not reached", first.address);
        return Step::failed(NAME, message, bind(target));
    }
    if is_received == Some(false) {
        let message =
            format!("the service on {protocol} port {port} is bound to another interface");
        let kind = if protocol == Protocol::Tcp { 't' } else { 'u' };
        return Step::failed(NAME, message, "configure the service to listen on all interfaces")
            .with_commands([format!(
                "nsenter --net={} ss -lnp{kind} 'sport = :{port}'",
                quoted(&target.netns)
            )]);
    }
    Step::ok(NAME, format!("listens on {protocol} port {port} in the container"))
}

fn bind(target: &Target<'_>) -> String {
    let any = match target.family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    let any = SocketAddr::new(any, target.container_port);
    format!("configure the service to listen on {any}, or map its real port")
}

/// Returns the ports that others listen on, after what was said.
fn others(listeners: &[Listener]) -> String {
    const MOST: usize = 60;
    let mut others = String::new();
    for port in listeners.iter().filter(|one| one.receives(None)).map(|one| one.port.to_string()) {
        let is_known = others.split(", ").any(|other| other == port);
        if !is_known && others.len() < MOST {
            others = if others.is_empty() { port } else { others + ", " + &port };
        }
    }
    if !others.is_empty() {
        others.insert_str(0, "; others do on ");
    }
    others
}
