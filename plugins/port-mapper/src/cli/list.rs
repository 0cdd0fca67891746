//! `list`: the mapped host ports and their owners.

use serde_json::{Value, json};

use super::inventory::{Inventory, owner_json};
use super::{Options, Report};
use crate::backend::OwnedPorts;
use crate::claim::Claim;
use crate::error::Error;
use crate::liveness::Liveness;
use crate::mappings::Mapping;
use crate::owner::Owner;

const NO_RECORD: &str = "no record";
const STANDBY: &str = "on standby";

/// Lists what claims and rules show. It changes nothing.
pub(super) async fn list(options: &Options) -> Result<Report, Error> {
    let inventory = Inventory::read(options).await?;
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    for (claim, liveness) in &inventory.claims {
        for (mapping, state) in states(claim, *liveness) {
            rows.push(row(claim, mapping, state));
            objects.push(object(claim, mapping, state, *liveness));
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

fn states(claim: &Claim, liveness: Liveness) -> impl Iterator<Item = (&Mapping, &'static str)> {
    let active = claim.mappings.iter().map(move |mapping| (mapping, liveness.as_str()));
    let standby = if liveness == Liveness::Gone { liveness.as_str() } else { STANDBY };
    active.chain(claim.standby.iter().map(move |mapping| (mapping, standby)))
}

type Row = [String; 4];

fn row(claim: &Claim, mapping: &Mapping, state: &str) -> Row {
    let addresses = claim.addresses.iter().map(|cidr| cidr.address.to_string());
    let target = addresses.collect::<Vec<_>>().join(", ");
    [mapping.to_string(), target, Owner::from(&claim.owner).to_string(), state.to_owned()]
}

fn object(claim: &Claim, mapping: &Mapping, state: &str, liveness: Liveness) -> Value {
    json!({"mapping": mapping, "owner": claim.owner, "addresses": claim.addresses,
           "chain": claim.chain, "netns": claim.netns, "state": state,
           "live": liveness != Liveness::Gone})
}

fn unrecorded_rows(owned: &OwnedPorts) -> impl Iterator<Item = Row> {
    owned.ports.iter().map(|(ports, target)| {
        [ports.to_string(), target.clone(), owned.owner.to_string(), NO_RECORD.to_owned()]
    })
}

fn unrecorded_objects(owned: &OwnedPorts) -> impl Iterator<Item = Value> {
    let owner = owner_json(&owned.owner);
    owned.ports.iter().map(move |(ports, target)| {
        let address = ports.address.map(|address| address.to_string()).unwrap_or_default();
        let mapping = json!({"hostIP": address, "hostPort": ports.first,
            "range": ports.last - ports.first + 1, "protocol": ports.protocol});
        json!({"mapping": mapping, "owner": owner, "target": target, "chain": owned.chain,
               "state": NO_RECORD, "live": true})
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
