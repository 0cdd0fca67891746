//! `list`: who owns which host port.

use serde_json::{Value, json};

use super::{Options, Report};
use crate::claim::Claim;
use crate::error::Error;
use crate::liveness::is_live;
use crate::state::State;

/// Reads the state files; nothing on the host is asked or changed.
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
    Ok(Report { text, json: Value::Array(objects), well: damaged.is_empty() })
}

/// Every claim there is; none when the port mapper never ran.
pub(super) fn claims(options: &Options) -> Result<Vec<Result<Claim, Error>>, Error> {
    match State::open_existing(&options.state_dir)? {
        Some(state) => state.list(),
        None => Ok(Vec::new()),
    }
}

type Row = [String; 4];

fn table_rows(claim: &Claim) -> Vec<Row> {
    let state = if is_live(claim) { "live" } else { "namespace is gone" };
    let row = |mapping: &crate::mappings::Mapping| {
        let addresses = claim.addresses.iter().map(|cidr| cidr.address.to_string());
        let target = addresses.collect::<Vec<_>>().join(", ");
        [mapping.to_string(), target, claim.owner.to_string(), state.to_owned()]
    };
    claim.mappings.iter().map(row).collect()
}

fn claim_objects(claim: &Claim) -> Vec<Value> {
    let object = |mapping: &crate::mappings::Mapping| {
        json!({"mapping": mapping, "owner": claim.owner, "addresses": claim.addresses,
               "chain": claim.chain, "netns": claim.netns, "live": is_live(claim)})
    };
    claim.mappings.iter().map(object).collect()
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no host port is mapped\n".to_owned();
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
