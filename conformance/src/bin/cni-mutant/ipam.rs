//! The profile `ipam`: a file for each allocated address. It is written under another name first,
//! so that it is complete whenever the plugin is killed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::call::Call;
use crate::fault::Fault;
use crate::shape::{self, Address};
use crate::state::Owner;

const DIRECTORY: &str = "/var/lib/cni/mutant";

fn directory(network: &str) -> PathBuf {
    Path::new(DIRECTORY).join(network)
}

fn size(call: &Call) -> u64 {
    call.key("ipam")["size"].as_u64().unwrap_or(200)
}

fn line(owner: &Owner) -> String {
    format!("{} {}", owner.id, owner.ifname)
}

/// Returns the allocated addresses of a network, with their owners.
pub(crate) fn leases(network: &str) -> Vec<(PathBuf, Owner)> {
    let entries = fs::read_dir(directory(network)).into_iter().flatten().flatten();
    let lease = |path: PathBuf| {
        let is_draft = path.file_name()?.to_str()?.starts_with('.');
        let text = fs::read_to_string(&path).ok().filter(|_| !is_draft)?;
        let (id, ifname) = text.split_once(' ')?;
        let (network, id, ifname) = (network.to_owned(), id.to_owned(), ifname.to_owned());
        Some((path, Owner { network, id, ifname }))
    };
    entries.filter_map(|entry| lease(entry.path())).collect()
}

fn draft(owner: &Owner) -> PathBuf {
    directory(&owner.network).join(format!(".{}", line(owner)))
}

fn own(owner: &Owner) -> Option<PathBuf> {
    let mut leases = leases(&owner.network).into_iter();
    leases.find(|(_, other)| line(other) == line(owner)).map(|(path, _)| path)
}

pub(crate) fn is_allocated(owner: &Owner) -> bool {
    own(owner).is_some()
}

/// Allocates the first free address.
pub(crate) fn add(call: &Call, owner: &Owner) -> Result<Value, Fault> {
    let fault = |error: std::io::Error| Fault::new(100, format!("{DIRECTORY}: {error}"));
    if is_allocated(owner) {
        return Err(Fault::new(100, "this attachment already has an address"));
    }
    fs::create_dir_all(directory(&owner.network)).map_err(fault)?;
    let draft = draft(owner);
    fs::write(&draft, line(owner)).map_err(fault)?;
    for number in 2..2 + size(call) {
        let path = directory(&owner.network).join(number.to_string());
        match fs::hard_link(&draft, &path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            linked => linked.and_then(|()| fs::remove_file(&draft)).map_err(fault)?,
        }
        let address = format!("10.66.0.{number}/24");
        let ip = Address { address, gateway: Some("10.66.0.1".to_owned()), interface: None };
        let route = json!({ "dst": format!("192.0.{number}.0/24") });
        return Ok(shape::result(call, Value::Null, &[ip], &[route]));
    }
    let _ = fs::remove_file(draft);
    Err(Fault::new(100, "all addresses are in use"))
}

/// Releases the address, if there is one.
pub(crate) fn remove(owner: &Owner) {
    // Exists if ADD was killed.
    let _ = fs::remove_file(draft(owner));
    for (path, other) in leases(&owner.network) {
        if line(&other) == line(owner) {
            // Fails if another call has removed it.
            let _ = fs::remove_file(path);
        }
    }
}

pub(crate) fn is_exhausted(call: &Call) -> bool {
    leases(&call.network()).len() as u64 >= size(call)
}
