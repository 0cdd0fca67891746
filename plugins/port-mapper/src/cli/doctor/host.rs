//! The checks of the host as a whole: its settings, its firewall and its kernel.

use std::path::Path;

use cni_netlink::conntrack::{self, Conntrack, IpFamily, UDP};
use cni_netlink::nftables::Kernel;
use cni_netlink::xtables::{self, Extension, Family as LegacyFamily};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::{Finding, Status, finding};
use crate::backend::Backends;
use crate::cli::explain::connection::addresses;
use crate::cli::explain::filters::Filters;
use crate::cli::explain::firewall::Firewall;
use crate::cli::explain::hooks::Connection;
use crate::cli::explain::network::forwarding;
use crate::cli::explain::packet::Interface;
use crate::cli::explain::step::{self, Step};
use crate::cli::explain::way;
use crate::config::BackendKind;
use crate::family::Family;
use crate::mappings::Protocol;

/// Runs them. What concerns IPv6 alone is never more than a note.
pub(super) async fn checks(backends: &Backends) -> Vec<Finding> {
    let mut findings = vec![ip_forward()];
    if Path::new("/proc/sys/net/ipv6").exists() {
        let step = way::forwarding(Family::V6, forwarding(Family::V6), Vec::new());
        findings.push(of_step("IPv6 forwarding", step, [Status::Note, Status::Note]));
    }
    let four = firewall(backends, Family::V4).await;
    findings.push(of_step("FORWARD", four, [Status::Unclear, Status::Failed]));
    let six = firewall(backends, Family::V6).await;
    findings.push(of_step("FORWARD of IPv6", six, [Status::Note, Status::Note]));
    findings.extend([proc_sys(), conntrack()]);
    findings
}

/// Translates a step: `otherwise` is the status of one that is unknown, and of one that fails.
fn of_step(name: &'static str, step: Step, otherwise: [Status; 2]) -> Finding {
    let [unknown, failed] = otherwise;
    let status = match step.status {
        step::Status::Ok => Status::Ok,
        step::Status::Unknown => unknown,
        step::Status::Failed => failed,
    };
    let remedy = step.remedy();
    Finding { remedy, ..finding(name, status, step.message) }
}

fn ip_forward() -> Finding {
    let step = way::forwarding(Family::V4, forwarding(Family::V4), Vec::new());
    let mut finding = of_step("ip_forward", step, [Status::Unclear, Status::Unclear]);
    if finding.status != Status::Ok {
        finding.message.push_str(" (the bridge plugin does this itself)");
    }
    finding
}

