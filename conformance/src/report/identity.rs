//! Which program it was that was judged.

use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use cni_wrapper::SpecVersion;
use sha2::{Digest, Sha256};

use crate::exchange::shorten;
use crate::fixture::Fixture;
use crate::subject::Subject;

/// The SHA-256 of a file, in hexadecimal; nothing when it can't be read.
pub(super) fn sha256(path: &Path) -> Option<String> {
    let digest = Sha256::digest(fs::read(path).ok()?);
    Some(digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// What a plugin says of itself when it is run by hand, without `CNI_COMMAND`: the first line, often with its version.
/// It is run on a fixture, as everything is; nothing when it says nothing.
pub fn about(subject: &Subject, limit: Duration) -> Option<String> {
    let said = catch_unwind(AssertUnwindSafe(|| {
        let fixture = Fixture::new(subject, SpecVersion::NEWEST, limit);
        let exchange = fixture.call("VERSION").only(&[]).input("").run().exchange;
        // Which of the two it takes is left open; an error object is no introduction.
        [exchange.stdout, exchange.stderr].into_iter().find(|text| !text.trim().is_empty())
    }));
    let said = said.ok().flatten()?;
    let line = said.trim().lines().next()?;
    (!line.starts_with(['{', '['])).then(|| shorten(line))
}
