//! Cases: concurrent and interrupted calls.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::spec::prelude::*;
use crate::threads::join;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "concurrency.many-containers-at-once",
        does: "12 concurrent ADDs, then 12 DELs; compares addresses, before and after",
        run: many_containers_at_once,
    },
    Case {
        id: "concurrency.killed-add-is-cleaned",
        does: "kills ADDs after 2 to 60 ms, DEL after each; compares before and after",
        run: killed_add_is_cleaned,
    },
];

/// Serializes the case over all versions: a dozen concurrent calls are enough load, and more would
/// only measure how busy the machine is.
static SERIAL: Mutex<()> = Mutex::new(());

fn at_once(attachments: &[Attachment], verb: &str) -> Vec<Response> {
    thread::scope(|scope| {
        let threads: Vec<_> = attachments
            .iter()
            .map(|attachment| {
                let call = move || {
                    attachment.call(verb).note("concurrently with 11 others").with_long_limit()
                };
                scope.spawn(move || call().run())
            })
            .collect();
        threads.into_iter().map(join).collect()
    })
}

fn many_containers_at_once(fixture: &Fixture) -> CaseResult {
    let _serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let attachments: Vec<_> = (0..12).map(|n| fixture.attachment(&format!("many{n}"))).collect();
    fixture.warm_up()?;
    let before = fixture.snapshot();
    let mut addresses = HashSet::new();
    for response in at_once(&attachments, "ADD") {
        let result = response.succeeds()?.result()?;
        let first = list(&result, "ips").first().map(|ip| text(ip, "address").to_owned());
        let is_new = first.as_ref().is_none_or(|first| addresses.insert(first.clone()));
        // Some plugins assign the same address to every container: loopback, static.
        let fixed = addresses.len() == 1;
        expect(is_new || fixed, "every container gets a different address", || {
            format!("{} is assigned twice", first.unwrap_or_default())
        })?;
    }
    for response in at_once(&attachments, "DEL") {
        response.succeeds()?;
    }
    expect_undone(fixture, &before, "after 12 concurrent ADDs and 12 concurrent DELs")
}

fn killed_add_is_cleaned(fixture: &Fixture) -> CaseResult {
    fixture.warm_up()?;
    let before = fixture.snapshot();
    for millis in [2, 4, 7, 12, 20, 35, 60] {
        let attachment = fixture.attachment(&format!("killed{millis}"));
        attachment.call("ADD").killed_after(Duration::from_millis(millis)).run();
        // Processes that it started may outlive it for a moment.
        fixture.wait_for_processes();
        attachment.call("DEL").note("after its ADD was killed").run().succeeds()?;
    }
    expect_undone(fixture, &before, "after DELs of attachments whose ADD was killed")
}
