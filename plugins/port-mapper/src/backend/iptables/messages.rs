//! What versions of iptables report if the kernel lacks what a listing needs.
//!
//! Such a message counts only where the kernel itself can't be asked: see
//! [`remains`](crate::backend::remains).

/// What iptables reports if the kernel lacks a table, a family or nf_tables as a whole.
const LACKS_TABLE: [&str; 7] = [
    // iptables-legacy without the table's module, or without ip_tables or ip6_tables.
    "Table does not exist",
    "do you need to insmod?",
    // Without IPv6.
    "Address family not supported",
    // iptables-nft without nf_tables or its NAT, in several versions.
    "Protocol not supported",
    "Operation not supported",
    "Failed to initialize nft: Invalid argument",
    "rule set generation id: Invalid argument",
];

/// Reports whether the kernel lacks what a listing needs, by the message of any version.
pub(in crate::backend) fn lacks_table(message: &str) -> bool {
    LACKS_TABLE.iter().any(|text| message.contains(text))
}

/// Reports whether the listing of a table that nothing has created yet failed for that reason.
///
/// iptables-nft-save 1.8.2 does so, and writes it to stdout. Other versions list nothing.
pub(super) fn names_missing_table(stdout: &[u8]) -> bool {
    let stdout = String::from_utf8_lossy(stdout);
    stdout.starts_with("Table ") && stdout.trim_end().ends_with("does not exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of several versions, from public reports.
    #[test]
    fn messages_of_kernels_without_a_table_are_recognised_in_every_version() {
        for message in [
            "ip6tables v1.4.20: can't initialize ip6tables table `nat': Table does not exist \
             (do you need to insmod?); Perhaps ip6tables or your kernel needs to be upgraded.",
            "iptables v1.3.5: can't initialize iptables table filter: iptables who? \
             (do you need to insmod?)",
            "ip6tables-save v1.8.7 (legacy): Cannot initialize: Table does not exist \
             (do you need to insmod?)",
            "ip6tables-save v1.6.1: Cannot initialize: Address family not supported by protocol",
            "iptables/1.8.2 Failed to initialize nft: Protocol not supported",
            "iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: \
             Invalid argument",
        ] {
            assert!(lacks_table(message), "{message}");
        }
        for message in [
            "Could not fetch rule set generation id: Permission denied (you must be root)",
            "Another app is currently holding the xtables lock",
            "Warning: Extension comment revision 0 not supported, missing kernel module?",
            "it printed no error message",
        ] {
            assert!(!lacks_table(message), "{message}");
        }
    }

    #[test]
    fn only_the_sentence_about_a_missing_table_makes_a_failed_listing_an_empty_one() {
        assert!(names_missing_table(b"Table 'nat' does not exist\n"));
        assert!(names_missing_table(b"Table `nat' does not exist"));
        assert!(!names_missing_table(b""));
        assert!(!names_missing_table(b"# Table `nat' is incompatible, use 'nft' tool.\n"));
    }
}
