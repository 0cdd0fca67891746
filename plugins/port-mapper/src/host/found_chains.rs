//! The chains of other programs into which the port mapper has put rules, at the request of a
//! configuration.
//!
//! The record of this host has them in one file, so that a DEL knows that such a chain, and the
//! jumps that it had before, are not to be deleted.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::{fs, io};

use cni_wrapper::{FileError, PrivateDir};

use super::record::HostRecord;
use crate::backend::{FoundChain, Installed};
use crate::config::BackendKind;
use crate::error::Error;

/// Without the extension of a claim: the record may be in a state directory.
const FILE: &str = "found-chains";

/// The chains of each backend.
type Found = BTreeMap<String, Vec<FoundChain>>;

/// Returns the chains that were found in a backend. If the file is damaged, there are none; then
/// names that are well known still count. The backend `nftables` has a table of its own, so it
/// finds none.
pub fn of(host: &HostRecord, kind: BackendKind) -> Vec<FoundChain> {
    if kind == BackendKind::Nftables {
        return Vec::new();
    }
    read(host).remove(&key(kind)).unwrap_or_default()
}

/// Notes what an install found.
///
/// # Errors
///
/// The file can't be written.
pub fn note(
    host: &HostRecord,
    kind: BackendKind,
    installed: &Installed,
    chain: &str,
) -> Result<(), Error> {
    if installed.found_chains.is_empty() && installed.created_chains.is_empty() {
        return Ok(());
    }
    installed.found_chains.iter().for_each(warn_of_use);
    let mut all = read(host);
    let before = all.clone();
    let chains = all.entry(key(kind)).or_default();
    chains.retain(|known| {
        let is_known_anew = known.chain == chain
            && (installed.created_chains.contains(&known.family)
                || installed.found_chains.iter().any(|found| found.family == known.family));
        !is_known_anew
    });
    chains.extend(installed.found_chains.iter().cloned());
    all.retain(|_, chains| !chains.is_empty());
    if all == before {
        return Ok(());
    }
    let directory = PrivateDir::open(host.path())?;
    if all.is_empty() {
        return Ok(directory.remove(FILE)?);
    }
    let text = serde_json::to_vec(&all).map_err(|error| failed(host, error.into()))?;
    Ok(directory.replace(FILE, &text)?)
}

fn warn_of_use(FoundChain { family, chain, .. }: &FoundChain) {
    log::warn!(
        "the {family} chain {chain} exists already: the program that created it may flush it, and \
         then host ports are not mapped; configure a chain of another name"
    );
}

fn read(host: &HostRecord) -> Found {
    let text = match fs::read(host.path().join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Found::new(),
        text => text,
    };
    let found = text.and_then(|text| Ok(serde_json::from_slice(&text)?));
    found.unwrap_or_else(|error: io::Error| {
        log::warn!("{}", failed(host, error));
        Found::new()
    })
}

fn failed(host: &HostRecord, source: io::Error) -> FileError {
    FileError { action: "use", path: host.path().join(FILE), source }
}

fn key(kind: BackendKind) -> String {
    format!("{kind:?}")
}
