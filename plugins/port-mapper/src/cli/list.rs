//! `list`: the mapped host ports and their owners, and the ADDs that wait for one.

use std::time::SystemTime;

use humantime::{format_rfc3339_millis, format_rfc3339_seconds};
use serde_json::{Value, json};

use super::failure::Failure;
use super::inventory::{Inventory, owner_json};
use super::row::{Row, mapping_json};
use super::{Options, Report};
use crate::error::Error;
use crate::mappings::Mapping;
use crate::moment::Moment;
use crate::owner::Owner;
use crate::queue::Waiting;

/// Lists what claims, rules and the queue show. It changes nothing.
pub(super) async fn list(options: &Options) -> Result<Report, Error> {
    let inventory = Inventory::read(options).await?;
    let committed = inventory.claims.iter().filter(|recorded| recorded.is_committed);
    let mut rows: Vec<Row> = committed.flat_map(Row::of_claim).collect();
    rows.extend(inventory.unrecorded.iter().flat_map(Row::of_rules));
    let queue = Queue::new(inventory.waiting);
    let errors: Vec<Failure> = inventory.errors.iter().map(Failure::from).collect();
    let mut text = match rows.is_empty() {
        true => "no host ports are mapped\n".to_owned(),
        false => table(
            ["MAPPING", "CONTAINER ADDRESS", "OWNER", "STATE"],
            rows.iter().map(|row| row.columns(&options.state_dir)),
        ),
    };
    text += &queue.text();
    text.extend(errors.iter().map(|error| format!("{}\n", error.text())));
    let json = json!({
        "mappings": rows.iter().map(Row::json).collect::<Vec<_>>(),
        "waiting": queue.json(),
        "errors": errors.iter().map(Failure::json).collect::<Vec<_>>(),
    });
    Ok(Report { text, json, success: errors.is_empty() })
}

/// The ADDs that wait for a host port, as they are now.
struct Queue {
    waiting: Vec<Waiting>,
    now: Moment,
    time_of_day: SystemTime,
}

impl Queue {
    fn new(waiting: Vec<Waiting>) -> Self {
        Self { waiting, now: Moment::now(), time_of_day: SystemTime::now() }
    }

    fn mappings(&self) -> impl Iterator<Item = (&Waiting, &Mapping)> {
        self.waiting.iter().flat_map(|waiting| {
            waiting.claim.mappings.iter().map(move |mapping| (waiting, mapping))
        })
    }

    fn time(&self, moment: Moment) -> SystemTime {
        moment.time_of_day(self.now, self.time_of_day)
    }

    fn text(&self) -> String {
        if self.waiting.is_empty() {
            return String::new();
        }
        let lines = self.mappings().map(|(waiting, mapping)| {
            let owner = Owner::from(&waiting.claim.owner).to_string();
            let time = |moment| format_rfc3339_seconds(self.time(moment)).to_string();
            let mut until = time(waiting.until);
            if waiting.is_over(self.now) {
                until += ", and does not go on: others are served first";
            }
            vec![mapping.to_string(), owner, time(waiting.since), until]
        });
        format!("\n{}", table(["AWAITED MAPPING", "WAITS", "SINCE", "UNTIL"], lines))
    }

    fn json(&self) -> Vec<Value> {
        let object = |(waiting, mapping): (&Waiting, &Mapping)| {
            let time = |moment| format_rfc3339_millis(self.time(moment)).to_string();
            let state = if waiting.is_over(self.now) { "overdue" } else { "waiting" };
            json!({"mapping": mapping_json(mapping),
                   "owner": owner_json(&Owner::from(&waiting.claim.owner)), "state": state,
                   "since": time(waiting.since), "until": time(waiting.until)})
        };
        self.mappings().map(object).collect()
    }
}

/// Returns lines whose columns are aligned.
fn table<const N: usize>(heading: [&str; N], lines: impl Iterator<Item = Vec<String>>) -> String {
    let heading = heading.iter().map(ToString::to_string).collect();
    let lines: Vec<Vec<String>> = [heading].into_iter().chain(lines).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let aligned = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().map(aligned).collect()
}
