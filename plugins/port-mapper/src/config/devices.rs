//! Names of network interfaces, as iptables takes them.

use std::collections::HashSet;

use serde_json::Value;

use super::unexpected;
use crate::error::Problem;

/// The most names: each is a rule, or an element of a set, and stands in every state file.
const MOST: usize = 4096;

/// Reads `excludeDevices`; each name once, in the order given.
pub(super) fn read(value: Option<&Value>, problems: &mut Vec<Problem>) -> Vec<String> {
    let (mut names, mut known) = (Vec::new(), HashSet::new());
    match value {
        None => {}
        Some(Value::Array(list)) if list.len() > MOST => {
            let why = format!(
                "it has {} names, more than {MOST}; let one that ends in + stand for many",
                list.len()
            );
            problems.push(Problem::new("excludeDevices", why));
        }
        Some(Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                match device(value) {
                    Ok(name) if known.insert(name.clone()) => names.push(name),
                    Ok(_) => {}
                    Err(why) => {
                        problems.push(Problem::new(format!("excludeDevices[{index}]"), why))
                    }
                }
            }
        }
        Some(other) => {
            problems.push(Problem::new(
                "excludeDevices",
                unexpected(other, "a list of interface names"),
            ));
        }
    }
    names
}

fn device(value: &Value) -> Result<String, String> {
    match value {
        Value::String(name) => check(name).map(|()| name.clone()),
        other => Err(unexpected(other, "an interface name")),
    }
}

/// The kernel's limit: IFNAMSIZ less the final NUL.
const LONGEST: usize = 15;

fn check(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-+@=%,~#".contains(c);
    if name.is_empty() {
        return Err("\"\" is no interface name; name one, or take it out of the list".to_owned());
    }
    if name.len() > LONGEST {
        return Err(format!("{name:?} is longer than {LONGEST} bytes, the longest interface name"));
    }
    if name == "+" {
        return Err(
            "\"+\" stands for every interface, so nothing would be mapped; name some".to_owned()
        );
    }
    if let Some(bad) = name.chars().find(|&c| !allowed(c)) {
        return Err(format!(
            "{name:?} contains {bad:?}, which is not taken in an interface name; end it with + before there"
        ));
    }
    if name.starts_with('-') || name == "." || name == ".." {
        return Err(format!("{name:?} is no interface name that iptables takes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_real_interfaces_and_wildcards_are_good() {
        for name in ["mesos-cni0", "eth0.100", "veth+", "br_x", "a", "123456789012345"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_list_has_4096_names_at_most() {
        let read = |count: usize| {
            let mut problems = Vec::new();
            let names: Vec<_> = (0..count).map(|number| format!("veth{number}")).collect();
            let names = super::read(Some(&names.into()), &mut problems);
            (names.len(), problems.len())
        };
        assert_eq!((read(4096), read(4097)), ((4096, 0), (0, 1)));
    }

    #[test]
    fn what_is_no_interface_name_is_refused() {
        for name in [
            "",
            "+",
            "-i",
            "!eth0",
            "a b",
            "a/b",
            "a:b",
            "1234567890123456",
            ".",
            "a\"b",
            "x;y",
            "ü",
            "a\nb",
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
