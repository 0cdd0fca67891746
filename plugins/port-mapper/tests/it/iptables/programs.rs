//! Which programs run how often, and what they wait for.

use std::fs;
use std::time::Instant;

use async_std::task::block_on;
use port_mapper::backend::Backend;
use port_mapper::backend::iptables::Variant;
use port_mapper::claim::Claim;
use serde_json::json;

use super::fixture::{Fixture, LOCK_TIMEOUT, claim, on_both, one};
use crate::common::{is_locked, wait_until};

#[test]
fn add_check_and_del_run_two_programs_at_most_and_list_no_rules_of_others() {
    let (list, change) = ("iptables-restore", "iptables-restore");
    on_both(|fixture| {
        let rules: String =
            (0..2000).map(|n| format!("-A SVC -p tcp -m tcp --dport {n}\n")).collect();
        let text = format!("*nat\n:SVC - [0:0]\n-A PREROUTING -j SVC\n{rules}COMMIT\n");
        fs::write(fixture.file("others"), text).unwrap();
        fixture.iptables(&format!(
            "-V; iptables-{}-restore --noflush <{}",
            fixture.variant,
            fixture.file("others").display()
        ));
        let before = fixture.snapshot();
        fixture.runs();
        fixture.install(&one("c1", 80)).unwrap();
        assert_eq!(fixture.runs(), [list, change], "the first ADD, which creates the chains");
        fixture.install(&one("c2", 81)).unwrap();
        assert_eq!(fixture.runs(), [list, change], "another ADD");
        fixture.install(&one("c2", 81)).unwrap();
        assert_eq!(fixture.runs(), [list], "nothing to change");
        block_on(fixture.backend().check(&one("c1", 80))).unwrap();
        assert_eq!(fixture.runs(), [list], "CHECK");
        let elsewhere = Claim { chain: "NEXT".to_owned(), ..one("c3", 82) };
        fixture.install(&elsewhere).unwrap();
        assert_eq!(
            fixture.runs(),
            [list, list, change],
            "an ADD that also lists another network's chain"
        );
        for claim in [one("c1", 80), elsewhere, one("c2", 81)] {
            fixture.remove_known(&claim);
            assert_eq!(fixture.runs(), [list, change], "DEL of {}", claim.owner.container_id);
        }
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn a_thousand_mappings_take_one_change() {
    on_both(|fixture| {
        let before = fixture.snapshot();
        let many: Vec<_> = (1..=1000)
            .map(|port| json!({"hostPort": port, "containerPort": 80, "protocol": "tcp"}))
            .collect();
        let claim = claim("c1", json!(many));
        fixture.runs();
        fixture.install(&claim).unwrap();
        assert_eq!(fixture.runs(), ["iptables-restore"; 2], "one listing, one change");
        block_on(fixture.backend().check(&claim)).unwrap();
        assert_eq!(fixture.runs(), ["iptables-restore"], "CHECK");
        fixture.remove_known(&claim);
        assert_eq!(fixture.runs(), ["iptables-restore"; 2], "DEL");
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn a_held_xtables_lock_is_waited_for_and_then_reported() {
    let fixture = Fixture::new(Variant::Legacy, "legacy");
    let mut holder =
        fixture.host.command("flock").args(["/run/xtables.lock", "sleep", "600"]).spawn().unwrap();
    wait_until("the lock is held", || is_locked(&fixture.host, "/run/xtables.lock"));
    let started = Instant::now();
    let error = fixture.install(&one("c1", 80)).unwrap_err();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(error.code(), 11, "{error}");
    assert!(started.elapsed() >= LOCK_TIMEOUT, "it waited for {:?}", started.elapsed());
}
