//! The setting `route_localnet`, with which the kernel routes packets from 127.0.0.1 to a
//! container.
//!
//! It is enabled per interface, and only while the guard rules drop packets with addresses in
//! 127.0.0.0/8 that arrive from other hosts. In the record of this host, each interface on which
//! the port mapper enabled it has a directory with a file per attachment that needs it. The file
//! contains the attachment's tag, by which it is found if only the tag is known. When the last file
//! is removed, the setting is disabled. An interface on which it was enabled before is left alone.
//!
//! If the record is lost, it is unknown who enabled the setting. It is then left enabled, and the
//! guard rules stay for as long as it is.
//!
//! Nothing is written where the setting has its value already. Where `/proc/sys` is read-only, ADD
//! maps host ports without 127.0.0.1 ([`decide`]). A setting that became read-only after it was
//! enabled does not fail a DEL, which could then never succeed: the guard stays and makes it
//! harmless, and the interface's empty directory stays, so that the next DEL of any attachment
//! disables it if it can.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cni_netlink::link::Links;
use cni_netlink::route::Routes;
use cni_wrapper::{Attachment, FileError};
use rustix::fs::{OFlags, stat};
use rustix::io::Errno;

use super::record::HostRecord;
use super::route_localnet::{ROUTE_LOCALNET, Setting, enabled_interfaces, is_forbidden};
use crate::backend::Guard;
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::files::{create_directory, names_in, write_small};
use crate::mappings::Mapping;
use crate::owner::{Owner, RuleTag};
use crate::state::State;

/// The file which marks that it is unknown who enabled the setting. Files of attachments end in
/// `.json`.
const UNKNOWN: &str = "unknown";

/// Decides, before anything is changed, whether the claim's mappings are reached through 127.0.0.1,
/// and notes it in the claim, so that all later calls agree.
///
/// If this host does not allow it, that is a warning.
///
/// # Errors
///
/// A mapping is at an address in 127.0.0.0/8 only, and could never be reached (code 5). Or the
/// route to the container cannot be looked up.
pub fn decide(claim: &mut Claim) -> Result<(), Error> {
    let Some((setting, error)) = obstacle(claim)? else { return Ok(()) };
    let path = setting.path().to_owned();
    let is_loopback = |mapping: &&Mapping| mapping.host_ip.one().is_some_and(|ip| ip.is_loopback());
    let v4 = |mapping: &&Mapping| mapping.host_ip.is_in(Family::V4);
    if let Some(mapping) = claim.mappings.iter().filter(v4).find(is_loopback) {
        let why = format!("{error}; {mapping} needs it: make /proc/sys writable, or set it to 1");
        let source = io::Error::new(error.kind(), why);
        return Err(FileError { action: "write", path, source }.into());
    }
    log::warn!(
        "host ports of {} are not reachable through 127.0.0.1, since {} cannot be written: {error}",
        Owner::from(&claim.owner),
        path.display(),
    );
    claim.without_localhost = true;
    Ok(())
}

/// Returns the setting that would have to be written and cannot be, if there is one.
fn obstacle(claim: &Claim) -> Result<Option<(Setting, io::Error)>, Error> {
    let Some(container) = claim.address(Family::V4).filter(|_| claim.serves_localhost()) else {
        return Ok(None);
    };
    let all = Setting::of_all();
    let Err(error) = all.check_writable() else { return Ok(None) };
    if !is_forbidden(&error) {
        return Err(failed("write", all.path())(error));
    }
    if is_enabled_for_all() {
        return Ok(None);
    }
    // Without a route, nothing is written either.
    let Some(interface) = interface_to(container.address)? else { return Ok(None) };
    let setting = Setting::of(&interface);
    let is_enabled = matches!(setting.is_enabled(), Ok(Some(true)));
    Ok((!is_enabled).then_some((setting, error)))
}

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
    let setting = Setting::of(&interface);
    let users = host.path().join(ROUTE_LOCALNET).join(&interface);
    let opened = setting.open().map_err(failed("read", setting.path()))?;
    let is_enabled = opened.as_ref().is_some_and(|opened| opened.is_enabled);
    // Another program enabled it.
    if is_enabled && !users.exists() || !is_enabled && is_enabled_for_all() {
        return Ok(());
    }
    if !is_enabled {
        create_directory(&users).map_err(failed("create", &users))?;
    }
    // The file comes first, so that the cleanup after a crash knows who enabled the setting.
    let user = users.join(State::file_name(&claim.owner));
    create_file(&user, &claim.owner.tag()).map_err(failed("write", &user))?;
    if is_enabled {
        return Ok(());
    }
    match opened {
        Some(opened) => opened.set(&setting, true).map_err(failed("write", setting.path())),
        // The interface has been removed.
        None => Ok(()),
    }
}

/// Removes the attachment's need for the setting, and disables it where no other attachment needs
/// it.
///
/// The guard rules must still exist. Returns whether the setting is still enabled on any interface
/// on which the port mapper enabled it.
///
/// # Errors
///
/// The record cannot be read or changed, or a setting cannot be written. An interface that no
/// longer exists is not an error, and neither is a setting that this host does not allow to be
/// written.
pub fn release(host: &HostRecord, owner: &Attachment) -> Result<bool, Error> {
    let directory = host.path().join(ROUTE_LOCALNET);
    let interfaces = match names_in(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        interfaces => interfaces.map_err(failed("read", &directory))?,
    };
    let mut still_enabled = false;
    for interface in interfaces {
        let users = directory.join(&interface);
        let user = file_of(owner, &users).map_err(failed("read", &users))?;
        remove_file(&user).map_err(failed("remove", &user))?;
        let setting = Setting::of(&interface.to_string_lossy());
        still_enabled |= is_still_enabled(&users, &setting)?;
    }
    if !still_enabled {
        ignore_missing(fs::remove_dir(&directory)).map_err(failed("remove", &directory))?;
    }
    Ok(still_enabled)
}

