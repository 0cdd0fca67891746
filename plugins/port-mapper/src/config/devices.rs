//! Validation of `excludeDevices`: interface names as iptables accepts them.

use std::collections::HashSet;

use serde_json::Value;

use crate::problem::{Problem, unexpected};

/// The maximum number of names. Each becomes a rule or a set element, and is in every state file.
const MAX_NAMES: usize = 4096;

/// Reads `excludeDevices`. Returns each name once, in the order of the list.
pub(super) fn read(value: Option<&Value>, problems: &mut Vec<Problem>) -> Vec<String> {
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    match value {
        None => {}
        Some(Value::Array(list)) if list.len() > MAX_NAMES => {
            let why = format!(
                "the list has {} names, more than {MAX_NAMES}; use wildcards such as veth+",
                list.len()
            );
            problems.push(Problem::new("excludeDevices", why));
        }
        Some(Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                match device(value) {
                    Ok(name) if seen.insert(name.clone()) => names.push(name),
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

/// The kernel's limit: IFNAMSIZ without the final NUL.
const MAX_LENGTH: usize = 15;

pub(crate) fn check(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-+@=%,~#".contains(c);
    if name.is_empty() {
        return Err("\"\" is not an interface name; remove it from the list".to_owned());
    }
    if name.len() > MAX_LENGTH {
        return Err(format!("{name:?} is longer than {MAX_LENGTH} bytes, the kernel's limit"));
    }
    if name == "+" {
        return Err(
            "\"+\" matches every interface, so nothing would be mapped; use a longer prefix"
                .to_owned(),
        );
    }
    if let Some(bad) = name.chars().find(|&c| !allowed(c)) {
        return Err(format!(
            "{name:?} contains {bad:?}, which is not supported in an interface name; \
             use a wildcard that ends before it, such as veth+"
        ));
    }
    if name.starts_with('-') || name == "." || name == ".." {
        return Err(format!("{name:?} is not an interface name that iptables accepts"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_and_wildcards_are_accepted() {
        for name in ["mesos-cni0", "eth0.100", "veth+", "br_x", "a", "123456789012345"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_list_has_at_most_4096_names() {
        let read = |count: usize| {
            let mut problems = Vec::new();
            let names: Vec<_> = (0..count).map(|number| format!("veth{number}")).collect();
            let names = super::read(Some(&names.into()), &mut problems);
            (names.len(), problems.len())
        };
        assert_eq!((read(4096), read(4097)), ((4096, 0), (0, 1)));
    }

    #[test]
    fn other_names_are_refused() {
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
