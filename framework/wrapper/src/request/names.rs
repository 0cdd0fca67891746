//! What container ids, interface names and network names may look like.
//!
//! The same rules for every version of the specification: the older ones say less, but no plugin and no
//! runtime in use accepts more, and a name ends up in rules, files and messages.

use crate::json::quoted;

/// A container id: not empty, begins alphanumeric, then letters, digits, `_`, `.`, `-` (specification, section 2).
///
/// # Errors
///
/// What is wrong, as the end of a sentence that begins with the variable's name.
pub fn check_container_id(id: &str) -> Result<(), String> {
    check_identifier("a container id", id)
}

/// A network name, by the same rule (specification, section 1).
///
/// # Errors
///
/// What is wrong, as the end of a sentence that begins with the key.
pub fn check_network(name: &str) -> Result<(), String> {
    check_identifier("a network name", name)
}

fn check_identifier(what: &str, name: &str) -> Result<(), String> {
    let Some(first) = name.chars().next() else { return Err(format!("{what} must not be empty")) };
    let shown = quoted(name);
    if !first.is_ascii_alphanumeric() {
        return Err(format!("{shown} must begin with a letter or digit, as {what} does"));
    }
    match name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-')) {
        Some(bad) => Err(format!(
            "{shown} contains {bad:?}; {what} is made of letters, digits, '_', '.' and '-'"
        )),
        None => Ok(()),
    }
}

/// The kernel's limit: IFNAMSIZ less the final NUL.
const IFNAME_BYTES: usize = 15;

/// An interface name that the kernel accepts: 1 to 15 bytes, not `.` or `..`, no `/`, `:` or white space.
///
/// # Errors
///
/// What is wrong, as the end of a sentence that begins with the variable's name.
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
        return Err(format!("{name:?} is no interface name"));
    }
    match name.chars().find(|c| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control()) {
        Some(bad) => Err(format!("{name:?} contains {bad:?}, which an interface name can't")),
        None => Ok(()),
    }
}
