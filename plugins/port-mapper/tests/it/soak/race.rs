//! Several containers request the same host port at the same moment.

use cni_test_kit::{Host, Outcome};
use serde_json::json;

use crate::common::own_rules::own_rules;
use crate::common::{add, del, fake_container, plugin, scripted, tcp};

on_every_backend!(one_of_several_concurrent_adds_gets_the_port_and_the_others_name_its_owner);

const RACERS: usize = 6;

fn one_of_several_concurrent_adds_gets_the_port_and_the_others_name_its_owner(
    backend: &'static str,
) {
    let _load = super::loads_the_machine();
    let rounds = if super::is_long() { 200 } else { 6 };
    let host = Host::new();
    let (dir, mut network) = scripted("10.0.0.2/24");
    network["backend"] = json!(backend);
    network["conflictTimeout"] = json!(0);
    let calls: Vec<_> = (0..RACERS)
        .map(|number| {
            fake_container(&host, &dir, &network, &format!("racer{number}"), &[tcp(8080, 80)])
        })
        .collect();
    let other = fake_container(&host, &dir, &network, "other", &[tcp(9000, 80)]);
    for round in 0..rounds {
        // In every second round the chain exists already, so that creating it does not decide.
        if round % 2 == 1 {
            add(&other);
        }
        let before = own_rules(&host, backend);
        let running: Vec<_> = calls.iter().map(|call| call.start(plugin())).collect();
        let outcomes: Vec<_> = running.into_iter().map(|call| call.finish()).collect();
        let winner = only_winner(&outcomes);
        for (number, outcome) in outcomes.iter().enumerate().filter(|(number, _)| *number != winner)
        {
            let (code, msg, _) = outcome.error();
            let named = format!("belongs to container racer{winner} ");
            assert!(code == 105 && msg.contains(&named), "{round}: {number}: {code} {msg}");
        }
        let rules = own_rules(&host, backend);
        let has = |number: usize| rules.contains(&format!("container_id: racer{number}"));
        let owners: Vec<_> = (0..RACERS).filter(|number| has(*number)).collect();
        assert_eq!(owners, [winner], "{backend}, round {round}: {rules}");
        let files = host.sh("ls -A /run/mesos-cni-port-mapper | grep -v ^other~");
        assert_eq!(files.matches(".json").count(), 1, "{backend}, round {round}: {files}");
        calls.iter().for_each(|call| drop(del(call)));
        assert_eq!(own_rules(&host, backend), before, "{backend}, round {round}: nothing is left");
        del(&other);
    }
    println!(
        "{backend}: {rounds} races of {RACERS} for one host port: one got it, the others named it"
    );
}

fn only_winner(outcomes: &[Outcome]) -> usize {
    let won = |(number, outcome): (usize, &Outcome)| (outcome.code() == Some(0)).then_some(number);
    let winners: Vec<_> = outcomes.iter().enumerate().filter_map(won).collect();
    assert_eq!(winners.len(), 1, "{winners:?} won: {outcomes:?}");
    winners[0]
}