/// Disables the setting of an interface if it has no users, and then forgets the interface.
///
/// Returns whether the setting is still enabled, or may be.
fn is_still_enabled(users: &Path, setting: &Setting) -> Result<bool, Error> {
    let disabled = if is_empty(users).map_err(failed("read", users))? {
        disable(setting)
    } else if users.join(UNKNOWN).exists() {
        setting.is_enabled().map(|enabled| enabled != Some(true))
    } else {
        Ok(false)
    };
    match disabled {
        Ok(false) => Ok(true),
        Ok(true) => {
            remove_directory(users).map_err(failed("remove", users))?;
            Ok(false)
        }
        Err(error) if is_forbidden(&error) => {
            log::warn!(
                "{} cannot be set to 0 ({error}): the rules that guard 127.0.0.0/8 stay until a \
                 DEL can write it",
                setting.path().display()
            );
            Ok(true)
        }
        Err(error) => Err(failed("write", setting.path())(error)),
    }
}

/// Disables a setting if it is enabled. Returns true: it is disabled.
fn disable(setting: &Setting) -> io::Result<bool> {
    match setting.open()? {
        Some(opened) if opened.is_enabled => opened.set(setting, false)?,
        _ => {}
    }
    Ok(true)
}

/// Reports whether the setting is enabled on any interface, or may be: then the guard must stay if
/// it is unknown who enabled it.
pub fn may_be_enabled() -> bool {
    is_enabled_for_all() || enabled_interfaces().map_or(true, |names| !names.is_empty())
}

fn is_enabled_for_all() -> bool {
    matches!(Setting::of_all().is_enabled(), Ok(Some(true)))
}

/// Returns whether the guard must exist, as far as the record of this host shows it.
pub fn guard(host: &HostRecord) -> Guard {
    let directory = host.path().join(ROUTE_LOCALNET);
    let is_on = match stat(&directory) {
        Err(Errno::NOENT) => false,
        // On most file systems a directory has a link from each directory in it.
        Ok(stat) if stat.st_nlink > 2 => true,
        _ => names_in(&directory).is_ok_and(|interfaces| !interfaces.is_empty()),
    };
    if is_on { Guard::Needed } else { Guard::AsRulesRequire }
}

/// Takes over what an earlier version recorded in a state directory. The caller holds the lock.
///
/// # Errors
///
/// The former record can't be read, or this one can't be written.
pub fn adopt(host: &HostRecord, state: &State) -> Result<(), Error> {
    let former = state.path().join(ROUTE_LOCALNET);
    if state.path() == host.path() || !former.exists() {
        return Ok(());
    }
    for interface in fs::read_dir(&former).map_err(failed("read", &former))?.flatten() {
        let users = host.path().join(ROUTE_LOCALNET).join(interface.file_name());
        let former = interface.path();
        for user in fs::read_dir(&former).map_err(failed("read", &former))?.flatten() {
            let user = users.join(user.file_name());
            create_file(&user, "").map_err(failed("write", &user))?;
        }
    }
    fs::remove_dir_all(&former).map_err(failed("remove", &former))
}

/// Returns the interfaces on which the setting is enabled.
///
/// # Errors
///
/// The settings cannot be read.
pub fn enabled() -> Result<Vec<String>, Error> {
    enabled_interfaces().map_err(|(path, error)| failed("read", &path)(error))
}

/// Marks interfaces on which it is unknown who enabled the setting, so that [`release`] keeps the
/// guard rules: for a new record of this host.
///
/// # Errors
///
/// The record cannot be written.
pub fn mark_unknown(host: &HostRecord, interfaces: &[String]) -> Result<(), Error> {
    for interface in interfaces {
        let unknown = host.path().join(ROUTE_LOCALNET).join(interface).join(UNKNOWN);
        create_file(&unknown, "").map_err(failed("write", &unknown))?;
    }
    Ok(())
}

fn interface_to(container: IpAddr) -> Result<Option<String>, Error> {
    let mut routes = Routes::open()?;
    let Some(index) = routes.output_interface(container)? else { return Ok(None) };
    Ok(Links::with_socket_of(routes).name(index)?)
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
    let write = || write_small(path, OFlags::CREATE | OFlags::TRUNC, content);
    match (write(), path.parent()) {
        (Err(error), Some(directory)) if error.kind() == ErrorKind::NotFound => {
            create_directory(directory)?;
            write()
        }
        (written, _) => written,
    }
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(names_in(path)?.is_empty())
}

/// Removes a directory, which is usually empty.
fn remove_directory(path: &Path) -> io::Result<()> {
    ignore_missing(match fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => fs::remove_dir_all(path),
        removed => removed,
    })
}

/// Removes a file that need not exist. A read-only file system reports a missing one as an error.
fn remove_file(path: &Path) -> io::Result<()> {
    match ignore_missing(fs::remove_file(path)) {
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem && !fs::exists(path)? => Ok(()),
        removed => removed,
    }
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
