//! The errors of the port mapper, and their codes in a CNI error object.

use std::path::PathBuf;
use std::time::Duration;

use cni_wrapper::{FileError, StillHeld, StoreError, exec::ExecError};

use crate::conflict::{Conflict, advice};
use crate::problem::Problem;
use crate::program;

/// The reason why a call or command of the port mapper failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is invalid. Nothing was changed. Code 7.
    #[error("{}", joined(.0, "; "))]
    Config(Vec<Problem>),
    /// The container has no address that a mapping could lead to. Code 102: the original used it
    /// if the delegate returned no suitable address.
    #[error(
        "{mapping}: the network plugin's result has no {family} address for the container{others}; \
         configure it to assign one, or remove the mapping"
    )]
    NoAddress {
        /// The mapping.
        mapping: String,
        /// `IPv4`, `IPv6`, or both.
        family: &'static str,
        /// The addresses of the result that belong to other interfaces, in parentheses.
        others: String,
    },
    /// Host ports belong to other attachments, which live as far as is known. Nothing was changed.
    /// Code 105.
    #[error(
        "{}{}; {}", joined(.conflicts, "; "),
        match waited.is_zero() {
            true => String::new(),
            false => format!(", and still did after {waited:.1?}"),
        },
        advice(.conflicts)
    )]
    Conflict {
        /// The conflicts.
        conflicts: Vec<Conflict>,
        /// How long they were waited for.
        waited: Duration,
    },
    /// A DEL came while the ADD of the same attachment waited for a host port. Code 105.
    #[error("the container was deleted while its ADD waited for a host port of another one")]
    Deleted,
    /// Another instance of the port mapper holds the lock of this host. Code 11.
    #[error(
        "{} is still locked {held}: another instance of this plugin is running; try again, or \
         raise lockTimeout if it is not stuck", path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds the lock, and how long it was waited for.
        held: StillHeld,
    },
    /// Another program holds the xtables lock. Code 11.
    #[error(
        "the xtables lock is still held by another program after {waited:.1?}{} ({message}); \
         try again, or raise lockTimeout", hands(*changes)
    )]
    XtablesLocked {
        /// How long the lock was waited for.
        waited: Duration,
        /// How often the lock changed hands in this time, as far as it was seen.
        changes: u64,
        /// What was tried, or the message of the program.
        message: String,
    },
    /// A file or directory of the port mapper could not be used. Code 5.
    #[error(transparent)]
    State(#[from] FileError),
    /// The state could not be used for another reason. Code 5.
    #[error(transparent)]
    Store(StoreError),
    /// A state file is invalid. Code 6.
    #[error(
        "{} is damaged: {why}; remove the file once its container has been deleted",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        why: String,
    },
    /// A program is not installed. Code 103.
    #[error("{program} is not installed in {searched}; install iptables, or set \"backend\"")]
    Missing {
        /// The name of the program.
        program: String,
        /// The directories that were searched.
        searched: String,
    },
    /// The iptables of this host lacks something that is required. Code 103.
    #[error("{program} cannot be used: {why}")]
    Unfit {
        /// The program.
        program: PathBuf,
        /// What is missing, and what to do.
        why: String,
    },
    /// A program could not be run to completion. Code 103, or 11 if it exceeded its deadline.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// iptables failed. Code 103.
    #[error("{} {action} failed ({status}): {message}", program.display())]
    Iptables {
        /// The program.
        program: PathBuf,
        /// What was attempted.
        action: &'static str,
        /// Its exit status.
        status: String,
        /// What it wrote on stderr.
        message: String,
    },
    /// The kernel rejected a netlink request. Code 103.
    #[error(transparent)]
    Netlink(#[from] cni_netlink::Error),
    /// CHECK found that the rules on the host are not those that ADD created. Code 103.
    #[error(
        "{rules} rules differ from those that ADD created: {}; {}",
        joined(.differences, "; "),
        remedy(.differences)
    )]
    Differs {
        /// `IPv4`, `IPv6` or `nftables`.
        rules: &'static str,
        /// The missing and the unexpected rules, one text for each.
        differences: Vec<String>,
    },
}

/// Reports a queue, if there was one.
fn hands(changes: u64) -> String {
    if changes == 0 {
        return String::new();
    }
    format!(", in which it changed hands at least {changes} times")
}

/// Returns the advice for a list of differences.
fn remedy(differences: &[String]) -> &'static str {
    if differences.iter().all(|difference| difference.starts_with("unexpected")) {
        // DEL does not remove it: it would have to list the rules of all containers.
        return "another program added these: delete them, or repeat the ADD";
    }
    "a firewall reload removes rules: run `mesos-cni-port-mapper restore`"
}

impl Error {
    /// Returns an error for conflicts that were not waited for.
    pub fn conflict(mut conflicts: Vec<Conflict>) -> Self {
        // The rules of both families may be in conflict.
        let mut known = Vec::new();
        conflicts.retain(|conflict| {
            let is_new = !known.contains(conflict);
            known.extend(is_new.then(|| conflict.clone()));
            is_new
        });
        Self::Conflict { conflicts, waited: Duration::ZERO }
    }

