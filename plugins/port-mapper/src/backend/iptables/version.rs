//! Versions of iptables.

/// The oldest that has `-w`, and with it a lock that others keep.
pub(super) const OLDEST: [u32; 3] = [1, 4, 20];

/// The oldest whose iptables-restore takes the lock itself, and has `-w`.
pub(super) const WAITS: [u32; 3] = [1, 6, 2];

/// The numbers of `iptables v1.8.9 (nf_tables)`; `None` when there are none.
pub(super) fn parse(text: &str) -> Option<[u32; 3]> {
    let numbers = text.split_ascii_whitespace().find_map(|word| word.strip_prefix('v'))?;
    let mut parts = numbers.split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    });
    let mut next = || parts.next().unwrap_or(Some(0));
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(parse("iptables v1.8.9 (nf_tables)"), Some([1, 8, 9]));
        assert_eq!(parse("iptables v1.4.19.1"), Some([1, 4, 19]));
        assert_eq!(parse("iptables v1.6"), Some([1, 6, 0]));
        assert_eq!(parse("iptables vx"), None);
        assert_eq!(parse(""), None);
        assert!(parse("iptables v1.4.9").unwrap() < OLDEST);
    }
}
