//! What can go wrong in the port mapper, and which code it has on the wire.

use std::path::PathBuf;
use std::time::Duration;

use cni_wrapper::{FileError, exec::ExecError};

use crate::conflict::Conflict;

/// One thing that is wrong in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct Problem {
    /// Path of the key, such as `runtimeConfig.portMappings[0].hostPort`.
    pub key: String,
    /// The value, what is wrong with it, and what to do.
    pub why: String,
}

impl Problem {
    /// A problem with the value of `key`.
    pub fn new(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self { key: key.into(), why: why.into() }
    }
}

/// Why the port mapper could not do its part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong. Nothing was touched. Code 7.
    #[error("{}", some(.0, "; "))]
    Config(Vec<Problem>),
    /// The container has no address that a mapping could lead to. Code 102, as in the original: the delegate
    /// gave no fitting address.
    #[error(
        "{mapping}: the container has no {family} address in the result, so nothing can be mapped to it; \
         have the network plugin assign one, or drop the mapping"
    )]
    NoAddress {
        /// The mapping.
        mapping: String,
        /// `IPv4`, `IPv6`, or both.
        family: &'static str,
    },
    /// Host ports belong to other live attachments. Nothing was touched. Code 105.
    #[error("{}; choose another host port, or stop that container first", some(.0, "; "))]
    Conflict(Vec<Conflict>),
    /// Another run of the port mapper holds our lock. Code 11.
    #[error(
        "{} is locked{} for longer than {waited:?}: another run of this plugin is at work; \
         try again, or raise lockTimeout", path.display(),
        holder.map_or(String::new(), |pid| format!(" by process {pid}"))
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that wrote its id into the file when it took the lock.
        holder: Option<u32>,
        /// How long we waited.
        waited: Duration,
    },
    /// Another program holds the xtables lock. Code 11.
    #[error(
        "the xtables lock is held by another program for longer than {waited:?} ({said}); \
         try again, or raise lockTimeout"
    )]
    XtablesLocked {
        /// How long we waited.
        waited: Duration,
        /// What was tried, or the program's own words.
        said: String,
    },
    /// A file or directory of ours could not be used. Code 5.
    #[error(transparent)]
    State(#[from] FileError),
    /// A state file does not hold what it should. Code 6.
    #[error("{} is damaged: {why}; remove the file once its attachment is gone", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        why: String,
    },
    /// A program is not installed. Code 103.
    #[error("{program} is not installed in {searched}: install iptables, or set \"backend\"")]
    Missing {
        /// Its name.
        program: String,
        /// The directories that were searched.
        searched: String,
    },
    /// This host's iptables can't do what is needed. Code 103.
    #[error("{program} cannot be used: {why}")]
    Unfit {
        /// The program.
        program: PathBuf,
        /// What it lacks, and what to do.
        why: String,
    },
    /// A program could not be run to its end. Code 103, or 11 when it took too long.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// iptables refused. Code 103.
    #[error("{} {action} failed ({status}): {said}", program.display())]
    Iptables {
        /// The program.
        program: PathBuf,
        /// What it was to do.
        action: &'static str,
        /// How it ended.
        status: String,
        /// What it wrote on stderr.
        said: String,
    },
    /// The kernel refused something over netlink. Code 103.
    #[error(transparent)]
    Netlink(#[from] cni_netlink::Error),
    /// CHECK: the host's rules are not those that ADD made. Code 103.
    #[error("{rules} rules differ from what ADD made: {}; {}", some(.differences, "; "), remedy(.differences))]
    Differs {
        /// `IPv4`, `IPv6` or `nftables`.
        rules: &'static str,
        /// What is missing or too much, a sentence each.
        differences: Vec<String>,
    },
}

/// What helps against such differences.
fn remedy(differences: &[String]) -> &'static str {
    if differences.iter().all(|difference| difference.starts_with("too much")) {
        // Looking for it would cost each DEL a look at everybody's rules.
        return "somebody else has put that there: delete it, or add the container again";
    }
    "a firewall reload removes rules: run `mesos-cni-port-mapper restore`"
}

impl Error {
    /// The code of the specification, or of the original where it had one for this (100 to 104).
    pub fn code(&self) -> u32 {
        match self {
            Self::Config(_) => 7,
            Self::NoAddress { .. } => 102,
            Self::Conflict(_) => CONFLICT,
            Self::Locked { .. }
            | Self::XtablesLocked { .. }
            | Self::Exec(ExecError::Deadline { .. }) => 11,
            // Others changed the rules again and again while we tried.
            Self::Netlink(error) if error.is_stale() => 11,
            Self::State(_) => 5,
            Self::Damaged { .. } => 6,
            _ => IPTABLES,
        }
    }

    /// The host lacks something, so that no ADD can succeed until it is installed: STATUS answers 50.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Unfit { .. })
    }
}

/// iptables failed; the original's code for it.
const IPTABLES: u32 = 103;
/// The host port is taken; the original had no code for it, since it did not look.
const CONFLICT: u32 = 105;

/// A message stays readable with 10,000 problems.
const SHOWN: usize = 10;

fn some<T: ToString>(all: &[T], separator: &str) -> String {
    let mut texts: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    if all.len() > SHOWN {
        texts.push(format!("and {} more", all.len() - SHOWN));
    }
    texts.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_problems_make_one_message() {
        let problems =
            vec![Problem::new("chain", "\"\" is empty"), Problem::new("snat", "3 is no")];
        assert_eq!(Error::Config(problems).to_string(), "chain: \"\" is empty; snat: 3 is no");
    }

    #[test]
    fn a_flood_of_problems_is_cut_short() {
        let problems = vec![Problem::new("k", "w"); 10_000];
        assert!(Error::Config(problems).to_string().ends_with("k: w; and 9990 more"));
    }

    #[test]
    fn codes_are_those_of_the_specification_and_of_the_original() {
        let missing = Error::Missing { program: "iptables-save".into(), searched: "/bin".into() };
        assert_eq!((missing.code(), missing.is_unavailable()), (103, true));
        assert_eq!(Error::Config(Vec::new()).code(), 7);
        assert_eq!(Error::Conflict(Vec::new()).code(), 105);
        let locked = Error::Locked { path: "l".into(), holder: Some(3), waited: Duration::ZERO };
        assert_eq!((locked.code(), locked.is_unavailable()), (11, false));
        let said = String::new();
        assert_eq!(Error::XtablesLocked { waited: Duration::ZERO, said }.code(), 11);
        let mapping = "tcp host port 80".to_owned();
        assert_eq!(Error::NoAddress { mapping, family: "IPv4" }.code(), 102);
        assert_eq!(Error::Damaged { path: "f".into(), why: "empty".to_owned() }.code(), 6);
        let source = std::io::ErrorKind::NotFound.into();
        let unreadable = FileError { action: "read", path: "f".into(), source };
        assert_eq!(Error::State(unreadable).code(), 5);
        let unfit = Error::Unfit { program: "iptables".into(), why: "it is too old".to_owned() };
        assert_eq!((unfit.code(), unfit.is_unavailable()), (103, true));
        let differs = Error::Differs { rules: "IPv4", differences: Vec::new() };
        assert_eq!((differs.code(), differs.is_unavailable()), (103, false));
    }
}
