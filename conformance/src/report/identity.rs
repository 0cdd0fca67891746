//! Identifies the program that is judged.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use cni_protocol::{SpecVersion, hex};
use sha2::{Digest, Sha256};

use crate::exchange::shorten;
use crate::fixture::Fixture;
use crate::subject::Subject;

/// Returns the SHA-256 of a file in hexadecimal; `None` if it can't be read.
pub(super) fn sha256(path: &Path) -> Option<String> {
    Some(hex(&Sha256::digest(fs::read(path).ok()?)))
}

/// Returns the first line that a plugin prints without `CNI_COMMAND`, often with its version.
///
/// It runs on a disposable host, as always; `None` if it prints nothing or an error object.
pub fn about(subject: &Subject, limit: Duration) -> Option<String> {
    let printed = catch_unwind(AssertUnwindSafe(|| {
        let fixture = Fixture::new(subject, SpecVersion::NEWEST, limit);
        let exchange = fixture.call("VERSION").only(&[]).input("").run().exchange;
        // The specification leaves open which of the two it uses.
        [exchange.stdout, exchange.stderr].into_iter().find(|text| !text.trim().is_empty())
    }));
    let printed = printed.ok().flatten()?;
    let line = printed.trim().lines().next()?;
    (!line.starts_with(['{', '['])).then(|| shorten(line))
}
