//! The profile ipam: addresses, a symbolic link for each that leads nowhere and says whose it is. A link is there with
//! what it says or not at all, whenever its maker is killed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::Fault;
use crate::shape::{self, Address};
use crate::state::Owner;

const DIRECTORY: &str = "/var/lib/cni/sinner";

fn directory(network: &str) -> PathBuf {
    Path::new(DIRECTORY).join(network)
}

fn size(call: &Call) -> u64 {
    call.key("ipam")["size"].as_u64().unwrap_or(200)
}

fn line(owner: &Owner) -> String {
    format!("{} {}", owner.id, owner.ifname)
}

/// A network's addresses that are given, with whom they are given to.
pub(crate) fn leases(network: &str) -> Vec<(PathBuf, Owner)> {
    let entries = fs::read_dir(directory(network)).into_iter().flatten().flatten();
    let lease = |path: PathBuf| {
        let target = fs::read_link(&path).ok()?;
        let (id, ifname) = target.to_str()?.split_once(' ')?;
        let (network, id, ifname) = (network.to_owned(), id.to_owned(), ifname.to_owned());
        Some((path, Owner { network, id, ifname }))
    };
    entries.filter_map(|entry| lease(entry.path())).collect()
}

fn own(owner: &Owner) -> Option<PathBuf> {
    let mut leases = leases(&owner.network).into_iter();
    leases.find(|(_, other)| line(other) == line(owner)).map(|(path, _)| path)
}

pub(crate) fn is_given(owner: &Owner) -> bool {
    own(owner).is_some()
}

/// Gives an address: the first that is free.
pub(crate) fn add(call: &Call, owner: &Owner) -> Result<Value, Fault> {
    let fault = |error: std::io::Error| Fault::new(100, format!("{DIRECTORY}: {error}"));
    if is_given(owner) {
        return Err(Fault::new(100, "this attachment has an address already"));
    }
    fs::create_dir_all(directory(&owner.network)).map_err(fault)?;
    for number in 2..2 + size(call) {
        let path = directory(&owner.network).join(number.to_string());
        match symlink(line(owner), &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            made => made.map_err(fault)?,
        }
        let address = format!("10.66.0.{number}/24");
        let ip = Address { address, gateway: Some("10.66.0.1".to_owned()), interface: None };
        let route = json!({ "dst": format!("192.0.{number}.0/24") });
        return Ok(shape::result(call, Value::Null, &[ip], &[route]));
    }
    Err(Fault::new(100, "no address is left"))
}

/// Takes the address back; not given is as well.
pub(crate) fn remove(owner: &Owner) {
    for (path, other) in leases(&owner.network) {
        if line(&other) == line(owner) {
            // Somebody else was quicker.
            let _ = fs::remove_file(path);
        }
    }
}

pub(crate) fn is_exhausted(call: &Call) -> bool {
    leases(&call.network()).len() as u64 >= size(call)
}
