//! Whether the process runs without the privileges of root.

use std::fs;

/// Whether the process is not root on the machine: an ordinary user, or root in a user namespace.
pub fn rootless() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !rustix::process::geteuid().is_root() || !is_identity(&map)
}

/// Whether every user id maps to itself.
fn is_identity(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::is_identity;

    #[test]
    fn only_the_initial_user_namespace_maps_all_ids_to_themselves() {
        assert!(is_identity("         0          0 4294967295\n"));
        assert!(!is_identity("         0       1000          1\n"));
        assert!(!is_identity(""));
    }
}
