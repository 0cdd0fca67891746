//! The tables of ip_tables and ip6_tables, which iptables' legacy variant uses: the comments of
//! their rules.
//!
//! These tables have no netlink interface. The kernel returns a whole table as the structures of
//! its headers, of which only the matches called `comment` are read here.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, OwnedFd};
use std::{io, mem};

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use crate::error::{Cause, Error, errno};

/// `IPT_SO_GET_INFO` and `IP6T_SO_GET_INFO`: the size of a table.
const GET_INFO: c_int = 64;
/// `IPT_SO_GET_ENTRIES` and `IP6T_SO_GET_ENTRIES`: the rules of a table.
const GET_ENTRIES: c_int = 65;
/// The length of a table's name with its NULs.
const NAME: usize = 32;
/// The size of `ipt_getinfo`, whose last field is the size of the rules.
const INFO: usize = 84;
/// The offset of the rules in `ipt_get_entries`, which have the alignment of their counters.
const ENTRIES: usize = (NAME + 4).next_multiple_of(mem::align_of::<u64>());
/// The size of `xt_entry_match` before its data.
const MATCH: usize = 32;
/// How often a table is read if its size changes meanwhile.
const ATTEMPTS: usize = 16;

/// The packets that a table sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4, in ip_tables.
    Ip,
    /// IPv6, in ip6_tables.
    Ip6,
}

impl Family {
    /// Returns the offset of `target_offset` in a rule, which `next_offset` follows.
    fn offsets(self) -> usize {
        match self {
            Self::Ip => 84 + 4,
            Self::Ip6 => 136 + 4,
        }
    }

    /// Returns the offset of the matches in a rule: after the two offsets, a mark and two counters.
    fn matches(self) -> usize {
        (self.offsets() + 8).next_multiple_of(mem::align_of::<u64>()) + 16
    }
}

/// Returns the comments of all rules of a table, in order.
///
/// The kernel creates a table that does not exist yet, so ask only for one that
/// `/proc/net/ip_tables_names` (or `ip6_tables_names`) lists.
///
/// # Errors
///
/// There is no such table, or the process lacks CAP_NET_ADMIN or CAP_NET_RAW.
pub fn comments(family: Family, table: &str) -> Result<Vec<String>, Error> {
    let read = || {
        let socket = open(family)?;
        for _ in 0..ATTEMPTS {
            match entries(&socket, family, table) {
                Err(error) if error.raw_os_error() == Some(errno::EAGAIN) => {}
                other => return other,
            }
        }
        Err(io::Error::from_raw_os_error(errno::EAGAIN))
    };
    let entries = read().map_err(|error| {
        Cause::Io(error).during("list", format!("the rules of the legacy table {table}"))
    })?;
    Ok(comments_of(family, &entries))
}

fn open(family: Family) -> io::Result<OwnedFd> {
    let family = match family {
        Family::Ip => AddressFamily::INET,
        Family::Ip6 => AddressFamily::INET6,
    };
    Ok(socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::RAW))?)
}

/// Reads the rules of a table.
fn entries(socket: &OwnedFd, family: Family, table: &str) -> io::Result<Vec<u8>> {
    let mut info = vec![0; INFO];
    let name = table.as_bytes().get(..NAME - 1).unwrap_or(table.as_bytes());
    info[..name.len()].copy_from_slice(name);
    get(socket, family, GET_INFO, &mut info)?;
    let size = &info[INFO - 4..];
    let mut buffer = vec![0; ENTRIES + number::<4>(size, 0).map_or(0, u32::from_ne_bytes) as usize];
    buffer[..name.len()].copy_from_slice(name);
    buffer[NAME..NAME + 4].copy_from_slice(size);
    get(socket, family, GET_ENTRIES, &mut buffer)?;
    buffer.drain(..ENTRIES);
    Ok(buffer)
}

fn get(socket: &OwnedFd, family: Family, option: c_int, buffer: &mut [u8]) -> io::Result<()> {
    // `IPPROTO_IP` and `IPPROTO_IPV6`.
    let level = match family {
        Family::Ip => 0,
        Family::Ip6 => 41,
    };
    let mut length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
    let data = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: `data` points to `length` writable bytes, and the kernel writes no more than that.
    #[allow(unsafe_code, reason = "rustix has no interface to options of other protocols")]
    let result = unsafe { getsockopt(socket.as_raw_fd(), level, option, data, &raw mut length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[allow(unsafe_code, reason = "rustix has no interface to options of other protocols")]
unsafe extern "C" {
    fn getsockopt(
        socket: c_int,
        level: c_int,
        option: c_int,
        data: *mut c_void,
        length: *mut u32,
    ) -> c_int;
}

/// Reads the comments of rules. Malformed ones end them.
fn comments_of(family: Family, mut entries: &[u8]) -> Vec<String> {
    let mut comments = Vec::new();
    while let Some((target, next)) = offsets(family, entries) {
        let Some(rule) = entries.get(..next) else { break };
        let mut matches = rule.get(family.matches()..target).unwrap_or_default();
        while let Some(size) = number(matches, 0).map(u16::from_ne_bytes).map(usize::from) {
            let Some(data) = matches.get(MATCH..size) else { break };
            if matches[2..].starts_with(b"comment\0") {
                let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
                comments.push(String::from_utf8_lossy(text).into_owned());
            }
            matches = &matches[size..];
        }
        entries = &entries[next..];
    }
    comments
}

/// Returns where the target of the first rule begins and where the next rule does.
fn offsets(family: Family, entries: &[u8]) -> Option<(usize, usize)> {
    let read = |at| number(entries, at).map(u16::from_ne_bytes).map(usize::from);
    let (target, next) = (read(family.offsets())?, read(family.offsets() + 2)?);
    (next > 0).then_some((target, next))
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a rule with matches of these names and data.
    fn rule(family: Family, matches: &[(&str, &[u8])]) -> Vec<u8> {
        let mut rule = vec![0; family.matches()];
        for (name, data) in matches {
            let start = rule.len();
            rule.resize(start + MATCH, 0);
            rule[start + 2..start + 2 + name.len()].copy_from_slice(name.as_bytes());
            rule.extend_from_slice(data);
            let size = u16::try_from(rule.len() - start).unwrap();
            rule[start..start + 2].copy_from_slice(&size.to_ne_bytes());
        }
        let length = u16::try_from(rule.len()).unwrap();
        let at = family.offsets();
        rule[at..at + 2].copy_from_slice(&length.to_ne_bytes());
        rule[at + 2..at + 4].copy_from_slice(&(length + 40).to_ne_bytes());
        rule.resize(rule.len() + 40, 0);
        rule
    }

    #[test]
    fn only_matches_called_comment_are_read() {
        for family in [Family::Ip, Family::Ip6] {
            let mut entries = rule(family, &[("tcp", &[1; 16]), ("comment", b"one\0rest")]);
            entries.extend(rule(family, &[("comments", b"no\0")]));
            entries.extend(rule(family, &[("comment", b"two")]));
            assert_eq!(comments_of(family, &entries), ["one", "two"], "{family:?}");
        }
    }

    #[test]
    fn truncated_and_inconsistent_rules_end_the_list_without_a_panic() {
        let entries = rule(Family::Ip, &[("comment", b"one\0")]);
        for length in 0..entries.len() {
            assert_eq!(comments_of(Family::Ip, &entries[..length]), [] as [&str; 0], "{length}");
        }
        for byte in 0..entries.len() {
            for value in [0, 1, 31, 0xff] {
                let mut damaged = entries.clone();
                damaged[byte] = value;
                let _ = comments_of(Family::Ip, &damaged);
            }
        }
    }
}
