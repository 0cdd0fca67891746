//! Conditions that iptables or the kernel refuses: the configuration is wrong, not this host.

use crate::claim::Claim;
use crate::conditions;
use crate::error::Error;
use crate::family::Family;
use crate::problem::Problem;

/// What the kernel answers for a match that it does not have, without its name.
const NO_SUCH_MATCH: &str = "No chain/target/match by that name";
/// The matches of rules without conditions, and those that every kernel with NAT has.
const ALWAYS_NEEDED: [&str; 6] = ["addrtype", "comment", "conntrack", "tcp", "udp", "sctp"];

/// Returns the error of a change that failed: one of the key, if its conditions are the reason.
pub(super) fn explained(claim: &Claim, error: Error) -> Error {
    let Error::Iptables { program, message, status, .. } = &error else { return error };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let family = if name.starts_with("ip6") { Family::V6 } else { Family::V4 };
    let matches: Vec<&String> = matches(claim, family);
    if matches.is_empty() {
        return error;
    }
    let named = matches.iter().find(|name| is_named(name, message));
    let unusual = matches.iter().find(|name| !ALWAYS_NEEDED.contains(&name.as_str()));
    let is_unknown = message.contains(NO_SUCH_MATCH) || message.contains("missing kernel module");
    // The other arguments of a rule are always accepted.
    let is_wrong = status == "exit status: 2";
    let why = match (named, unusual.filter(|_| is_unknown)) {
        (Some(name), _) | (None, Some(name)) => format!(
            "iptables or the kernel does not accept the match {name:?} ({message}); correct it, or \
             install what provides it"
        ),
        _ if is_wrong => format!("iptables does not accept the arguments ({message})"),
        _ => return error,
    };
    Error::Config(vec![Problem::new(conditions::key(family), why)])
}

/// Returns the names of the matches (`-m`) of the conditions.
fn matches(claim: &Claim, family: Family) -> Vec<&String> {
    let arguments = claim.conditions.of(family);
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    pairs
        .filter(|(option, _)| matches!(option.as_str(), "-m" | "--match"))
        .map(|(_, name)| name)
        .collect()
}

/// Reports whether a message names a match, as ``Couldn't load match `geoip'``.
fn is_named(name: &str, message: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    message.split(|c: char| !is_part(c)).any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim() -> Claim {
        let claim = json!({"version": 1, "chain": "C", "snat": true, "addresses": ["10.0.0.2/24"],
            "owner": {"network": "n", "containerId": "c", "ifname": "eth0"}, "mappings": [],
            "conditions": {"conditionsV4": ["-m", "geoip", "--source-country", "AQ"]}});
        serde_json::from_value(claim).unwrap()
    }

    fn key_of(program: &str, status: &str, message: &str) -> Option<String> {
        let error = Error::Iptables {
            program: program.into(),
            action: "changing rules",
            status: format!("exit status: {status}"),
            message: message.to_owned(),
        };
        match explained(&claim(), error) {
            Error::Config(problems) => Some(problems[0].to_string()),
            _ => None,
        }
    }

    #[test]
    fn a_match_that_iptables_or_the_kernel_lacks_is_an_error_of_the_key_and_others_are_not() {
        for message in [
            "iptables-restore v1.8.9: Couldn't load match `geoip':No such file or directory",
            "Warning: Extension geoip is not supported, missing kernel module?",
            "iptables-restore: line 5 failed: No chain/target/match by that name.",
        ] {
            let problem = key_of("/sbin/iptables-legacy-restore", "1", message).expect(message);
            assert!(problem.starts_with("conditionsV4: "), "{problem}");
            assert!(problem.contains("\"geoip\"") && problem.contains(message), "{problem}");
        }
        let wrong = "unknown option \"--source-contry\"";
        assert!(key_of("iptables-restore", "2", wrong).is_some_and(|text| text.contains(wrong)));
        assert_eq!(key_of("iptables-restore", "1", "Resource temporarily unavailable"), None);
        assert_eq!(key_of("ip6tables-restore", "2", wrong), None, "IPv6 has no conditions");
    }
}
