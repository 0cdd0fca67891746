//! Validation of chain names.

/// The maximum length of a chain name in iptables, in bytes.
const MAX_LENGTH: usize = 28;

/// Names that are reserved: iptables's own chains and targets, and this plugin's auxiliary chains.
const RESERVED: [&str; 52] = [
    "ACCEPT",
    "DROP",
    "RETURN",
    "QUEUE",
    "PREROUTING",
    "INPUT",
    "FORWARD",
    "OUTPUT",
    "POSTROUTING",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CLUSTERIP",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DNAT",
    "DNPT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "LOG",
    "MARK",
    "MASQUERADE",
    "MIRROR",
    "NETMAP",
    "NFLOG",
    "NFQUEUE",
    "NOTRACK",
    "RATEEST",
    "REDIRECT",
    "REJECT",
    "SAME",
    "SECMARK",
    "SET",
    "SNAT",
    "SNPT",
    "SYNPROXY",
    "TARPIT",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TPROXY",
    "TRACE",
    "TTL",
    "ULOG",
    "PORT-MAPPER-MASQ",
    "PORT-MAPPER-GUARD",
];

/// Checks that a chain can have this name.
///
/// # Errors
///
/// A message with the name, what is wrong with it, and what to do.
pub(super) fn check(name: &str) -> Result<(), String> {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| first(c) || matches!(c, '.' | '/' | ':' | '-');
    if name.is_empty() {
        return Err("\"\" is not a chain name; set one, or leave out the key".to_owned());
    }
    if name.len() > MAX_LENGTH {
        let length = name.len();
        return Err(format!("{name:?} has {length} bytes; iptables allows at most {MAX_LENGTH}"));
    }
    if let Some(bad) = name.chars().find(|&c| !rest(c)) {
        return Err(format!("{name:?} contains {bad:?}; use letters, digits and _ . / : -"));
    }
    if !name.starts_with(first) {
        return Err(format!("{name:?} must begin with a letter, a digit or _"));
    }
    // The comparison ignores case, since a chain that differs from a target only in case would
    // confuse readers.
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(format!(
            "{name:?} is reserved by iptables or this plugin; choose another name"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_names_that_the_original_accepted_are_accepted() {
        for name in
            ["MESOS", "M", "MESOS-TEST-PORT-MAPPER-CHAIN", "a/b.c", "_x", "MESOS:1", "ACCEPT2"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_iptables_or_a_shell_would_misinterpret_are_refused() {
        for name in [
            "",
            "-x",
            "!x",
            ".x",
            "a b",
            "a\tb",
            "x; touch /tmp/y",
            "$(x)",
            "`x`",
            "a\"b",
            "a'b",
            "a\\b",
            "ä",
            "ACCEPT",
            "accept",
            "PREROUTING",
            "Dnat",
            "MARK",
            "port-mapper-masq",
            "x\ny",
            "MESOS-TEST-PORT-MAPPER-CHAINS",
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
