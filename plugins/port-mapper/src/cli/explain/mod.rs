//! `explain`: why a host port can't be reached. It follows the first packet of a connection to the
//! container and its answer back, and names each step.
//!
//! What is observed is read first; the steps are decided from it by functions that touch nothing.
//! What can't be found out is shown as such.

mod answers;
mod bytecode;
pub(super) mod command_lines;
mod conditions;
pub(super) mod connection;
mod container;
mod fields;
pub(super) mod filters;
pub(super) mod firewall;
mod flows;
pub(super) mod hooks;
mod host_process;
mod inside;
mod listing;
mod localhost;
mod lookup;
mod machine;
mod marks;
mod matches;
mod namespace;
mod native;
pub(super) mod network;
mod obstacle;
mod origin;
mod owner;
pub(super) mod packet;
mod passage;
mod question;
mod reach;
mod remedy;
mod save;
mod service;
mod sockets;
pub(super) mod step;
mod translation;
mod walk;
pub(super) mod way;
mod whereabouts;

use std::net::IpAddr;

use cni_netlink::address::Addresses;
use cni_wrapper::Environment;
use serde_json::{Value, json};

use super::failure::Failure;
use super::inventory::Inventory;
use super::{Options, Report};
use crate::backend::{Backend, Backends};
use crate::error::Error;
use crate::family::Family;
use crate::owner::RuleTag;
use command_lines::Shown;
use connection::{connection, link_addresses};
use filters::Filters;
use firewall::Firewall;
use localhost::{is_mapped, localhost};
use network::{Client, forwarding, is_of_host, link_that_is_down, setting};
use passage::Way;
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
    let mut paths = Vec::new();
    for owner in &owner::owners(&inventory, question) {
        let whereabouts = owner.whereabouts();
        let mut path = owner.path(&whereabouts);
        if let Some(target) = owner.target(question.port, &whereabouts) {
            path.steps.extend(steps(&backends, question, &target).await);
        }
        paths.push(path);
    }
    let errors: Vec<Failure> = inventory.errors.iter().map(Failure::from).collect();
    Ok(report(question, &paths, &errors, Shown::new(&options.state_dir)))
}

/// Returns the keys of the JSON that are known before anything is followed.
pub(super) fn empty(question: Option<&Question>) -> Value {
    let mut json = json!({"ok": false, "port": question.map(|question| question.port),
        "protocol": question.map(|question| question.protocol), "paths": []});
    if let Some((address, _)) = question.and_then(|question| question.from.as_ref()) {
        json["from"] = json!(address);
    }
    json
}

fn report(question: &Question, paths: &[Path], errors: &[Failure], shown: Shown<'_>) -> Report {
    let is_failed = |step: &Step| step.status == Status::Failed;
    let success = !paths.iter().flat_map(|path| &path.steps).any(is_failed);
    let mut text = String::new();
    for path in paths {
        text += &format!("{}\n", step::printable(&path.title));
        text.extend(path.steps.iter().map(|step| step.text(&shown)));
    }
    for error in errors {
        text += &format!("? {}\n", step::printable(&error.text()));
    }
    let object = |path: &Path| {
        let mut object = path.json.clone();
        object["steps"] = path.steps.iter().map(|step| step.json(&shown)).collect();
        object
    };
    let mut json = empty(Some(question));
    json["ok"] = json!(success);
    json["paths"] = paths.iter().map(object).collect();
    json["errors"] = errors.iter().map(Failure::json).collect();
    Report { text, json, success }
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
    let way = match Way::read(target, client.as_ref()) {
        Ok(way) => way,
        Err(error) => return vec![Step::unknown("route", error.to_string())],
    };
    let firewall = Firewall::read(backends, target.family, Some(target.claim)).await;
    let client = client.as_ref();
    let addresses = link_addresses(target.family);
    let connection = connection(target, client, &way, &firewall, &addresses);
    let addresses: Vec<IpAddr> = addresses.iter().map(|one| one.address).collect();
    let filters = Filters { firewall: &firewall, connection: &connection, addresses: &addresses };
    let mut steps = Vec::new();
    steps.extend(client.filter(|client| !client.is_local).and_then(way::interface));
    steps.extend(host_address(target));
    steps.push(host_process(target, client));
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
        steps.push(forwards(target, client, &way));
        steps.extend(rp_filter(target, client));
    }
    steps.push(filters.host());
    steps.extend(container::steps(target, client, way, marks::are_set(&firewall)));
    steps.push(container::firewall(backends, target, &filters));
    let answers = filters.answers(&steps);
    steps.extend(answers);
    steps
}

fn host_address(target: &Target<'_>) -> Option<Step> {
    let address = target.mapping.host_ip.one()?;
    let all = Addresses::open().and_then(|mut all| all.list()).unwrap_or_default();
    let has_it = all.iter().any(|one| one.address == address);
    let down = if has_it { link_that_is_down(address).ok().flatten() } else { None };
    way::host_address(target, is_of_host, down.as_deref())
}

fn host_process(target: &Target<'_>, client: Option<&Client>) -> Step {
    let listeners = match sockets::listeners(target.mapping.protocol, target.family) {
        Ok(listeners) => listeners,
        Err(error) => {
            return Step::unknown("host process", format!("sockets can't be read: {error}"));
        }
    };
    let host_ip = target.mapping.host_ip.one();
    let has_port = |one: &sockets::Listener| one.port == target.host_port && one.receives(host_ip);
    let listeners: Vec<_> = listeners.into_iter().filter(has_port).collect();
    let near = match listeners.is_empty() {
        true => Vec::new(),
        false => client.map(Client::near).unwrap_or_default(),
    };
    host_process::host_process(target, client, &near, &listeners, |listener| {
        listener.process().map(|(name, id)| format!("{name} (process {id})"))
    })
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
            Step::failed(NAME, error.for_people(), "recreate the rules of all containers")
                .with_commands(["mesos-cni-port-mapper restore"])
        }
        Err(error) => Step::unknown(NAME, error.to_string()),
    }
}

fn forwards(target: &Target<'_>, client: Option<&Client>, way: &Way) -> Step {
    let input = client.and_then(|client| client.input.as_deref());
    let own = [input, way.output.as_deref()].into_iter().flatten().map(|interface| {
        let path = format!("ipv4/conf/{interface}/forwarding");
        (format!("net/{path}"), setting(&path))
    });
    way::forwarding(target.family, forwarding(target.family), own.collect())
}

fn rp_filter(target: &Target<'_>, client: Option<&Client>) -> Option<Step> {
    let client = client.filter(|_| target.family == Family::V4)?;
    Some(way::rp_filter(client, client.is_taken_for_forged()))
}
