//! The programs of iptables: where they are, what each variant calls them, and their versions.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::links;
use crate::backend::interface::ProgramEnvironment;
use crate::error::Error;
use crate::family::Family;

/// The search path if `PATH` is not set. The original has the same.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The lock file of iptables since 1.6, unless `XTABLES_LOCKFILE` names another one.
const LOCK_FILE: &str = "/run/xtables.lock";

/// The oldest version with `-w`, and so with a lock that other programs respect.
pub(super) const OLDEST_VERSION: [u32; 3] = [1, 4, 20];

/// The oldest version whose iptables-restore has `-w` and takes the lock itself.
pub(super) const RESTORE_LOCKS: [u32; 3] = [1, 6, 2];

/// One of the three programs of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// `iptables`, which is only asked for its version.
    Iptables,
    /// `iptables-save`.
    Save,
    /// `iptables-restore`.
    Restore,
}

/// A variant of iptables. Distributions install both next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The one that the host calls `iptables`, whichever it is.
    Default,
    /// The one for nf_tables: `iptables-nft`.
    Nft,
    /// The one for ip_tables: `iptables-legacy`.
    Legacy,
}

/// The names that the programs of a variant are searched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend) enum Names {
    /// The variant's own, such as `iptables-nft-save`, or else the default ones.
    Own,
    /// The default ones, such as `iptables-save`, or else the variant's own.
    Default,
}

/// The programs of one variant.
#[derive(Clone, Debug)]
pub(in crate::backend) struct Programs {
    variant: Variant,
    names: Names,
    /// Whether default programs are taken for this variant if no name of theirs says which it is.
    accepts_unnamed: bool,
    path: OsString,
    lock_file: Option<OsString>,
}

impl Programs {
    pub(in crate::backend) fn new(variant: Variant, environment: &ProgramEnvironment) -> Self {
        let path = environment.path.clone().filter(|path| !path.is_empty());
        Self {
            variant,
            names: Names::Own,
            accepts_unnamed: false,
            path: path.unwrap_or_else(|| DEFAULT_PATH.into()),
            lock_file: environment.xtables_lock_file.clone(),
        }
    }

    /// Sets the names that come first, and whether default programs are taken for this variant if
    /// no name of theirs says which it is.
    pub(in crate::backend) fn with(self, names: Names, accepts_unnamed: bool) -> Self {
        Self { names, accepts_unnamed, ..self }
    }

    pub(in crate::backend) fn variant(&self) -> Variant {
        self.variant
    }

    /// Searches the program's path.
    ///
    /// The families are searched separately: Debian has an alternative for each.
    pub(super) fn find(&self, program: Program, family: Family) -> Result<PathBuf, Error> {
        let own = || self.search(&name(self.variant, program, family));
        let default = || {
            let path = self.search(&name(Variant::Default, program, family));
            path.filter(|path| match links::variant(path) {
                Some(variant) => variant == self.variant,
                None => self.accepts_unnamed,
            })
        };
        let found = match self.names {
            _ if self.variant == Variant::Default => own(),
            Names::Own => own().or_else(default),
            Names::Default => default().or_else(own),
        };
        found.ok_or_else(|| Error::Missing {
            program: name(self.variant, program, family),
            searched: self.path.to_string_lossy().into_owned(),
        })
    }

    fn search(&self, name: &str) -> Option<PathBuf> {
        // A relative entry would depend on the working directory.
        std::env::split_paths(&self.path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(name))
            .find(|path| is_executable(path))
    }

    /// Returns the whole environment of a program. It may load kernel modules, so it needs a PATH.
    pub(super) fn environment(&self) -> Vec<(OsString, OsString)> {
        let lock_file = self.lock_file.clone().map(|file| ("XTABLES_LOCKFILE".into(), file));
        [("PATH".into(), self.path.clone()), ("LC_ALL".into(), "C".into())]
            .into_iter()
            .chain(lock_file)
            .collect()
    }

    pub(super) fn lock_file(&self) -> &OsStr {
        self.lock_file.as_deref().unwrap_or(OsStr::new(LOCK_FILE))
    }
}

/// Returns what a variant calls a program.
fn name(variant: Variant, program: Program, family: Family) -> String {
    let family = match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    };
    let suffix = match variant {
        Variant::Default => "",
        Variant::Nft => "-nft",
        Variant::Legacy => "-legacy",
    };
    let program = match program {
        Program::Iptables => "",
        Program::Save => "-save",
        Program::Restore => "-restore",
    };
    format!("{family}{suffix}{program}")
}

fn is_executable(path: &std::path::Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Parses the numbers of `iptables v1.8.9 (nf_tables)`. Returns `None` if there are none.
pub(super) fn parse_version(text: &str) -> Option<[u32; 3]> {
    let numbers = text.split_ascii_whitespace().find_map(|word| word.strip_prefix('v'))?;
    let mut parts = numbers.split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    });
    let mut next = || parts.next().unwrap_or(Some(0));
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use cni_test_kit::TempDir;

    use super::*;

    #[test]
    fn versions_are_parsed_and_compared() {
        assert_eq!(parse_version("iptables v1.8.9 (nf_tables)"), Some([1, 8, 9]));
        assert_eq!(parse_version("iptables v1.4.19.1"), Some([1, 4, 19]));
        assert_eq!(parse_version("iptables v1.6"), Some([1, 6, 0]));
        assert_eq!(parse_version("iptables vx"), None);
        assert_eq!(parse_version(""), None);
        assert!(parse_version("iptables v1.4.9").unwrap() < OLDEST_VERSION);
    }

    #[test]
    fn each_family_is_searched_for_the_variant_as_debian_has_an_alternative_for_each() {
        let directory = TempDir::new();
        let path = |name: &str| directory.path().join(name);
        for name in ["iptables-nft-restore", "ip6tables-nft-restore"] {
            fs::write(path(name), "").unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(path("iptables-nft-restore"), path("iptables-restore")).unwrap();
        symlink("ip6tables-nft-restore", path("ip6tables-legacy-restore")).unwrap();
        symlink("ip6tables-legacy-restore", path("ip6tables-restore")).unwrap();
        let environment =
            ProgramEnvironment { path: Some(directory.path().into()), xtables_lock_file: None };
        let found = |variant, names, family| {
            let programs = Programs::new(variant, &environment).with(names, false);
            let found = programs.find(Program::Restore, family).ok();
            found.and_then(|found| Some(found.file_name()?.to_str()?.to_owned()))
        };
        let found = |variant, names| Family::ALL.map(|family| found(variant, names, family));
        let some = |names: [&str; 2]| names.map(|name| Some(name.to_owned()));
        assert_eq!(
            found(Variant::Nft, Names::Default),
            some(["iptables-restore", "ip6tables-nft-restore"])
        );
        assert_eq!(
            found(Variant::Nft, Names::Own),
            some(["iptables-nft-restore", "ip6tables-nft-restore"])
        );
        assert_eq!(
            found(Variant::Legacy, Names::Default),
            [None, Some("ip6tables-restore".to_owned())]
        );
    }
}
