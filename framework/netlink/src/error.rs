//! Errors: the operation, the object, the reason, and what to do.

use std::fmt;
use std::io;

/// A failed operation on a kernel object.
///
/// It is displayed as one line: `cannot delete UDP flow 10.0.0.9:4242 to 10.0.0.1:53: Operation not
/// permitted (os error 1); needs CAP_NET_ADMIN …`.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {object}: {cause}")]
#[non_exhaustive]
pub struct Error {
    /// The operation, such as `delete`, `list` or `look up`.
    pub operation: &'static str,
    /// The object, such as `link veth0` or `the tracked flows`.
    pub object: String,
    /// The reason.
    pub cause: Cause,
}

/// The reason why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The kernel refused the request.
    #[error(transparent)]
    Refused(Refusal),
    /// A system call failed (socket, send, receive, open).
    #[error("{0}{hint}", hint = Hint(.0.raw_os_error()))]
    Io(io::Error),
    /// The kernel did not reply in time.
    #[error("the kernel did not reply within {0:?}")]
    Timeout(std::time::Duration),
    /// The kernel's reply could not be understood.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The kernel refused the request, and the probable cause is known.
    #[error("{refusal}; {advice}")]
    Explained {
        /// The kernel's refusal.
        refusal: Refusal,
        /// The probable cause, and what to do.
        advice: String,
    },
    /// The kernel would misinterpret the request, or nft could not read the result.
    #[error("{0}")]
    Invalid(&'static str),
    /// A transaction does not fit the socket's send buffer.
    #[error(
        "the transaction needs {bytes} bytes, more than this process may send at once ({limit}); \
         raise the limit with `sysctl -w net.core.wmem_max={bytes}`, or make smaller changes"
    )]
    ExceedsSendBuffer {
        /// The size of the transaction.
        bytes: usize,
        /// The size of the send buffer.
        limit: usize,
    },
    /// A message or an attribute exceeds the range of its length field.
    #[error("the request is too long for a netlink message")]
    TooLong,
    /// A list changed during each attempt to read it; contains the number of attempts.
    #[error("the list changed during each of {0} attempts to read it; try again")]
    DumpInterrupted(usize),
}

/// The kernel's refusal of one request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}{extra}{hint}", text = io::Error::from_raw_os_error(*errno),
    extra = Extra(reason.as_deref()), hint = Hint(Some(*errno)))]
#[non_exhaustive]
pub struct Refusal {
    /// The error number, which is positive; see [`errno`].
    pub errno: i32,
    /// The kernel's message (extended acknowledgement), if it sent one.
    pub reason: Option<String>,
    /// The offset of the offending attribute in bytes from the message header.
    pub offset: Option<u32>,
}

/// Received bytes that violate the protocol, with a description of the violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed reply: {0}")]
pub struct Malformed(pub(crate) &'static str);

impl Malformed {
    /// Returns an error with a description of the violation.
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
    /// Returns the kernel's error number (see [`errno`]), if there is one.
    pub fn errno(&self) -> Option<i32> {
        self.cause.errno()
    }

    /// Reports whether a transaction was refused only because the ruleset has changed since its
    /// generation was read. The caller should read again, decide again and commit again.
    pub fn is_stale(&self) -> bool {
        self.errno() == Some(errno::ERESTART)
    }
}

impl Cause {
    /// Returns the kernel's error number (see [`errno`]), if there is one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused(refusal) | Self::Explained { refusal, .. } => Some(refusal.errno),
            Self::Io(error) => error.raw_os_error(),
            _ => None,
        }
    }

    /// Adds the operation and the object.
    pub(crate) fn during(self, operation: &'static str, object: impl Into<String>) -> Error {
        Error { operation, object: object.into(), cause: self }
    }
}

/// The Linux error numbers that callers distinguish.
pub mod errno {
    /// Operation not permitted.
    pub const EPERM: i32 = 1;
    /// No such object.
    pub const ENOENT: i32 = 2;
    /// Try again.
    pub const EAGAIN: i32 = 11;
    /// Permission denied; for a route: prohibited.
    pub const EACCES: i32 = 13;
    /// Object exists.
    pub const EEXIST: i32 = 17;
    /// Invalid cross-device link; for a route: rp_filter drops the packet.
    pub const EXDEV: i32 = 18;
    /// No such link.
    pub const ENODEV: i32 = 19;
    /// Invalid argument.
    pub const EINVAL: i32 = 22;
    /// Object in use.
    pub const EBUSY: i32 = 16;
    /// For a transaction: the ruleset is not in the requested generation.
    pub const ERESTART: i32 = 85;
    /// Too many links.
    pub const EMLINK: i32 = 31;
    /// Address family not supported.
    pub const EAFNOSUPPORT: i32 = 97;
    /// Message longer than the socket's send buffer.
    pub const EMSGSIZE: i32 = 90;
    /// Operation not supported by this kernel, or not on this object.
    pub const EOPNOTSUPP: i32 = 95;
    /// Protocol not supported.
    pub const EPROTONOSUPPORT: i32 = 93;
    /// Network unreachable.
    pub const ENETUNREACH: i32 = 101;
    /// No buffer space: received messages were lost.
    pub const ENOBUFS: i32 = 105;
    /// Host unreachable.
    pub const EHOSTUNREACH: i32 = 113;
}

struct Extra<'a>(Option<&'a str>);

impl fmt::Display for Extra<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// Advice that applies to an error number on any object.
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
    fn the_kernels_message_is_included() {
        assert_eq!(
            refused(errno::EINVAL, Some("bad mode")).to_string(),
            "cannot change link veth0: Invalid argument (os error 22): bad mode"
        );
    }
}
