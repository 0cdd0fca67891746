//! The tables of ip_tables and ip6_tables, which iptables' legacy variant uses: their chains, and
//! the comments of their rules.
//!
//! These tables have no netlink interface. The kernel returns a whole table as the structures of
//! its headers, of which only targets and the matches called `comment` are read here.

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
/// The size of `xt_entry_target` before its data.
const TARGET: usize = 32;
/// How often a table is read if its size changes between two questions.
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

    /// Returns the offset of the protocol in a rule: after addresses and interfaces with their
    /// masks.
    fn protocol(self) -> usize {
        let number = match self {
            Self::Ip => 4 * 4 + 4 * 16,
            Self::Ip6 => 4 * 16 + 4 * 16,
        };
        if cfg!(target_endian = "big") { number + 1 } else { number }
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
    Ok(comments_of(family, &read(family, table)?))
}

/// What a rule can use: the kernel has a module for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// A match of this name.
    Match(&'static str),
    /// A target of this name.
    Target(&'static str),
}

/// Reports whether the kernel has a match or target for rules of the legacy variant. It loads the
/// module if it can.
///
/// # Errors
///
/// The kernel has no ip_tables, or the process lacks CAP_NET_ADMIN or CAP_NET_RAW.
pub fn has_extension(family: Family, extension: Extension) -> Result<bool, Error> {
    // `IPT_SO_GET_REVISION_MATCH` and `IP6T_SO_GET_REVISION_MATCH`; the next is that for targets.
    let of_match: c_int = match family {
        Family::Ip => 66,
        Family::Ip6 => 68,
    };
    let (option, name) = match extension {
        Extension::Match(name) => (of_match, name),
        Extension::Target(name) => (of_match + 1, name),
    };
    // `xt_get_revision`: the name and the revision 0.
    let mut buffer = [0; 30];
    buffer[..name.len().min(28)].copy_from_slice(&name.as_bytes()[..name.len().min(28)]);
    let asked = open(family).and_then(|socket| get(&socket, family, option, &mut buffer));
    match asked {
        Ok(()) => Ok(true),
        // It has other revisions only.
        Err(error) if error.raw_os_error() == Some(errno::EPROTONOSUPPORT) => Ok(true),
        Err(error) if error.raw_os_error() == Some(errno::ENOENT) => Ok(false),
        Err(error) => Err(Cause::Io(error).during("look up", format!("the extension {name}"))),
    }
}

/// A match of a rule, in the form of its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The protocol of the rule's packets; 0 for any.
    pub protocol: u8,
    /// The data.
    pub data: Vec<u8>,
}

/// Returns the matches of a name that the rules of a chain have, in order. Ask as for
/// [`comments`].
///
/// # Errors
///
/// As [`comments`].
pub fn matches(family: Family, table: &str, chain: &str, name: &str) -> Result<Vec<Match>, Error> {
    let table = read(family, table)?;
    let (mut found, mut is_in_chain) = (Vec::new(), false);
    for entry in entries_of(family, &table) {
        if let Some(Target::Head(head)) = entry.target() {
            is_in_chain = head == chain;
        } else if is_in_chain {
            let protocol = entry.bytes.get(family.protocol()).copied().unwrap_or_default();
            let own = entry.matches(family).filter(|(its, _)| *its == name.as_bytes());
            found.extend(own.map(|(_, data)| Match { protocol, data: data.to_vec() }));
        }
    }
    Ok(found)
}

/// A chain that is not built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// The number of its rules.
    pub rules: usize,
    /// The number of rules, in any chain, that jump or go to it.
    pub jumps: usize,
}

/// Returns the chains of a table that are not built in, in order. Ask as for [`comments`].
///
/// # Errors
///
/// As [`comments`].
pub fn chains(family: Family, table: &str) -> Result<Vec<Chain>, Error> {
    Ok(chains_of(family, &read(family, table)?))
}

/// Reads a table.
fn read(family: Family, table: &str) -> Result<Vec<u8>, Error> {
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
    read().map_err(|error| {
        Cause::Io(error).during("list", format!("the rules of the legacy table {table}"))
    })
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
    if result >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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

/// A rule, the built-in end of a chain, or the head of one.
struct Entry<'a> {
    /// The offset of the next one in the table.
    end: usize,
    /// The offset of its target.
    target: usize,
    bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Returns the names and the data of its matches. A malformed one ends them.
    fn matches(&self, family: Family) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.bytes.get(family.matches()..self.target).unwrap_or_default();
        std::iter::from_fn(move || {
            let size = usize::from(u16::from_ne_bytes(number(rest, 0)?));
            let data = rest.get(MATCH..size)?;
            let name = rest[2..MATCH].split(|byte| *byte == 0).next()?;
            rest = &rest[size..];
            Some((name, data))
        })
    }

    fn target(&self) -> Option<Target> {
        let target = self.bytes.get(self.target..)?;
        let data = target.get(TARGET..)?;
        if target[2..].starts_with(b"ERROR\0") {
            let name = data.split(|byte| *byte == 0).next().unwrap_or_default();
            return Some(Target::Head(String::from_utf8_lossy(name).into_owned()));
        }
        // The standard target has no name. Its verdict is negative unless it is an offset.
        let verdict = i32::from_ne_bytes(number(data, 0).filter(|_| target[2] == 0)?);
        usize::try_from(verdict).ok().map(Target::Jump)
    }
}

enum Target {
    /// The chain of this name begins after it.
    Head(String),
    /// The rule at this offset is the next.
    Jump(usize),
}

/// Returns the entries of a table. A malformed one ends them.
fn entries_of(family: Family, table: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let (target, next) = offsets(family, table.get(start..)?)?;
        let bytes = table.get(start..start + next)?;
        start += next;
        Some(Entry { end: start, target, bytes })
    })
}

/// Reads the chains of a table.
fn chains_of(family: Family, table: &[u8]) -> Vec<Chain> {
    let (mut chains, mut starts, mut jumps) = (Vec::<Chain>::new(), Vec::new(), Vec::new());
    for entry in entries_of(family, table) {
        let target = entry.target();
        if let Some(Target::Head(name)) = target {
            chains.push(Chain { name, rules: 0, jumps: 0 });
            starts.push(entry.end);
            continue;
        }
        if let Some(Target::Jump(to)) = target {
            jumps.push(to);
        }
        if let Some(chain) = chains.last_mut() {
            chain.rules += 1;
        }
    }
    // The end of the table looks like the head of a chain.
    chains.pop();
    for (chain, start) in chains.iter_mut().zip(starts) {
        // Each chain ends with a rule that returns.
        chain.rules = chain.rules.saturating_sub(1);
        chain.jumps = jumps.iter().filter(|to| **to == start).count();
    }
    chains
}

/// Reads the comments of rules.
fn comments_of(family: Family, table: &[u8]) -> Vec<String> {
    let matches = entries_of(family, table).flat_map(|entry| entry.matches(family));
    let comments = matches.filter(|(name, _)| *name == b"comment").map(|(_, data)| {
        let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    });
    comments.collect()
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
                let _ = (comments_of(Family::Ip, &damaged), chains_of(Family::Ip, &damaged));
            }
        }
    }
}
