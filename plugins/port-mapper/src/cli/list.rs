//! `list`: the mapped host ports and their owners.

use serde_json::{Value, json};

use super::{Options, Report};
use crate::claim::Claim;
use crate::error::Error;
use crate::liveness::is_live;
use crate::mappings::Mapping;
use crate::owner::Owner;
use crate::state::State;

/// Reads the state files. It neither inspects nor changes the rules on the host.
pub(super) fn list(options: &Options) -> Result<Report, Error> {
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    let mut damaged = String::new();
    for claim in claims(options)? {
        match claim {
            Ok(claim) => {
                rows.extend(table_rows(&claim));
                objects.extend(claim_objects(&claim));
            }
            Err(error) => damaged.push_str(&format!("{error}\n")),
        }
    }
    let text = format!("{}{damaged}", table(&rows));
    Ok(Report { text, json: Value::Array(objects), success: damaged.is_empty() })
}

/// Returns all committed claims, or none if the port mapper has never been used.
pub(super) fn claims(options: &Options) -> Result<Vec<Result<Claim, Error>>, Error> {
    match State::open_existing(&options.state_dir)? {
        Some(state) => state.list(),
        None => Ok(Vec::new()),
    }
}

type Row = [String; 4];

fn table_rows(claim: &Claim) -> Vec<Row> {
    let state = if is_live(claim) { "live" } else { "namespace missing" };
    let row = |mapping: &Mapping| {
        let addresses = claim.addresses.iter().map(|cidr| cidr.address.to_string());
        let target = addresses.collect::<Vec<_>>().join(", ");
        [mapping.to_string(), target, Owner::from(&claim.owner).to_string(), state.to_owned()]
    };
    claim.mappings.iter().map(row).collect()
}

fn claim_objects(claim: &Claim) -> Vec<Value> {
    let object = |mapping: &Mapping| {
        json!({"mapping": mapping, "owner": claim.owner, "addresses": claim.addresses,
               "chain": claim.chain, "netns": claim.netns, "live": is_live(claim)})
    };
    claim.mappings.iter().map(object).collect()
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
