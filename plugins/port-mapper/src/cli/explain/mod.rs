//! `explain`: why a host port can't be reached. It follows the first packet of a connection to the
//! container and its answer back, and names each step.
//!
//! What is observed is read first; the steps are decided from it by functions that touch nothing.
//! What can't be found out is shown as such.

mod before;
mod bytecode;
mod conditions;
pub(super) mod firewall;
mod flows;
pub(super) mod forward;
mod inside;
pub(super) mod network;
mod owner;
pub(super) mod packet;
mod question;
mod save;
mod sockets;
pub(super) mod step;
mod translation;
pub(super) mod walk;
pub(super) mod way;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cni_netlink::address::Addresses;
use cni_netlink::route::Routes;
use cni_wrapper::Environment;
use serde_json::{Value, json};

use super::inventory::Inventory;
use super::{Options, Report};
use crate::backend::{Backend, Backends};
use crate::error::Error;
use crate::family::Family;
use crate::owner::RuleTag;
use firewall::Firewall;
use inside::Inside;
use network::{Client, Way, forwarding, setting};
use packet::{Interface, Packet};
pub(super) use question::Question;
use step::{Status, Step};
use way::Target;

/// The steps of the way to one container.
struct Path {
    title: String,
    /// What the way is about, for JSON.
    json: Value,
    steps: Vec<Step>,
}

/// Explains the way of a packet to a host port. It changes nothing.
pub(super) async fn explain(options: &Options, question: &Question) -> Result<Report, Error> {
    let inventory = Inventory::read(options).await?;
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    let owners = owner::owners(&inventory, question);
    let mut paths = Vec::new();
    for owner in &owners {
        let mut path = owner.path();
        if let Some(target) = owner.target(question.port) {
            path.steps.extend(steps(&backends, question, &target).await);
        }
        paths.push(path);
    }
    Ok(report(question, &paths))
}

fn report(question: &Question, paths: &[Path]) -> Report {
    let is_failed = |step: &Step| step.status == Status::Failed;
    let success = !paths.iter().flat_map(|path| &path.steps).any(is_failed);
    let text = |path: &Path| {
        let steps: String = path.steps.iter().map(Step::text).collect();
        format!("{}\n{steps}", step::printable(&path.title))
    };
    let object = |path: &Path| {
        let mut object = path.json.clone();
        object["steps"] = path.steps.iter().map(Step::json).collect();
        object
    };
    let mut json = json!({"ok": success, "port": question.port, "protocol": question.protocol,
        "paths": paths.iter().map(object).collect::<Value>()});
    if let Some((address, _)) = &question.from {
        json["from"] = json!(address);
    }
    Report { text: paths.iter().map(text).collect(), json, success }
}

/// Observes and decides the steps after that of the owner.
async fn steps(backends: &Backends, question: &Question, target: &Target<'_>) -> Vec<Step> {
    let client = match &question.from {
        Some((address, input)) => match Client::read(*address, input.clone()) {
            Ok(client) => Some(client),
            Err(error) => return vec![Step::unknown("client", error.to_string())],
        },
        None => None,
    };
    let way = match Way::read(target.container) {
        Ok(way) => way,
        Err(error) => return vec![Step::unknown("route", error.to_string())],
    };
    let firewall = Firewall::read(backends, target.family).await;
    let is_local = client.as_ref().is_some_and(|client| client.is_local);
    let mut steps = vec![listener(target)];
    let received = packet(target, client.as_ref(), None);
    if !is_local {
        steps.push(before::before(&firewall, &received, &addresses(target.family)));
    }
    let tag = target.claim.owner.tag();
    steps.push(translation::translation(&firewall, &received, &tag));
    steps.push(rules(backends, target).await);
    steps.push(conditions::conditions(target, client.as_ref()));
    if is_local {
        steps.extend(localhost(target, client.as_ref(), &way));
    } else {
        steps.push(way::excluded(target.claim, client.as_ref()));
        steps.extend(settings(target, client.as_ref()));
        let forwarded = packet(target, client.as_ref(), Some(&way));
        steps.push(forward::forward(&firewall, &forwarded));
    }
    steps.extend(container(target, client.as_ref(), &way));
    steps
}

/// Returns this host's own addresses, or none if they can't be read.
fn addresses(family: Family) -> Vec<IpAddr> {
    let all = Addresses::open().and_then(|mut addresses| addresses.list()).unwrap_or_default();
    let is_asked = |address: &IpAddr| Family::of(address) == family && !address.is_loopback();
    all.iter().map(|one| one.address).filter(is_asked).collect()
}

