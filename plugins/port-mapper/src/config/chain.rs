//! Names of iptables chains.

/// iptables keeps 28 bytes of a chain's name.
const LONGEST: usize = 28;

/// Names that mean something to iptables: its chains and its targets; and this plugin's own chains.
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

/// Whether a chain may bear the name.
///
/// # Errors
///
/// The name, what is wrong with it, and what to do.
pub(super) fn check(name: &str) -> Result<(), String> {
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = |c: char| first(c) || matches!(c, '.' | '/' | ':' | '-');
    if name.is_empty() {
        return Err("\"\" is no name for a chain; give one, or leave the key out".to_owned());
    }
    if name.len() > LONGEST {
        let length = name.len();
        return Err(format!("{name:?} has {length} bytes; iptables takes {LONGEST} at most"));
    }
    if let Some(bad) = name.chars().find(|&c| !rest(c)) {
        return Err(format!("{name:?} contains {bad:?}; use letters, digits and _ . / : -"));
    }
    if !name.starts_with(first) {
        return Err(format!("{name:?} must begin with a letter, a digit or _"));
    }
    // In any letter case: a chain that differs from a target by it alone is a trap for people.
    if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
        return Err(format!("{name:?} has a meaning of its own there; choose another name"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_original_took_rightly_are_good() {
        for name in
            ["MESOS", "M", "MESOS-TEST-PORT-MAPPER-CHAIN", "a/b.c", "_x", "MESOS:1", "ACCEPT2"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_iptables_or_a_shell_would_take_otherwise_are_refused() {
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
