//! Tables of iptables' legacy variant.

use std::fs;

use cni_netlink::xtables::{Family, comments};

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