/// Decides whether packets to containers and their answers are forwarded, of which nothing else is
/// known: first for addresses and ports that no rule names, then for those that a rule may name.
async fn firewall(backends: &Backends, family: Family) -> Step {
    let firewall = Firewall::read(backends, family, None).await;
    let addresses = addresses(family);
    let passes = |connection: &Connection| {
        Filters { firewall: &firewall, connection, addresses: &addresses }.both_ways()
    };
    let any = any_connection(family);
    let unnamed = match family {
        Family::V4 => [1, 2, 3].map(|last| [198, 51, 100, last].into()),
        Family::V6 => [1, 2, 3].map(|last| [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into()),
    };
    let [client, asked, container] = unnamed.map(Some);
    let (host_port, container_port) = (Some(1), Some(1));
    let of_unnamed =
        passes(&Connection { client, asked, container, host_port, container_port, ..any.clone() });
    if of_unnamed.status == step::Status::Ok {
        return of_unnamed;
    }
    let of_any = passes(&any);
    match (of_unnamed.status, of_any.status) {
        // Some packets pass, and perhaps those to containers.
        (_, step::Status::Ok) => Step { status: step::Status::Unknown, ..of_unnamed },
        _ => of_any,
    }
}

/// Returns a connection of which only the family and the protocol are known.
fn any_connection(family: Family) -> Connection {
    Connection {
        family,
        protocol: Protocol::Tcp,
        client: None,
        is_local: false,
        asked: None,
        host_port: None,
        container: None,
        container_port: None,
        subnet: None,
        outside: Interface::default(),
        back: Interface::default(),
        inside: Interface::default(),
        ifname: Interface::default(),
        is_rewritten: None,
        rewritten: None,
        bridges: Vec::new(),
        is_bridged: false,
    }
}

fn proc_sys() -> Finding {
    const NAME: &str = "/proc/sys";
    match access("/proc/sys/net/ipv4/conf/all/route_localnet", Access::WRITE_OK) {
        Ok(()) => finding(NAME, Status::Ok, "is writable".to_owned()),
        Err(error) => {
            let what = if error == Errno::ROFS { "is read-only" } else { "cannot be written" };
            let message = format!(
                "{what}, so host ports are not reachable through 127.0.0.1 unless route_localnet \
                 is enabled; run `mount -o remount,rw /proc/sys`"
            );
            finding(NAME, Status::Note, message)
        }
    }
}

fn conntrack() -> Finding {
    const NAME: &str = "conntrack";
    let flows = Conntrack::open()
        .and_then(|mut conntrack| conntrack.flows_where(IpFamily::V4, UDP, &[1..=1], |_| false));
    match flows {
        Ok(_) => finding(NAME, Status::Ok, "tracked flows can be removed".to_owned()),
        Err(error) => {
            let remedy = match conntrack::is_unavailable(&error) {
                true => "; run `modprobe nf_conntrack_netlink`",
                false => "",
            };
            let message = format!("stale flows of UDP cannot be removed: {error}{remedy}");
            finding(NAME, Status::Note, message)
        }
    }
}

/// Checks that the kernel has the matches and targets of the rules of a variant of iptables, which
/// its programs do not test.
pub(super) fn extensions(kind: BackendKind) -> Option<Finding> {
    const NAME: &str = "kernel modules";
    const NEEDED: [Extension; 5] = [
        Extension::Target("DNAT"),
        Extension::Target("MASQUERADE"),
        Extension::Match("addrtype"),
        Extension::Match("comment"),
        Extension::Match("conntrack"),
    ];
    let has = |extension: Extension| match kind {
        BackendKind::IptablesLegacy => xtables::has_extension(LegacyFamily::Ip, extension),
        _ => Kernel::open()?.has_extension(extension),
    };
    if kind == BackendKind::Nftables {
        return None;
    }
    let found =
        NEEDED.map(|extension| (extension, has(extension).map_err(|error| error.to_string())));
    Some(lacking(NAME, &found))
}

/// Decides from what was found of each extension, or why nothing was.
fn lacking(name: &'static str, found: &[(Extension, Result<bool, String>)]) -> Finding {
    let missing = found.iter().filter(|(_, has)| *has == Ok(false));
    let modules: Vec<String> = missing
        .map(|(extension, _)| match extension {
            Extension::Target("DNAT") => "xt_nat".to_owned(),
            Extension::Target(name) | Extension::Match(name) => format!("xt_{name}"),
        })
        .collect();
    if modules.is_empty() {
        let refused = found.iter().find_map(|(_, has)| has.as_ref().err());
        if let Some(why) = refused {
            let message = format!("whether matches and targets exist is unknown: {why}");
            return finding(name, Status::Unclear, message);
        }
        return finding(name, Status::Ok, "matches and targets exist".to_owned());
    }
    let (list, command) = (modules.join(", "), modules.join(" "));
    let message = format!("this kernel lacks {list}; run `modprobe -a {command}`");
    finding(name, Status::Failed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_module_is_named_with_the_command_that_loads_it() {
        let missing = ["MASQUERADE", "DNAT"].map(|name| (Extension::Target(name), Ok(false)));
        let found = lacking("x", &missing);
        assert!(found.status == Status::Failed);
        assert!(found.message.contains("modprobe -a xt_MASQUERADE xt_nat"), "{}", found.message);
        let existing = [(Extension::Match("comment"), Ok(true))];
        assert!(lacking("x", &existing).status == Status::Ok);
    }

    #[test]
    fn a_lookup_that_fails_does_not_count_as_found() {
        let refused = || (Extension::Match("comment"), Err("not permitted".to_owned()));
        let found = lacking("x", &[(Extension::Target("DNAT"), Ok(true)), refused()]);
        assert!(found.status == Status::Unclear, "{}", found.message);
        assert!(found.message.contains("not permitted"), "{}", found.message);
        let found = lacking("x", &[refused(), (Extension::Target("DNAT"), Ok(false))]);
        assert!(found.status == Status::Failed, "one is missing: {}", found.message);
    }
}
