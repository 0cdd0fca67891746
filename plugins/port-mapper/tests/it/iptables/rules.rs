//! Rules that are installed, checked, repaired and removed.

use async_std::task::block_on;
use port_mapper::backend::Backend;
use port_mapper::backend::iptables::Variant;

use super::fixture::{Fixture, every_kind, on_both, one};

#[test]
fn installed_rules_are_listed_as_they_were_written_and_removed_without_a_trace() {
    let long = "x".repeat(300);
    on_both(|fixture| {
        let before = fixture.snapshot();
        let executed = fixture.file("executed");
        let touch = format!("touch {}", executed.display());
        let hostile = format!("a\"\\b'; $({touch}) `{touch}`; {touch} -j DROP #");
        for container in ["c1", &hostile, &long, "ünï"] {
            for (devices, masq_all, snat) in [
                (vec![], false, true),
                (vec!["mesos-cni0"], true, true),
                (vec!["mesos-cni0", "veth+", "a@b=c%d,e~f#g"], false, true),
            ] {
                let mut claim = every_kind(container);
                claim.exclude_devices = devices.into_iter().map(str::to_owned).collect();
                (claim.masq_all, claim.snat) = (masq_all, snat);
                assert!(fixture.install(&claim).unwrap().changed);
                let installed = fixture.snapshot();
                assert!(
                    !fixture.install(&claim).unwrap().changed,
                    "{}: {installed}",
                    fixture.variant
                );
                assert_eq!(fixture.snapshot(), installed);
                block_on(fixture.backend().check(&claim)).unwrap();
                fixture.remove_known(&claim);
                assert_eq!(fixture.snapshot(), before, "{}", fixture.variant);
                fixture.remove(&claim.owner);
            }
        }
        assert!(!executed.exists(), "{}: a container's id was executed", fixture.variant);
    });
}

#[test]
fn the_removal_of_c1_does_not_touch_c10() {
    on_both(|fixture| {
        fixture.install(&one("c10", 81)).unwrap();
        let before = fixture.snapshot();
        fixture.install(&one("c1", 80)).unwrap();
        fixture.remove(&one("c1", 80).owner);
        assert_eq!(fixture.snapshot(), before);
        fixture.install(&one("c1", 80)).unwrap();
        fixture.remove_known(&one("c1", 80));
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn a_listing_leaves_no_trace_on_a_host_without_rules() {
    let fixture = Fixture::new(Variant::Nft, "nft");
    fixture.host.sh("nft flush ruleset");
    let claim = one("c1", 80);
    let error = block_on(fixture.backend().check(&claim)).unwrap_err().to_string();
    assert!(error.contains("missing: -A"), "{error}");
    fixture.remove_known(&claim);
    assert_eq!(fixture.host.sh("nft list ruleset").trim(), "");
}

#[test]
fn a_missing_rule_jump_or_guard_is_found_by_check_and_repaired() {
    on_both(|fixture| {
        let claim = one("c1", 80);
        fixture.install(&claim).unwrap();
        let sorted = |text: String| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let whole = sorted(fixture.snapshot());
        for damage in [
            "-t nat -F MESOS",
            "-t nat -F PORT-MAPPER-MASQ",
            "-t nat -F PREROUTING",
            "-t nat -D OUTPUT -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
            "-t nat -F POSTROUTING",
            "-t raw -F PREROUTING",
            "-t raw -D PORT-MAPPER-GUARD 1",
        ] {
            fixture.iptables(damage);
            let error = block_on(fixture.backend().check(&claim)).unwrap_err().to_string();
            assert!(error.contains("missing: -A"), "{damage}: {error}");
            assert!(fixture.install(&claim).unwrap().changed, "{damage}");
            assert_eq!(sorted(fixture.snapshot()), whole, "{damage}");
            block_on(fixture.backend().check(&claim)).unwrap();
        }
    });
}
