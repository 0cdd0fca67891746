//! Where the programs are, and what they are called in each variant.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::backend::Surroundings;
use crate::error::Error;
use crate::family::Family;

/// Searched when `PATH` is not set, as the original did.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One of the three programs of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// `iptables` itself, asked for its version only.
    Tables,
    /// Lists.
    Save,
    /// Changes.
    Restore,
}

/// Which of the programs of one host: distributions have both variants beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// `iptables`, whichever that is.
    Usual,
    /// `iptables-nft`.
    Nft,
    /// `iptables-legacy`.
    Legacy,
}

/// The programs of one variant.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    variant: &'static str,
    path: OsString,
    lock_file: Option<OsString>,
}

impl Tools {
    pub(super) fn new(variant: Variant, surroundings: &Surroundings) -> Self {
        let variant = match variant {
            Variant::Usual => "",
            Variant::Nft => "-nft",
            Variant::Legacy => "-legacy",
        };
        let path = surroundings.path.clone().filter(|path| !path.is_empty());
        Self {
            variant,
            path: path.unwrap_or_else(|| DEFAULT_PATH.into()),
            lock_file: surroundings.xtables_lock_file.clone(),
        }
    }

    /// The program's path.
    pub(super) fn find(&self, program: Program, family: Family) -> Result<PathBuf, Error> {
        let name = self.name(program, family);
        // A relative entry would depend on where we were started.
        std::env::split_paths(&self.path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(&name))
            .find(|path| is_executable(path))
            .ok_or_else(|| Error::Missing {
                program: name,
                searched: self.path.to_string_lossy().into_owned(),
            })
    }

    fn name(&self, program: Program, family: Family) -> String {
        let family = match family {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        };
        let program = match program {
            Program::Tables => "",
            Program::Save => "-save",
            Program::Restore => "-restore",
        };
        format!("{family}{}{program}", self.variant)
    }

    /// All that a program gets to know of our environment. It may load kernel modules, so it needs a PATH.
    pub(super) fn environment(&self) -> Vec<(OsString, OsString)> {
        let lock_file = self.lock_file.clone().map(|file| ("XTABLES_LOCKFILE".into(), file));
        [("PATH".into(), self.path.clone()), ("LC_ALL".into(), "C".into())]
            .into_iter()
            .chain(lock_file)
            .collect()
    }

    /// The lock file of iptables since 1.6.
    pub(super) fn lock_file(&self) -> &OsStr {
        self.lock_file.as_deref().unwrap_or(OsStr::new("/run/xtables.lock"))
    }
}

fn is_executable(path: &std::path::Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
