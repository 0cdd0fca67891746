//! Which attachment a call is about, and which names are valid.
//!
//! The rules for names are the same for every version of the specification. Older versions require
//! less, but no plugin or runtime in use accepts more, and names become part of firewall rules,
//! files and messages.

use serde::{Deserialize, Serialize};

use crate::json::quoted;

/// One interface of one container on one network (specification, section 3, "Attachment").
///
/// The three names identify it in every version of the specification. That is why this type is
/// exhaustive, unlike most of this crate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The name of the network, from the configuration.
    pub network: String,
    /// The id of the container, `CNI_CONTAINERID`.
    pub container_id: String,
    /// The name of the interface in the container, `CNI_IFNAME`.
    pub ifname: String,
}

impl Attachment {
    /// Returns the attachment with these names.
    pub fn new(
        network: impl Into<String>,
        container_id: impl Into<String>,
        ifname: impl Into<String>,
    ) -> Self {
        Self { network: network.into(), container_id: container_id.into(), ifname: ifname.into() }
    }

    /// Returns a key for what concerns a network as a whole: no container, no interface.
    pub fn of_network(network: impl Into<String>) -> Self {
        Self { network: network.into(), ..Self::default() }
    }
}

/// Checks a container id (specification, section 2).
///
/// It is a letter or digit, followed by letters, digits, `_`, `.` and `-`.
///
/// # Errors
///
/// What is wrong, to be printed after the name of the variable.
pub fn check_container_id(id: &str) -> Result<(), String> {
    check_identifier("a container id", id)
}

/// Checks a network name, by the same rule (specification, section 1).
///
/// # Errors
///
/// What is wrong, to be printed after the key.
pub fn check_network(name: &str) -> Result<(), String> {
    check_identifier("a network name", name)
}

/// The rule in the words of the specification.
const RULE: &str = "must start with an alphanumeric character, optionally followed by any \
                    combination of alphanumeric characters, underscore (_), dot (.) or hyphen (-)";

fn check_identifier(what: &str, name: &str) -> Result<(), String> {
    let Some(first) = name.chars().next() else { return Err(format!("{what} must not be empty")) };
    let shown = quoted(name);
    if !first.is_ascii_alphanumeric() {
        return Err(format!("{shown} begins with {first:?}; {what} {RULE}"));
    }
    match name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-')) {
        Some(bad) => Err(format!("{shown} contains {bad:?}; {what} {RULE}")),
        None => Ok(()),
    }
}

/// The kernel's limit: IFNAMSIZ without the final NUL.
const IFNAME_BYTES: usize = 15;

/// Checks the name of an interface by the rule of the kernel.
///
/// It has 1 to 15 bytes, is not `.` or `..`, and does not contain `/`, `:` and white space.
///
/// # Errors
///
/// What is wrong, to be printed after the name of the variable.
pub fn check_ifname(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("an interface name must not be empty".to_owned());
    }
    if name.len() > IFNAME_BYTES {
        return Err(format!(
            "{name:?} is longer than {IFNAME_BYTES} bytes, which is the kernel's limit"
        ));
    }
    if name == "." || name == ".." {
        return Err(format!("{name:?} is not an interface name"));
    }
    match name.chars().find(|c| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control()) {
        Some(bad) => Err(format!("{name:?} contains {bad:?}, which an interface name can't")),
        None => Ok(()),
    }
}
