//! What went wrong: which operation on which object, why, and what to do.

use std::fmt;
use std::io;

/// An operation on an object of the kernel that failed.
///
/// Reads as one line: `cannot delete UDP flow 10.0.0.9:4242 to 10.0.0.1:53: Operation not permitted
/// (os error 1); needs CAP_NET_ADMIN …`.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {object}: {cause}")]
#[non_exhaustive]
pub struct Error {
    /// What was tried: `delete`, `list`, `look up`.
    pub operation: &'static str,
    /// On what: `link veth0`, `the tracked flows`.
    pub object: String,
    /// Why it failed.
    pub cause: Cause,
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The kernel said no.
    #[error(transparent)]
    Refused(Refusal),
    /// A system call failed (socket, send, receive, open).
    #[error("{0}{hint}", hint = Hint(.0.raw_os_error()))]
    Io(io::Error),
    /// The kernel did not answer in time.
    #[error("the kernel did not answer within {0:?}")]
    Timeout(std::time::Duration),
    /// The kernel's answer could not be understood.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The kernel said no, and it is known what that means here.
    #[error("{refusal}; {advice}")]
    Explained {
        /// What it said.
        refusal: Refusal,
        /// What it means, and what to do.
        advice: String,
    },
    /// The request is one that the kernel would take for another, or that nobody could read again.
    #[error("{0}")]
    Invalid(&'static str),
    /// All changes have to travel at once, and don't.
    #[error(
        "it takes {bytes} bytes, more than a socket of this process may hold at once ({limit}); \
         raise it with `sysctl -w net.core.wmem_max={bytes}`, or change less at once"
    )]
    ExceedsSendBuffer {
        /// How long all is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A message or an attribute would have been longer than its length field can say.
    #[error("the request is too long for a netlink message")]
    TooLong,
    /// What was listed changed during each of so many attempts.
    #[error("it changed during each of {0} attempts to read it; try again")]
    DumpInterrupted(usize),
}

/// The kernel's refusal of one request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}{extra}{hint}", text = io::Error::from_raw_os_error(*errno),
    extra = Extra(reason.as_deref()), hint = Hint(Some(*errno)))]
#[non_exhaustive]
pub struct Refusal {
    /// The error number, positive: see [`errno`].
    pub errno: i32,
    /// The kernel's own words (extended acknowledgement), where it gave any.
    pub reason: Option<String>,
    /// Where in the message the offending attribute stands, counted in bytes from its header.
    pub offset: Option<u32>,
}

/// Bytes that are not what the protocol promises. Says what was read when they ended or contradicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed answer: {0}")]
pub struct Malformed(pub(crate) &'static str);

impl Malformed {
    /// Describes what was read when the bytes ended or contradicted themselves.
    pub fn new(what: &'static str) -> Self {
        Self(what)
    }
}

impl Refusal {
    /// Returns a refusal with this error number and nothing else.
    pub fn new(errno: i32) -> Self {
        Self { errno, reason: None, offset: None }
    }
}

impl Error {
    /// The kernel's error number (see [`errno`]), when it gave one.
    pub fn errno(&self) -> Option<i32> {
        self.cause.errno()
    }

    /// Whether a transaction was refused only because the ruleset changed since its generation was read: read
    /// again, decide again, commit again.
    pub fn is_stale(&self) -> bool {
        self.errno() == Some(errno::ERESTART)
    }
}

impl Cause {
    /// The kernel's error number (see [`errno`]), when it gave one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused(refusal) | Self::Explained { refusal, .. } => Some(refusal.errno),
            Self::Io(error) => error.raw_os_error(),
            _ => None,
        }
    }

    /// Names what was tried on what.
    pub(crate) fn during(self, operation: &'static str, object: impl Into<String>) -> Error {
        Error { operation, object: object.into(), cause: self }
    }
}

/// The error numbers of Linux that callers tell apart.
pub mod errno {
    /// Not permitted.
    pub const EPERM: i32 = 1;
    /// No such object.
    pub const ENOENT: i32 = 2;
    /// Nothing there yet.
    pub const EAGAIN: i32 = 11;
    /// Forbidden; of a route: prohibited.
    pub const EACCES: i32 = 13;
    /// Exists already.
    pub const EEXIST: i32 = 17;
    /// No such link.
    pub const ENODEV: i32 = 19;
    /// Something in the request is invalid.
    pub const EINVAL: i32 = 22;
    /// In use.
    pub const EBUSY: i32 = 16;
    /// Of a transaction: the ruleset is not in the generation that was named.
    pub const ERESTART: i32 = 85;
    /// Too many links.
    pub const EMLINK: i32 = 31;
    /// The kernel does not have this family.
    pub const EAFNOSUPPORT: i32 = 97;
    /// Longer than the socket's send buffer.
    pub const EMSGSIZE: i32 = 90;
    /// Not supported by this kernel, or not for this object.
    pub const EOPNOTSUPP: i32 = 95;
    /// No such kind of socket in this kernel.
    pub const EPROTONOSUPPORT: i32 = 93;
    /// No route.
    pub const ENETUNREACH: i32 = 101;
    /// A receive buffer was too small.
    pub const ENOBUFS: i32 = 105;
    /// No way to this host.
    pub const EHOSTUNREACH: i32 = 113;
}

struct Extra<'a>(Option<&'a str>);

impl fmt::Display for Extra<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// What a person can do about an error number, where that is known whatever the object.
struct Hint(Option<i32>);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.0 {
            Some(errno::EPERM) => {
                "needs CAP_NET_ADMIN in the user namespace that owns this network namespace"
            }
            Some(errno::EPROTONOSUPPORT) => "this kernel lacks that netlink subsystem",
            Some(errno::EOPNOTSUPP) => "this kernel, or this object, does not support it",
            _ => return Ok(()),
        };
        write!(f, "; {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: i32, reason: Option<&str>) -> Error {
        let refusal = Refusal { reason: reason.map(str::to_owned), ..Refusal::new(errno) };
        Cause::Refused(refusal).during("change", "link veth0")
    }

    #[test]
    fn an_error_names_the_operation_the_object_the_reason_and_the_remedy() {
        assert_eq!(
            refused(errno::EPERM, None).to_string(),
            "cannot change link veth0: Operation not permitted (os error 1); \
             needs CAP_NET_ADMIN in the user namespace that owns this network namespace"
        );
    }

    #[test]
    fn the_words_of_the_kernel_are_repeated() {
        assert_eq!(
            refused(errno::EINVAL, Some("bad mode")).to_string(),
            "cannot change link veth0: Invalid argument (os error 22): bad mode"
        );
    }
}
