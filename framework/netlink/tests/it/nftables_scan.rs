//! Rules of iptables-nft and nft, read in place.

use std::fs;

use cni_netlink::nftables::{Family, Kernel, RuleView, Table};

use crate::host::{inside, run};

const RULES: &str = "*nat
:ONE - [0:0]
:TWO - [0:0]
-A PREROUTING -m comment --comment elsewhere -j TWO
-A PREROUTING -m addrtype --dst-type LOCAL -j ONE
-A ONE -p tcp -m tcp --dport 80 -m comment --comment \"a tag\" -j DNAT --to-destination 10.0.0.2:80
-A TWO -p tcp -m tcp --dport 81 -j RETURN
COMMIT
";

/// Describes what a view shows of a rule.
fn described(rule: &RuleView<'_>) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let matches: Vec<String> =
        rule.expressions().filter_map(|one| one.xtables_match().map(text)).collect();
    Some(format!(
        "{}: {} {} -> {}",
        text(rule.chain()),
        matches.join(","),
        rule.comment().map(text).unwrap_or_default(),
        rule.target().unwrap_or_default()
    ))
}

fn scan(table: &Table, chain: Option<&str>) -> Vec<String> {
    Kernel::open().expect("a socket").scan_rules(table, chain, described).expect("a list")
}

#[test]
fn rules_of_iptables_are_shown_with_their_matches_comments_and_targets() {
    inside(|| {
        fs::write("/run/rules", RULES).expect("written");
        run("iptables-nft-restore /run/rules");
        let nat = Table::new(Family::Ip, "nat");
        let prerouting = ["PREROUTING: comment elsewhere -> TWO", "PREROUTING: addrtype  -> ONE"];
        let one = "ONE: comment a tag -> ";
        let all = [prerouting[0], prerouting[1], one, "TWO:   -> "];
        assert_eq!(sorted(scan(&nat, None)), sorted(all.map(str::to_owned).to_vec()));
        assert_eq!(scan(&nat, Some("PREROUTING")), prerouting);
        assert_eq!(scan(&nat, Some("ONE")), [one]);
    });
}

#[test]
fn comments_of_nft_are_shown_too() {
    inside(|| {
        run("nft add table ip nat");
        run("nft add chain ip nat one");
        run("nft add rule ip nat one tcp dport 80 accept comment \"a-tag\"");
        let nat = Table::new(Family::Ip, "nat");
        assert_eq!(scan(&nat, Some("one")), ["one:  a-tag -> "]);
    });
}

#[test]
fn only_the_requested_table_and_chain_are_listed_and_a_missing_one_is_empty() {
    inside(|| {
        let nat = Table::new(Family::Ip, "nat");
        assert_eq!(scan(&nat, None), [] as [&str; 0], "no table");
        for table in ["ip nat", "ip other", "ip6 nat"] {
            run(&format!("nft add table {table}"));
            run(&format!("nft add chain {table} one"));
            run(&format!(
                "nft add rule {table} one accept comment \"{}\"",
                table.replace(' ', "-")
            ));
        }
        run("nft add chain ip nat two");
        run("nft add rule ip nat two accept");
        assert_eq!(scan(&nat, Some("one")), ["one:  ip-nat -> "]);
        assert_eq!(scan(&nat, None), ["one:  ip-nat -> ", "two:   -> "]);
        assert_eq!(scan(&nat, Some("three")), [] as [&str; 0], "no chain");
        let six = Table::new(Family::Ip6, "nat");
        assert_eq!(scan(&six, None), ["one:  ip6-nat -> "]);
    });
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
