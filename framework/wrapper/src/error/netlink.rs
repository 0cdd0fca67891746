//! From the errors of `cni-netlink`, so that hooks can call it with `?`.

use std::io;

use cni_netlink::Error as NetlinkError;

use super::Error;

/// Code 5, with the operation, the object, the kernel's reason and the remedy in the message.
impl From<NetlinkError> for Error {
    fn from(error: NetlinkError) -> Self {
        let kind = error.errno().map(|errno| io::Error::from_raw_os_error(errno).kind());
        let NetlinkError { operation, object, cause, .. } = error;
        let source = io::Error::new(kind.unwrap_or(io::ErrorKind::Other), cause.to_string());
        Self::io(format!("cannot {operation} {object}"), source)
    }
}