/// Returns the packet as it is received, or as it is forwarded by a way.
fn packet(target: &Target<'_>, client: Option<&Client>, way: Option<&Way>) -> Packet {
    let Target { mapping, family, container, container_port, host_port, .. } = *target;
    // A process of this host asks for the address that is its own, too.
    let local = client.filter(|client| client.is_local);
    let asked = mapping.host_ip.one().or(local.map(|client| client.address));
    let output = match way {
        Some(way) => Some(way.output.clone()),
        None => local.map(|client| client.back.clone()),
    };
    Packet {
        family,
        protocol: mapping.protocol,
        source: client.map(|client| client.address),
        destination: way.map_or(asked, |_| Some(container)),
        port: Some(way.map_or(host_port, |_| container_port)),
        host_port: Some(host_port),
        input: client.map(Client::interface).unwrap_or_default(),
        output: Interface(output.flatten()),
        is_forwarded: way.is_some(),
    }
}

impl Client {
    /// Returns the interface by which its packets arrive.
    fn interface(&self) -> Interface {
        match self.is_local {
            true => Interface::none(),
            false => Interface(self.input.clone()),
        }
    }
}

fn listener(target: &Target<'_>) -> Step {
    let listeners = match sockets::listeners(target.mapping.protocol, target.family) {
        Ok(listeners) => listeners,
        Err(error) => {
            return Step::unknown("host process", format!("sockets can't be read: {error}"));
        }
    };
    let host_ip = target.mapping.host_ip.one();
    let has_port = |one: &sockets::Listener| one.port == target.host_port && one.receives(host_ip);
    let found = listeners.into_iter().find(has_port).map(|listener| {
        let process = listener.process().map(|(name, id)| format!("{name} (process {id})"));
        (listener, process)
    });
    way::listener(target, found.as_ref())
}

/// Compares the rules with the claim, as CHECK does.
async fn rules(backends: &Backends, target: &Target<'_>) -> Step {
    const NAME: &str = "rules";
    let kind = backends.home(target.claim).await;
    let checked = match backends.get(kind) {
        Ok(backend) => backend.check(target.claim).await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(()) => Step::ok(NAME, format!("are those of the container ({})", kind)),
        Err(error @ Error::Differs { .. }) => {
            Step::failed(NAME, error.to_string(), "mesos-cni-port-mapper restore")
        }
        Err(error) => Step::unknown(NAME, error.to_string()),
    }
}

fn settings(target: &Target<'_>, client: Option<&Client>) -> Vec<Step> {
    let directory = if target.family == Family::V4 { "ipv4" } else { "ipv6" };
    let input = client.and_then(|client| client.input.as_deref());
    let own = input.map(|input| {
        let path = format!("{directory}/conf/{input}/forwarding");
        (format!("net/{path}"), setting(&path))
    });
    let mut steps = vec![way::forwarding(target.family, forwarding(target.family), own)];
    if let Some(client) = client.filter(|_| target.family == Family::V4) {
        let name = client.input.as_deref().unwrap_or("all");
        let values =
            ["all", name].map(|interface| setting(&format!("ipv4/conf/{interface}/rp_filter")));
        steps.push(way::rp_filter(client, values));
    }
    steps
}

/// Decides whether 127.0.0.1 leads to the container.
fn localhost(target: &Target<'_>, client: Option<&Client>, way: &Way) -> Option<Step> {
    const NAME: &str = "127.0.0.1";
    let address = client?.address;
    if !address.is_loopback() {
        return None;
    }
    if address.is_ipv6() || !target.claim.serves_localhost() {
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
            "mesos-cni-port-mapper restore",
        ),
    })
}

/// Observes and decides the steps on the container's side.
fn container(target: &Target<'_>, client: Option<&Client>, way: &Way) -> Vec<Step> {
    let Target { claim, mapping, container, .. } = *target;
    // An address that stands for all outside the container's subnet.
    let anybody: IpAddr = match target.family {
        Family::V4 => Ipv4Addr::new(198, 51, 100, 1).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    let answered = client.map_or(anybody, |client| client.address);
    let inside = Inside::read(&claim.netns, container, mapping.protocol, answered);
    let inside = inside.as_ref().map_err(|error| {
        format!("the container's network namespace {:?} can't be entered: {error}", claim.netns)
    });
    let is_of_host =
        |address| Routes::open().and_then(|mut routes| routes.is_local(address)).unwrap_or(false);
    let mut steps = vec![
        way::route(target, way),
        way::neighbour(target, way, inside.clone()),
        way::service(target, inside.clone()),
    ];
    if mapping.protocol != crate::mappings::Protocol::Tcp {
        let stale = flows::stale(target, client.map(|client| client.address));
        steps.push(flows::flows(target, stale));
    }
    steps.push(way::answers(target, client, inside, is_of_host));
    steps
}
