//! Reads and writes the setting `route_localnet` of the host's interfaces.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Mode, OFlags, access, open};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

use crate::files::{read_small, write_small};

/// The name of the setting.
pub(super) const ROUTE_LOCALNET: &str = "route_localnet";
/// The directory of the settings of all interfaces.
const SETTINGS: &str = "/proc/sys/net/ipv4/conf";
/// Its entries that are not interfaces. The kernel combines `all` with each interface by OR.
const GENERAL: [&str; 2] = ["all", "default"];

/// The setting of one interface, or of all.
#[derive(Debug)]
pub(super) struct Setting(PathBuf);

impl Setting {
    pub(super) fn of(interface: &str) -> Self {
        Self([SETTINGS, interface, ROUTE_LOCALNET].iter().collect())
    }

    pub(super) fn of_all() -> Self {
        Self::of(GENERAL[0])
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Reports whether it is enabled; `None` if the interface does not exist.
    ///
    /// # Errors
    ///
    /// It cannot be read: `NotFound` if `/proc/sys` is not mounted.
    pub(super) fn is_enabled(&self) -> io::Result<Option<bool>> {
        match read_small(&self.0) {
            Ok(value) => Ok(Some(value.trim() != "0")),
            Err(error) if error.kind() == ErrorKind::NotFound && Path::new(SETTINGS).exists() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens it to read it and perhaps write it, with one lookup of the path; `None` if the
    /// interface does not exist.
    ///
    /// # Errors
    ///
    /// As [`Setting::is_enabled`].
    pub(super) fn open(&self) -> io::Result<Option<OpenSetting>> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let Ok(file) = retry_on_intr(|| open(&self.0, flags, Mode::empty())) else {
            // It is read-only, among others.
            let is_enabled = self.is_enabled()?;
            return Ok(is_enabled.map(|is_enabled| OpenSetting { file: None, is_enabled }));
        };
        let mut value = [0; 16];
        let length = match retry_on_intr(|| pread(&file, &mut value, 0)) {
            Err(Errno::NOENT) => return Ok(None), // the interface has been removed since
            length => length?,
        };
        let is_enabled = value[..length].trim_ascii() != b"0";
        Ok(Some(OpenSetting { file: Some(file), is_enabled }))
    }

    /// Writes the value. An interface that no longer exists needs none.
    pub(super) fn set(&self, enabled: bool) -> io::Result<()> {
        match write_small(&self.0, OFlags::empty(), if enabled { "1" } else { "0" }) {
            Err(error) if error.kind() == ErrorKind::NotFound && Path::new(SETTINGS).exists() => {
                Ok(())
            }
            written => written,
        }
    }

    /// Checks that it could be written, with one system call.
    pub(super) fn check_writable(&self) -> io::Result<()> {
        Ok(access(&self.0, Access::WRITE_OK)?)
    }
}

/// A setting that was read.
#[derive(Debug)]
pub(super) struct OpenSetting {
    /// `None` if it can't be opened for writing.
    file: Option<OwnedFd>,
    /// Whether it was enabled.
    pub(super) is_enabled: bool,
}

impl OpenSetting {
    /// Writes the value, as [`Setting::set`] does; `setting` is what was opened.
    pub(super) fn set(&self, setting: &Setting, enabled: bool) -> io::Result<()> {
        let Some(file) = &self.file else { return setting.set(enabled) };
        let value: &[u8] = if enabled { b"1" } else { b"0" };
        // At the beginning: the kernel ignores what is written after it.
        match retry_on_intr(|| pwrite(file, value, 0)) {
            Err(Errno::NOENT) => Ok(()), // the interface has been removed since
            written => Ok(written.map(drop)?),
        }
    }
}

/// Reports whether an error means that this process may not use the settings, now or later: they
/// are read-only, not permitted, or not mounted.
pub(super) fn is_forbidden(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied | ErrorKind::NotFound
    )
}

/// Returns the interfaces on which it is enabled.
///
/// # Errors
///
/// The settings cannot be listed.
pub(super) fn enabled_interfaces() -> Result<Vec<String>, (PathBuf, io::Error)> {
    let entries = fs::read_dir(SETTINGS).map_err(|error| (SETTINGS.into(), error))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_enabled = |name: &String| {
        !GENERAL.contains(&name.as_str())
            && matches!(Setting::of(name).is_enabled(), Ok(Some(true)))
    };
    Ok(names.filter(is_enabled).collect())
}