    /// Returns the error code: one of the specification, or 102, 103 and 105 of the port mapper.
    pub fn code(&self) -> u32 {
        match self {
            Self::Config(_) => 7,
            Self::NoAddress { .. } => 102,
            Self::Conflict { .. } | Self::Deleted => CONFLICT,
            Self::Locked { .. }
            | Self::XtablesLocked { .. }
            | Self::Exec(ExecError::Deadline { .. }) => 11,
            // Other programs changed the rules during every attempt.
            Self::Netlink(error) if error.is_stale() => 11,
            Self::State(_) | Self::Store(_) => 5,
            Self::Damaged { .. } => 6,
            _ => IPTABLES,
        }
    }

    /// Returns the message with command lines of this program that can be run as they are.
    pub fn for_people(&self) -> String {
        program::located(&self.to_string())
    }

    /// Reports whether the host lacks something without which no ADD can succeed (STATUS: code 50).
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Unfit { .. })
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::File(error) => Self::State(error),
            StoreError::Damaged { path, why } => Self::Damaged { path, why },
            other => Self::Store(other),
        }
    }
}

/// Converts the port mapper's errors to CNI errors. This is the only place that does.
impl From<Error> for cni_wrapper::Error {
    fn from(error: Error) -> Self {
        let code = error.code();
        match error {
            Error::Config(problems) => config_error(problems),
            Error::State(error) => error.into(),
            Error::Store(error) => error.into(),
            Error::Damaged { ref path, .. } => {
                Self::Decode { what: path.display().to_string(), why: error.to_string() }
            }
            error if code == 11 => Self::TryAgainLater(error.to_string()),
            error => Self::plugin(code, error.for_people()),
        }
    }
}

/// The error of an ADD, and whether there is something to undo.
#[derive(Debug)]
pub enum AttachError {
    /// Nothing of the attachment was changed: the rollback must neither wait for a held lock again
    /// nor remove what an earlier ADD of the same attachment created.
    Unchanged(Error),
    /// Something may have been changed.
    Changed(Error),
}

impl From<Error> for AttachError {
    fn from(error: Error) -> Self {
        Self::Changed(error)
    }
}

impl From<AttachError> for cni_wrapper::Error {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Unchanged(error) => Self::from(error).nothing_to_undo(),
            AttachError::Changed(error) => error.into(),
        }
    }
}

/// Returns an error for the key of the first problem, whose message also contains the others.
fn config_error(problems: Vec<Problem>) -> cni_wrapper::Error {
    let Some(first) = problems.first() else {
        return cni_wrapper::Error::config("configuration", "is invalid");
    };
    let key = first.key.clone();
    let all = Error::Config(problems).to_string();
    let why = all.strip_prefix(&format!("{key}: ")).unwrap_or(&all).to_owned();
    cni_wrapper::Error::config(key, why)
}

/// iptables failed: the code that the original used for it.
const IPTABLES: u32 = 103;
/// The host port belongs to another container. The original did not detect this.
const CONFLICT: u32 = 105;

/// The number of items that a message lists, so that 10,000 problems stay readable.
const MAX_LISTED: usize = 10;

fn joined<T: ToString>(all: &[T], separator: &str) -> String {
    let mut texts: Vec<String> = all.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    if all.len() > MAX_LISTED {
        texts.push(format!("and {} more", all.len() - MAX_LISTED));
    }
    texts.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_problems_are_joined_into_one_message() {
        let problems =
            vec![Problem::new("chain", "\"\" is empty"), Problem::new("snat", "3 is bad")];
        assert_eq!(Error::Config(problems).to_string(), "chain: \"\" is empty; snat: 3 is bad");
    }

    #[test]
    fn a_long_list_of_problems_is_truncated() {
        let problems = vec![Problem::new("k", "w"); 10_000];
        assert!(Error::Config(problems).to_string().ends_with("k: w; and 9990 more"));
    }

    #[test]
    fn codes_are_those_of_the_specification_and_of_the_original() {
        let missing = Error::Missing { program: "iptables-save".into(), searched: "/bin".into() };
        assert_eq!((missing.code(), missing.is_unavailable()), (103, true));
        assert_eq!(Error::Config(Vec::new()).code(), 7);
        assert_eq!(Error::conflict(Vec::new()).code(), 105);
        let locked = Error::Locked { path: "l".into(), held: StillHeld::default() };
        assert_eq!((locked.code(), locked.is_unavailable()), (11, false));
        let message = String::new();
        assert_eq!(Error::XtablesLocked { waited: Duration::ZERO, changes: 0, message }.code(), 11);
        let mapping = "tcp host port 80".to_owned();
        let others = String::new();
        assert_eq!(Error::NoAddress { mapping, family: "IPv4", others }.code(), 102);
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
