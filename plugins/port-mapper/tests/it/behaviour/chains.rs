//! Who made a chain: what we made is removed with the last container, and what another program made
//! stays as it was.

use serde_json::json;

use super::not_ours::chain_with_jumps;
use super::testbed::{RulesTestbed, STATE, files};
use crate::common::{add, del, nat, plugin, tcp};

on_both_iptables!(
    a_chain_that_we_made_goes_with_the_last_del_even_if_it_has_the_name_of_docker,
    the_record_of_a_chain_goes_with_the_last_del,
    a_chain_of_ours_stays_ours_when_an_operator_puts_a_rule_into_it,
    a_chain_of_ours_that_another_program_deleted_and_made_again_is_that_programs,
    an_add_again_without_mappings_leaves_the_empty_chain_of_an_operator,
    copies_of_the_jumps_to_an_empty_chain_go_and_the_chain_stays,
);

/// The file that records who made which chain.
const RECORD: &str = "chains";

fn a_chain_that_we_made_goes_with_the_last_del_even_if_it_has_the_name_of_docker(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("before", &[tcp(80, 80)]));
    del(&testbed.call("before", &[]));
    let before = nat(&testbed.host, backend);
    for chain in ["DOCKER", "CNI-HOSTPORTS", "MESOS"] {
        let call = |id: &str, port| testbed.call(id, &[tcp(port, 80)]).key("chain", json!(chain));
        let (one, two) = (call("c1", 8080), call("c2", 8081));
        add(&one);
        add(&two);
        del(&one);
        assert!(nat(&testbed.host, backend).contains(&format!("-j {chain}")), "{chain} is in use");
        del(&two);
        assert_eq!(nat(&testbed.host, backend), before, "{chain}");
        assert_eq!(files(&testbed.host, STATE), ["lock"], "{chain}");
    }
}

fn the_record_of_a_chain_goes_with_the_last_del(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    chain_with_jumps(&testbed, "OPERATOR");
    let call = |id: &str, port| testbed.call(id, &[tcp(port, 80)]).key("chain", json!("OPERATOR"));
    let (one, two) = (call("c1", 8080), call("c2", 8081));
    add(&one);
    add(&two);
    del(&one);
    assert!(files(&testbed.host, STATE).contains(&RECORD.to_owned()), "c2 needs it");
    del(&two);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn a_chain_of_ours_stays_ours_when_an_operator_puts_a_rule_into_it(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("before", &[tcp(80, 80)]));
    del(&testbed.call("before", &[]));
    let before = nat(&testbed.host, backend);
    let call = |id: &str, port| testbed.call(id, &[tcp(port, 80)]).key("chain", json!("MESOS"));
    let (one, two) = (call("c1", 8080), call("c2", 8081));
    add(&one);
    testbed.tool("-t nat -A MESOS -i eth9 -j RETURN");
    del(&one);
    assert!(nat(&testbed.host, backend).contains("-A MESOS -i eth9 -j RETURN"), "it is kept");
    let outcome = two.run(plugin()).expect_success();
    assert!(!outcome.stderr.contains("exists already"), "we made it: {outcome}");
    testbed.tool("-t nat -D MESOS -i eth9 -j RETURN");
    del(&two);
    assert_eq!(nat(&testbed.host, backend), before);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn a_chain_of_ours_that_another_program_deleted_and_made_again_is_that_programs(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let call = |id: &str, port| testbed.call(id, &[tcp(port, 80)]).key("chain", json!("DOCKER"));
    let (one, two) = (call("c1", 8080), call("c2", 8081));
    add(&one);
    // As dockerd does when it starts.
    let jumps = nat(&testbed.host, backend);
    for jump in jumps.lines().filter(|line| line.ends_with("-j DOCKER")) {
        testbed.tool(&format!("-t nat {}", jump.replacen("-A", "-D", 1)));
    }
    testbed.tool("-t nat -F DOCKER");
    testbed.tool("-t nat -X DOCKER");
    chain_with_jumps(&testbed, "DOCKER");
    add(&two);
    del(&two);
    del(&one);
    let after = nat(&testbed.host, backend);
    let left: Vec<&str> = after.lines().filter(|line| line.contains("DOCKER")).collect();
    assert_eq!(left.len(), 3, "the chain and its two jumps: {after}");
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn an_add_again_without_mappings_leaves_the_empty_chain_of_an_operator(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    chain_with_jumps(&testbed, "OPERATOR");
    let before = nat(&testbed.host, backend);
    let call = |mappings: &[_]| testbed.call("c1", mappings).key("chain", json!("OPERATOR"));
    add(&call(&[tcp(8080, 80)]));
    add(&call(&[]));
    let operators = |rules: &str| {
        let lines = rules.lines().filter(|line| line.contains("OPERATOR"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(operators(&nat(&testbed.host, backend)), operators(&before));
    del(&call(&[]));
    assert_eq!(nat(&testbed.host, backend), before);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

/// The original leaves such copies, and its empty chain can't be told from one of an operator.
fn copies_of_the_jumps_to_an_empty_chain_go_and_the_chain_stays(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    chain_with_jumps(&testbed, "OPERATOR");
    let before = nat(&testbed.host, backend);
    testbed.tool("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j OPERATOR");
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("chain", json!("OPERATOR"));
    let result = call.run(plugin()).json();
    let check = call.clone().key("prevResult", result).as_verb("CHECK").run(plugin());
    assert_eq!(check.code(), Some(0), "{check}");
    del(&call);
    assert_eq!(nat(&testbed.host, backend), before);
}
