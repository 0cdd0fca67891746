//! Whether a failed listing means that this host has no rules of ours.
//!
//! The kernel's answer ([`presence`](crate::backend::presence)) decides. The message of a program
//! counts only if the kernel does not prove that there are none.

use crate::backend::presence::Presence;
use crate::error::Error;

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
pub(super) fn lacks_table(message: &str) -> bool {
    LACKS_TABLE.iter().any(|text| message.contains(text))
}

/// Reports whether the listing of a table that nothing has created yet failed for that reason.
///
/// iptables-nft-save 1.8.2 does so, and writes it to stdout. Other versions list nothing.
pub(super) fn names_missing_table(stdout: &[u8]) -> bool {
    let stdout = String::from_utf8_lossy(stdout);
    stdout.starts_with("Table ") && stdout.trim_end().ends_with("does not exist")
}

/// Reports whether an error is worth asking the kernel. Others are transient: the program was
/// stopped at its deadline, or another program held the lock.
pub(super) fn is_lasting(error: &Error) -> bool {
    matches!(error, Error::Missing { .. } | Error::Unfit { .. } | Error::Iptables { .. })
}

/// Decides whether a listing that failed for a lasting reason proves that there are no rules.
///
/// `known` says that a claim's rules were searched, not those of any owner: a program that is
/// missing proves nothing about rules that an ADD made with it.
pub(super) fn is_proven(presence: Presence, error: &Error, known: bool) -> bool {
    let is_missing = matches!(error, Error::Missing { .. });
    let reports_it = matches!(error, Error::Iptables { message, .. } if lacks_table(message));
    match presence {
        Presence::Absent => true,
        Presence::Possible => !known && (is_missing || reports_it),
        Presence::Unknown => !known && is_missing || reports_it,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(message: &str) -> Error {
        Error::Iptables {
            program: "ip6tables-save".into(),
            action: "listing rules",
            status: "exit status: 1".to_owned(),
            message: message.to_owned(),
        }
    }

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

    #[test]
    fn the_kernel_decides_and_the_program_only_where_the_kernel_does_not_answer() {
        use Presence::{Absent, Possible, Unknown};
        let missing =
            Error::Missing { program: "ip6tables-save".into(), searched: "/bin".to_owned() };
        let lacks = failed("Table does not exist (do you need to insmod?)");
        let other = failed("out of luck");
        let unfit = Error::Unfit { program: "iptables-save".into(), why: "x".to_owned() };
        let proven =
            |presence, error: &Error| [true, false].map(|known| is_proven(presence, error, known));
        for error in [&missing, &lacks, &other, &unfit] {
            assert_eq!(proven(Absent, error), [true, true], "{error}");
        }
        for error in [&other, &unfit] {
            assert_eq!([proven(Possible, error), proven(Unknown, error)], [[false; 2]; 2]);
        }
        assert_eq!([proven(Possible, &missing), proven(Unknown, &missing)], [[false, true]; 2]);
        assert_eq!(proven(Possible, &lacks), [false, true]);
        assert_eq!(proven(Unknown, &lacks), [true, true]);
    }

    #[test]
    fn errors_that_may_be_transient_are_never_taken_for_absence() {
        let locked = Error::XtablesLocked {
            changes: 0,
            waited: std::time::Duration::ZERO,
            message: "Table does not exist".to_owned(),
        };
        assert!(!is_lasting(&locked));
    }
}
