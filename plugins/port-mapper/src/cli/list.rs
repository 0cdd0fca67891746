//! `list`: the mapped host ports and their owners.

use std::path::Path;

use serde_json::{Value, json};

use super::inventory::{Inventory, owner_json};
use super::{Options, Report};
use crate::backend::OwnedPorts;
use crate::error::Error;
use crate::liveness::Liveness;
use crate::mappings::Mapping;
use crate::owner::Owner;
use crate::ownership::Recorded;

/// The state of a mapping.
#[derive(Clone, Copy)]
enum State {
    /// It is mapped, if the container exists.
    Mapped(Liveness),
    /// Another attachment of the container has its host port.
    Standby,
    /// Only its rules exist.
    Unrecorded,
}

impl State {
    /// Returns the word for JSON.
    fn as_str(self) -> &'static str {
        match self {
            Self::Mapped(liveness) => liveness.as_str(),
            Self::Standby => "standby",
            Self::Unrecorded => "unrecorded",
        }
    }

    /// Returns the text for people.
    fn description(self) -> &'static str {
        match self {
            Self::Mapped(liveness) => liveness.description(),
            Self::Standby => "on standby",
            Self::Unrecorded => "no record",
        }
    }
}

/// Lists what claims and rules show. It changes nothing.
pub(super) async fn list(options: &Options) -> Result<Report, Error> {
    let inventory = Inventory::read(options).await?;
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    for recorded in inventory.claims.iter().filter(|recorded| recorded.is_committed) {
        for (mapping, state) in states(recorded) {
            rows.push(row(recorded, mapping, state, &options.state_dir));
            objects.push(object(recorded, mapping, state, &options.state_dir));
        }
    }
    for owned in &inventory.unrecorded {
        rows.extend(unrecorded_rows(owned));
        objects.extend(unrecorded_objects(owned));
    }
    let errors: String = inventory.errors.iter().map(|error| format!("{error}\n")).collect();
    if options.json {
        eprint!("{errors}");
    }
    let text = format!("{}{errors}", table(&rows));
    Ok(Report { text, json: Value::Array(objects), success: errors.is_empty() })
}

fn states(recorded: &Recorded) -> impl Iterator<Item = (&Mapping, State)> {
    let mapped = State::Mapped(recorded.liveness);
    let standby = if recorded.liveness == Liveness::Gone { mapped } else { State::Standby };
    let active = recorded.claim.mappings.iter().map(move |mapping| (mapping, mapped));
    active.chain(recorded.claim.standby.iter().map(move |mapping| (mapping, standby)))
}

type Row = [String; 4];

/// Returns a line of the table; `state_dir` is the directory that need not be named.
fn row(recorded: &Recorded, mapping: &Mapping, state: State, state_dir: &Path) -> Row {
    let claim = &recorded.claim;
    let addresses = claim.addresses.iter().map(|cidr| cidr.address.to_string());
    let target = addresses.collect::<Vec<_>>().join(", ");
    let mut state = state.description().to_owned();
    if recorded.state_dir != state_dir {
        state += &format!(", in {}", recorded.state_dir.display());
    }
    [mapping.to_string(), target, Owner::from(&claim.owner).to_string(), state]
}

fn object(recorded: &Recorded, mapping: &Mapping, state: State, state_dir: &Path) -> Value {
    let claim = &recorded.claim;
    let mut object = json!({"mapping": mapping, "owner": claim.owner,
           "addresses": claim.addresses, "chain": claim.chain, "netns": claim.netns,
           "state": state.as_str(), "live": recorded.liveness != Liveness::Gone});
    if recorded.state_dir != state_dir {
        object["stateDir"] = json!(recorded.state_dir.to_string_lossy());
    }
    object
}

fn unrecorded_rows(owned: &OwnedPorts) -> impl Iterator<Item = Row> {
    owned.ports.iter().map(|(ports, target)| {
        let state = State::Unrecorded.description().to_owned();
        [ports.to_string(), target.clone(), owned.owner.to_string(), state]
    })
}

fn unrecorded_objects(owned: &OwnedPorts) -> impl Iterator<Item = Value> {
    let owner = owner_json(&owned.owner);
    owned.ports.iter().map(move |(ports, target)| {
        let address = ports.address.map(|address| address.to_string()).unwrap_or_default();
        let mapping = json!({"hostIP": address, "hostPort": ports.first,
            "range": ports.last - ports.first + 1, "protocol": ports.protocol});
        json!({"mapping": mapping, "owner": owner, "target": target, "chain": owned.chain,
               "state": State::Unrecorded.as_str(), "live": true})
    })
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no host ports are mapped\n".to_owned();
    }
    let heading = ["MAPPING", "CONTAINER ADDRESS", "OWNER", "STATE"].map(str::to_owned);
    let all: Vec<&Row> = std::iter::once(&heading).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    all.iter()
        .map(|[mapping, address, owner, state]| {
            let [first, second, third] = widths;
            format!("{mapping:<first$}  {address:<second$}  {owner:<third$}  {state}\n")
        })
        .collect()
}
