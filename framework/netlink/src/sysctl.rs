//! Network settings of the kernel, below `/proc/sys/net`.
//!
//! Everything acts on the network namespace of the calling thread. Names are written as for
//! `sysctl`: `net.ipv4.ip_forward`, or with slashes, `net/ipv4/conf/eth0.7/rp_filter`, if an
//! interface has a dot in its name.

use std::fs;
use std::path::PathBuf;

use crate::error::{Cause, Error};

/// Only these belong to a network namespace; a setting of the whole machine is refused.
const NETWORK: &str = "net";

/// Reads a setting, without the newline at its end.
pub fn get(name: &str) -> Result<String, Error> {
    let read = |name| fs::read_to_string(path(name)?).map_err(Cause::Io);
    let text = read(name).map_err(|cause| during(cause, "read", name))?;
    Ok(text.trim_end().to_owned())
}

/// Changes a setting. One that has the value already is not written.
///
/// `/proc/sys` may be read-only, as in a container, although a setting has the right value.
pub fn set(name: &str, value: &str) -> Result<(), Error> {
    let write = |name| {
        let path = path(name)?;
        match fs::read_to_string(&path) {
            Ok(now) if now.trim_end() == value => Ok(()),
            _ => fs::write(path, value).map_err(Cause::Io),
        }
    };
    write(name).map_err(|cause| during(cause, "change", name))
}

fn during(cause: Cause, operation: &'static str, name: &str) -> Error {
    cause.during(operation, format!("the sysctl {name}"))
}

/// Returns the file of a setting.
fn path(name: &str) -> Result<PathBuf, Cause> {
    // As in sysctl(8): the first separator tells which one it is.
    let separator = name.chars().find(|char| matches!(char, '.' | '/')).unwrap_or('.');
    let parts: Vec<&str> = name.split(separator).collect();
    let is_name = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains(['/', '\0']);
    if parts.len() < 2 || parts[0] != NETWORK || !parts.iter().all(is_name) {
        return Err(Cause::Invalid("it is not the name of a network setting, such as net.ipv4.…"));
    }
    Ok(["/proc/sys"].into_iter().chain(parts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_sysctl() {
        let path = |name| path(name).map(|path| path.display().to_string()).ok();
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(path("net.ipv4.ip_forward"), some("/proc/sys/net/ipv4/ip_forward"));
        let vlan = "net/ipv4/conf/eth0.7/rp_filter";
        assert_eq!(path(vlan), some(&format!("/proc/sys/{vlan}")));
        for other in [
            "",
            "net",
            "net.",
            "net..x",
            "kernel.hostname",
            "net/../kernel/hostname",
            "/net/x",
            "net.ipv4/../../kernel",
            "net.x\0",
        ] {
            assert_eq!(path(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_error_names_the_setting() {
        let error = get("net.none.such").expect_err("there is none").to_string();
        assert!(error.starts_with("cannot read the sysctl net.none.such: No such file"), "{error}");
        let error = set("kernel.hostname", "x").expect_err("of the machine").to_string();
        assert!(
            error.starts_with("cannot change the sysctl kernel.hostname: it is not"),
            "{error}"
        );
    }
}
