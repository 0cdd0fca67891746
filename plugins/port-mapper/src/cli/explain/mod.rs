//! `explain`: why a host port can't be reached. It follows the first packet of a connection to the
//! container and its answer back, and names each step.
//!
//! What is observed is read first; the steps are decided from it by functions that touch nothing.
//! What can't be found out is shown as such.

mod bytecode;
mod conditions;
pub(super) mod connection;
mod fields;
pub(super) mod filters;
pub(super) mod firewall;
mod flows;
pub(super) mod hooks;
mod inside;
mod listing;
mod localhost;
mod lookup;
mod machine;
mod matches;
mod namespace;
mod native;
pub(super) mod network;
mod obstacle;
mod origin;
mod owner;
pub(super) mod packet;
mod question;
mod remedy;
mod save;
mod sockets;
pub(super) mod step;
mod translation;
mod walk;
pub(super) mod way;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cni_netlink::route::Routes;
use cni_wrapper::Environment;
use serde_json::{Value, json};

use super::inventory::Inventory;
use super::{Options, Report};
use crate::backend::{Backend, Backends};
use crate::error::Error;
use crate::family::Family;
use crate::owner::RuleTag;
use connection::{connection, is_bridged, link_addresses};
use filters::Filters;
use firewall::Firewall;
use inside::Inside;
use localhost::{is_mapped, localhost};
use network::{Client, Way, forwarding, setting};
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
    let firewall = Firewall::read(backends, target.family, Some(target.claim)).await;
    let client = client.as_ref();
    let addresses = link_addresses(target.family);
    let connection = connection(target, client, &way, &firewall, &addresses);
    let addresses: Vec<IpAddr> = addresses.iter().map(|one| one.address).collect();
    let filters = Filters { firewall: &firewall, connection: &connection, addresses: &addresses };
    let mut steps = vec![listener(target)];
    if !connection.is_local {
        steps.push(filters.before());
    }
    let (tag, rules) = (target.claim.owner.tag(), rules(backends, target).await);
    let are_expected = rules.status == Status::Ok && is_mapped(target, client);
    steps.push(translation::translation(&filters, &translation::Own { tag: &tag, are_expected }));
    steps.push(rules);
    steps.push(conditions::conditions(target, client));
    if connection.is_local {
        steps.extend(localhost(target, client, &way));
    } else {
        steps.push(way::excluded(target.claim, client));
        steps.extend(settings(target, client));
    }
    steps.push(filters.host());
    steps.extend(container(target, client, &way));
    steps.push(container_firewall(backends, target, &filters));
    let answers = filters.answers(&steps);
    steps.extend(answers);
    steps
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

/// Observes and decides whether the container's own rules let the packets pass.
fn container_firewall(backends: &Backends, target: &Target<'_>, filters: &Filters<'_>) -> Step {
    let netns = &target.claim.netns;
    match namespace::firewall(netns, target.family, backends.lock_timeout()) {
        Ok(firewall) => Filters { firewall: &firewall, ..*filters }.container(netns),
        Err(error) => filters::unknown_container(unseen(netns, &error)),
    }
}

/// Returns the message about a network namespace that can't be entered.
fn unseen(netns: &str, error: &io::Error) -> String {
    format!("the container's network namespace {netns:?} can't be entered: {error}")
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
    let inside = inside.as_ref().map_err(|error| unseen(&claim.netns, error));
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
    steps.push(way::answers(target, client, inside, is_bridged(target, client, way), is_of_host));
    steps
}
