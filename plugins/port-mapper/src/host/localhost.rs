//! The setting `route_localnet`, with which the kernel routes packets from 127.0.0.1 to a
//! container.
//!
//! It is enabled per interface, and only while the guard rules drop packets with addresses in
//! 127.0.0.0/8 that arrive from other hosts. In the record of this host, each interface on which the
//! port mapper enabled it has a directory with a file per attachment that needs it. The file
//! contains the attachment's tag, by which it is found if only the tag is known. When the last file
//! is removed, the setting is disabled. An interface on which it was enabled before is left alone.
//!
//! If the record is lost, it is unknown who enabled the setting. It is then left enabled, and the
//! guard rules stay for as long as it is.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cni_netlink::link::Links;
use cni_netlink::route::Routes;
use cni_wrapper::{Attachment, FileError};

use super::record::HostRecord;
use crate::backend::Guard;
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::owner::RuleTag;
use crate::state::State;

/// The name of the setting, and of the directory in the state directory.
const ROUTE_LOCALNET: &str = "route_localnet";
/// The file which marks that it is unknown who enabled the setting. Files of attachments end in
/// `.json`.
const UNKNOWN: &str = "unknown";
/// The directory of the settings of all interfaces.
const SETTINGS: &str = "/proc/sys/net/ipv4/conf";

/// Enables the setting on the interface through which the container is reached.
///
/// The guard rules must exist already.
///
/// # Errors
///
/// The route to the container cannot be looked up, or the setting cannot be written.
pub fn enable(host: &HostRecord, claim: &Claim) -> Result<(), Error> {
    let Some(container) = claim.address(Family::V4) else { return Ok(()) };
    let Some(interface) = interface_to(container.address)? else {
        log::warn!(
            "there is no route to {}: its host ports are not reachable through 127.0.0.1",
            container.address
        );
        return Ok(());
    };
    let setting = setting(&interface);
    let users = host.path().join(ROUTE_LOCALNET).join(&interface);
    let now = fs::read_to_string(&setting).map_err(failed("read", &setting))?;
    if now.trim() == "1" && !users.exists() {
        return Ok(()); // another program enabled it
    }
    // The file comes first, so that the cleanup after a crash knows who enabled the setting.
    let user = users.join(State::file_name(&claim.owner));
    create_file(&user, &claim.owner.tag()).map_err(failed("write", &user))?;
    fs::write(&setting, "1").map_err(failed("write", &setting))
}

/// Removes the attachment's need for the setting, and disables it where no other attachment needs
/// it.
///
/// The guard rules must still exist. Returns whether the setting is still enabled on any interface
/// on which the port mapper enabled it.
///
/// # Errors
///
/// A setting cannot be written. An interface that no longer exists is not an error.
pub fn release(host: &HostRecord, owner: &Attachment) -> Result<bool, Error> {
    let directory = host.path().join(ROUTE_LOCALNET);
    let interfaces = match fs::read_dir(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        interfaces => interfaces.map_err(failed("read", &directory))?,
    };
    let mut still_enabled = false;
    for interface in interfaces.flatten() {
        let users = interface.path();
        let user = file_of(owner, &users).map_err(failed("read", &users))?;
        ignore_missing(fs::remove_file(&user)).map_err(failed("remove", &user))?;
        let setting = setting(&interface.file_name().to_string_lossy());
        if is_empty(&users).map_err(failed("read", &users))? {
            ignore_missing(fs::write(&setting, "0")).map_err(failed("write", &setting))?;
            ignore_missing(fs::remove_dir(&users)).map_err(failed("remove", &users))?;
        } else if users.join(UNKNOWN).exists() && !is_enabled(&setting) {
            ignore_missing(fs::remove_dir_all(&users)).map_err(failed("remove", &users))?;
        } else {
            still_enabled = true;
        }
    }
    if !still_enabled {
        ignore_missing(fs::remove_dir(&directory)).map_err(failed("remove", &directory))?;
    }
    Ok(still_enabled)
}

/// Returns whether the guard must exist, as far as the record of this host shows it.
pub fn guard(host: &HostRecord) -> Guard {
    let interfaces = fs::read_dir(host.path().join(ROUTE_LOCALNET));
    let is_on = interfaces.is_ok_and(|mut interfaces| interfaces.next().is_some());
    if is_on { Guard::Needed } else { Guard::AsRulesRequire }
}

/// Completes a new record of this host: with what an earlier version recorded in the state
/// directory, or else with marks at interfaces on which it is unknown who enabled the setting, so
/// that [`release`] keeps the guard rules.
///
/// # Errors
///
/// The settings cannot be read, or the record cannot be written.
pub fn adopt(host: &HostRecord, state: &State) -> Result<(), Error> {
    let former = state.path().join(ROUTE_LOCALNET);
    match fs::rename(&former, host.path().join(ROUTE_LOCALNET)) {
        Ok(()) => Ok(()),
        Err(_) => mark_enabled_interfaces(host),
    }
}

fn mark_enabled_interfaces(host: &HostRecord) -> Result<(), Error> {
    let settings = Path::new(SETTINGS);
    for interface in fs::read_dir(settings).map_err(failed("read", settings))?.flatten() {
        let name = interface.file_name();
        // These are not interfaces.
        let is_general = ["all", "default"].iter().any(|general| name == *general);
        if !is_general && is_enabled(&interface.path().join(ROUTE_LOCALNET)) {
            let unknown = host.path().join(ROUTE_LOCALNET).join(name).join(UNKNOWN);
            create_file(&unknown, "").map_err(failed("write", &unknown))?;
        }
    }
    Ok(())
}

fn is_enabled(setting: &Path) -> bool {
    fs::read_to_string(setting).is_ok_and(|value| value.trim() != "0")
}

fn interface_to(container: IpAddr) -> Result<Option<String>, Error> {
    let mut routes = Routes::open()?;
    let Some(index) = routes.output_interface(container)? else { return Ok(None) };
    Ok(Links::with_socket_of(routes).by_index(index)?.map(|link| link.name))
}

fn setting(interface: &str) -> PathBuf {
    [SETTINGS, interface, ROUTE_LOCALNET].iter().collect()
}

/// Returns the file of an attachment that needs the setting. It is named after the whole names; if
/// they were read from a tag and may be abbreviated, it is found by its content, which is the tag.
fn file_of(owner: &Attachment, users: &Path) -> io::Result<PathBuf> {
    let file = users.join(State::file_name(owner));
    if !owner.may_be_abbreviated() || file.exists() {
        return Ok(file);
    }
    let tag = owner.tag();
    let mut users = fs::read_dir(users)?.flatten().map(|user| user.path());
    let has_tag = |user: &PathBuf| fs::read_to_string(user).is_ok_and(|content| content == tag);
    Ok(users.find(has_tag).unwrap_or(file))
}

/// Creates a file with its parent directories, private like the whole state directory.
fn create_file(path: &Path, content: &str) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(content.as_bytes())
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().is_none())
}

/// Treats a file that does not exist as removed.
fn ignore_missing(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| FileError { action, path: path.to_owned(), source }.into()
}
