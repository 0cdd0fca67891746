//! A claim with very many rules.

use serde_json::json;

use super::testbed::RulesTestbed;
use crate::common::{CHAIN, add, del, nat, tcp};
use crate::programs::executable;

/// The ports of a range that leads to other ports of the container, a rule for each of them.
const PORTS: u16 = 6000;
/// The most rules that iptables-nft may have to delete of these.
const MOST: usize = 1010;

#[test]
fn a_del_of_thousands_of_shifted_ports_leaves_a_few_to_iptables_nft_and_all_rules_of_others() {
    let testbed = RulesTestbed::new("iptables-nft");
    let counters = || testbed.host.sh("iptables-nft-save -t nat -c | grep '^\\[' || true");
    add(&testbed.call("before", &[tcp(80, 80)]));
    del(&testbed.call("before", &[]));
    // One that others use, too, and one that goes.
    for is_shared in [true, false] {
        let before = nat(&testbed.host, testbed.backend);
        let other = testbed.call("other", &[tcp(80, 80)]);
        if is_shared {
            add(&other);
            testbed.tool(&format!("-t nat -A {CHAIN} -i eth9 -c 3 180 -j RETURN"));
        }
        let rules_of_others = counters();
        assert_eq!(rules_of_others.contains("[3:180]"), is_shared, "{rules_of_others}");
        let wide = testbed.runtime(
            "wide",
            json!([{
                "hostPort": 1000, "containerPort": 1001, "protocol": "tcp", "range": PORTS,
            }]),
        );
        add(&wide);
        let name = "iptables-nft-restore";
        let counts = format!("/usr/bin/tee -a /run/input | /usr/sbin/{name} \"$@\"");
        executable(&testbed.plugins.path().join(name), &counts);
        let path = testbed.plugins.cni_path_with("/usr/sbin:/usr/bin:/sbin:/bin");
        testbed.host.run("rm -f /run/input");
        del(&wide.env("PATH", &path));
        let deleted: usize = testbed.host.sh("grep -c '^-D' /run/input").trim().parse().unwrap();
        assert!((1..=MOST).contains(&deleted), "iptables-nft-restore deleted {deleted} rules");
        assert_eq!(counters(), rules_of_others, "rules of others are as before");
        if is_shared {
            testbed.tool(&format!("-t nat -D {CHAIN} -i eth9 -j RETURN"));
            del(&other);
        }
        assert_eq!(nat(&testbed.host, testbed.backend), before);
    }
}
