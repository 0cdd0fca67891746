//! `route_localnet`: lets packets from 127.0.0.1 leave for a container.
//!
//! It is opened on one interface at a time, only behind the guard rules that keep 127.0.0.0/8 from coming in.
//! Below the state directory each interface that we opened has a folder with a file for every attachment that needs
//! it; with the last of them it is closed again. An interface that was open before us is left alone. When all this is
//! lost, nobody knows who opened what is open: it stays open, and behind the guard for as long as it is.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cni_netlink::link::Links;
use cni_netlink::route::Routes;
use cni_wrapper::FileError;

use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::owner::Owner;
use crate::state::State;

/// The setting's name, and our folder's.
const ROUTE_LOCALNET: &str = "route_localnet";
/// Beside the files of attachments (which end otherwise): it is not known who opened the interface.
const UNKNOWN: &str = "unknown";
/// Where interfaces have their settings.
const SETTINGS: &str = "/proc/sys/net/ipv4/conf";

/// Opens the interface by which the claim's container is reached. The guard must stand already.
///
/// # Errors
///
/// No route to the container, or the setting can't be written.
pub fn open(state: &State, claim: &Claim) -> Result<(), Error> {
    let Some(container) = claim.address(Family::V4) else { return Ok(()) };
    let Some(interface) = interface_to(container.address)? else {
        log::warn!("no route to {}: not reached by 127.0.0.1", container.address);
        return Ok(());
    };
    let setting = setting(&interface);
    let users = state.path().join(ROUTE_LOCALNET).join(&interface);
    let now = fs::read_to_string(&setting).map_err(failed("read", &setting))?;
    if now.trim() == "1" && !users.exists() {
        return Ok(()); // opened by somebody else, who will close it
    }
    // The file first: whoever cleans up after a crash must know that it was us.
    let user = users.join(State::file_name(&claim.owner));
    note(&user).map_err(failed("write", &user))?;
    fs::write(&setting, "1").map_err(failed("write", &setting))
}

/// The owner needs no interface any more; those that nobody needs are closed. To be called while the guard still stands.
/// True when one that we opened stays open.
///
/// # Errors
///
/// A setting can't be written; an interface that is gone is fine.
pub fn release(state: &State, owner: &Owner) -> Result<bool, Error> {
    let folder = state.path().join(ROUTE_LOCALNET);
    let interfaces = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        interfaces => interfaces.map_err(failed("read", &folder))?,
    };
    let mut open = false;
    for interface in interfaces.flatten() {
        let users = interface.path();
        let user = users.join(State::file_name(owner));
        gone(fs::remove_file(&user)).map_err(failed("remove", &user))?;
        let setting = setting(&interface.file_name().to_string_lossy());
        if is_empty(&users).map_err(failed("read", &users))? {
            gone(fs::write(&setting, "0")).map_err(failed("write", &setting))?;
            gone(fs::remove_dir(&users)).map_err(failed("remove", &users))?;
        } else if users.join(UNKNOWN).exists() && !is_open(&setting) {
            gone(fs::remove_dir_all(&users)).map_err(failed("remove", &users))?;
        } else {
            open = true;
        }
    }
    if !open {
        gone(fs::remove_dir(&folder)).map_err(failed("remove", &folder))?;
    }
    Ok(open)
}

/// Opens the state directory, or makes it. A missing one may have been lost, and with it the word on who opened what:
/// then what is open is noted, so that [`release`] keeps it behind the guard.
///
/// # Errors
///
/// The directory can't be used, the settings can't be read, or the notes not be written.
pub fn open_state(path: &Path) -> Result<State, Error> {
    open_or_make_state(path).map(|(state, _)| state)
}

/// As [`open_state`]; true when the directory was missing.
///
/// # Errors
///
/// As [`open_state`].
pub fn open_or_make_state(path: &Path) -> Result<(State, bool), Error> {
    if let Some(state) = State::open_existing(path)? {
        return Ok((state, false));
    }
    let state = State::open(path)?;
    distrust_open(&state)?;
    Ok((state, true))
}

fn distrust_open(state: &State) -> Result<(), Error> {
    let settings = Path::new(SETTINGS);
    for interface in fs::read_dir(settings).map_err(failed("read", settings))?.flatten() {
        let name = interface.file_name();
        // Not settings of an interface, and never ours.
        let is_general = ["all", "default"].iter().any(|general| name == *general);
        if !is_general && is_open(&interface.path().join(ROUTE_LOCALNET)) {
            let unknown = state.path().join(ROUTE_LOCALNET).join(name).join(UNKNOWN);
            note(&unknown).map_err(failed("write", &unknown))?;
        }
    }
    Ok(())
}

fn is_open(setting: &Path) -> bool {
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

/// An empty file with its folders, closed to others as all of the state is.
fn note(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().is_none())
}

/// What is not there need not be removed or closed.
fn gone(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| FileError { action, path: path.to_owned(), source }.into()
}
