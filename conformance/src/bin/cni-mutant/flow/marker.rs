//! Marker files, which are the leftovers and the state of mutations.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::fault::Fault;

fn path(name: &str) -> String {
    format!("/run/mutant-{name}")
}

pub(super) fn set_marker(name: &str) {
    fs::write(path(name), "").unwrap_or_else(|error| panic!("{}: {error}", path(name)));
}

/// Creates the first marker of a series that does not exist.
pub(super) fn set_next_marker(name: &str) {
    let free = (1..).map(|number| format!("{name}-{number}")).find(|name| !has_marker(name));
    free.iter().for_each(|name| set_marker(name));
}

pub(super) fn has_marker(name: &str) -> bool {
    Path::new(&path(name)).exists()
}

pub(super) fn remove_marker(name: &str) {
    // Fails if it does not exist.
    let _ = fs::remove_file(path(name));
}

/// Fails if another call is in this function.
pub(super) fn exclusive(name: &str, pause: u64) -> Result<(), Fault> {
    let lock = OpenOptions::new().write(true).create_new(true).open(path(name));
    lock.map_err(|_| Fault::new(100, "another call is running"))?;
    thread::sleep(Duration::from_millis(pause));
    remove_marker(name);
    Ok(())
}
