//! Traces that sins leave, and what they stumble upon.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::fault::Fault;

fn marker(name: &str) -> String {
    format!("/run/mutant-{name}")
}

pub(super) fn leave(name: &str) {
    fs::write(marker(name), "").unwrap_or_else(|error| panic!("{}: {error}", marker(name)));
}

/// Each time a further one.
pub(super) fn leave_another(name: &str) {
    let free = (1..).map(|number| format!("{name}-{number}")).find(|name| !is_left(name));
    free.iter().for_each(|name| leave(name));
}

pub(super) fn is_left(name: &str) -> bool {
    Path::new(&marker(name)).exists()
}

pub(super) fn take_away(name: &str) {
    // Not there is as well.
    let _ = fs::remove_file(marker(name));
}

/// Fails when another call does the same at this time.
pub(super) fn alone(name: &str, pause: u64) -> Result<(), Fault> {
    let lock = OpenOptions::new().write(true).create_new(true).open(marker(name));
    lock.map_err(|_| Fault::new(100, "another call is under way"))?;
    thread::sleep(Duration::from_millis(pause));
    take_away(name);
    Ok(())
}
