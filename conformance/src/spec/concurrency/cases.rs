//! Many calls at a time, and calls that are cut off.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "concurrency.many-containers-at-once",
        does: "12 ADDs at the same time, then 12 DELs; compares addresses, before and after",
        run: many_containers_at_once,
    },
    Case {
        id: "concurrency.killed-add-is-cleaned",
        does: "kills ADDs after 2 to 60 ms, DEL after each; compares before and after",
        run: killed_add_is_cleaned,
    },
];

/// A dozen calls at a time are load enough: in all versions at once they would show how busy the machine is.
static ALONE: Mutex<()> = Mutex::new(());

fn at_once(attachments: &[Attachment], verb: &str) -> Vec<Response> {
    thread::scope(|scope| {
        let threads: Vec<_> = attachments
            .iter()
            .map(|attachment| {
                let call = move || attachment.call(verb).noting("with 11 others").patiently();
                scope.spawn(move || call().run())
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<Response>| thread.join();
        threads.into_iter().map(|one| join(one).unwrap_or_else(|_| panic!("panicked"))).collect()
    })
}

fn many_containers_at_once(fixture: &Fixture) -> CaseResult {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let attachments: Vec<_> = (0..12).map(|n| fixture.attachment(&format!("many{n}"))).collect();
    fixture.warm()?;
    let before = fixture.snapshot();
    let mut addresses = HashSet::new();
    for response in at_once(&attachments, "ADD") {
        let result = response.succeeds()?.result()?;
        let first = list(&result, "ips").first().map(|ip| text(ip, "address").to_owned());
        let is_new = first.as_ref().is_none_or(|first| addresses.insert(first.clone()));
        // Some plugins give every container the same address: loopback, static.
        let fixed = addresses.len() == 1;
        expect(is_new || fixed, "every container has an address of its own", || {
            format!("{} is given twice", first.unwrap_or_default())
        })?;
    }
    for response in at_once(&attachments, "DEL") {
        response.succeeds()?;
    }
    undone(fixture, &before, "after 12 ADDs and 12 DELs at the same time")
}

fn killed_add_is_cleaned(fixture: &Fixture) -> CaseResult {
    fixture.warm()?;
    let before = fixture.snapshot();
    for millis in [2, 4, 7, 12, 20, 35, 60] {
        let attachment = fixture.attachment(&format!("killed{millis}"));
        attachment.call("ADD").killed_after(Duration::from_millis(millis)).run();
        // What it had started may go on a little longer than it.
        fixture.settle();
        attachment.call("DEL").noting("after an ADD that was killed").run().succeeds()?;
    }
    undone(fixture, &before, "after ADDs that were killed and their DELs")
}
