//! Tables of iptables' legacy variant.

use std::fs;

use cni_netlink::xtables::{Chain, Family, chains, comments};

use crate::host::{inside, run};

#[test]
fn comments_of_legacy_rules_are_listed_in_order_and_those_of_each_family() {
    inside(|| {
        for (program, address) in [("iptables", "192.0.2.1"), ("ip6tables", "2001:db8::1")] {
            let rules: String = (0..300)
                .map(|n| {
                    format!(
                        "-A ONE -d {address} -p tcp -m tcp --dport {n} -m comment --comment \
                         \"{program} {n}\" -j RETURN\n"
                    )
                })
                .collect();
            let text = format!("*nat\n:ONE - [0:0]\n-A PREROUTING -j ONE\n{rules}COMMIT\n");
            fs::write("/run/rules", text).expect("written");
            run(&format!("{program}-legacy-restore /run/rules"));
        }
        for (family, program) in [(Family::Ip, "iptables"), (Family::Ip6, "ip6tables")] {
            let expected: Vec<String> = (0..300).map(|n| format!("{program} {n}")).collect();
            assert_eq!(comments(family, "nat").expect("a list"), expected);
        }
    });
}

#[test]
fn a_table_that_does_not_exist_is_an_error_that_names_it() {
    inside(|| {
        let error = comments(Family::Ip, "no-such-table").expect_err("there is no such table");
        assert!(error.to_string().contains("legacy table no-such-table"), "{error}");
    });
}

#[test]
fn chains_are_listed_with_their_rules_and_the_jumps_to_them() {
    inside(|| {
        for (family, program) in [(Family::Ip, "iptables"), (Family::Ip6, "ip6tables")] {
            let restore = |text: &str| {
                fs::write("/run/rules", text).expect("written");
                run(&format!("{program}-legacy-restore --noflush /run/rules"));
                chains(family, "raw").expect("a list")
            };
            assert_eq!(restore("*raw\nCOMMIT\n"), [], "{program}: built-in chains are left out");
            let found = restore(
                "*raw\n:EMPTY - [0:0]\n:ERROR - [0:0]\n:ONE - [0:0]\n-A ONE -j EMPTY\n\
                 -A ONE -p tcp -m tcp --dport 80 -j DROP\n-A PREROUTING -j ONE\n\
                 -A OUTPUT -g ONE\n-A OUTPUT -j ACCEPT\nCOMMIT\n",
            );
            let chain = |name: &str, rules, jumps| Chain { name: name.to_owned(), rules, jumps };
            let expected = [chain("EMPTY", 0, 1), chain("ERROR", 0, 0), chain("ONE", 2, 2)];
            assert_eq!(found, expected, "{program}");
        }
    });
}
