//! Whether this is an ordinary user.

use std::fs;

/// Whether this is not the machine's root: an ordinary user, or root of a user namespace only.
pub fn rootless() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !rustix::process::geteuid().is_root() || !is_whole(&map)
}

/// Whether every user id stands for itself.
fn is_whole(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn only_the_machines_own_user_ids_are_whole() {
        assert!(is_whole("         0          0 4294967295\n"));
        assert!(!is_whole("         0       1000          1\n"));
        assert!(!is_whole(""));
    }
}
