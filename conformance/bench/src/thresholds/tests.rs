use super::*;
use crate::figures::{Processes, Trace, Traffic};
use crate::sample;

fn threshold<'a>(thresholds: &'a [Threshold], start: &str) -> &'a Threshold {
    let found = thresholds.iter().find(|threshold| threshold.name.starts_with(start));
    found.unwrap_or_else(|| panic!("no threshold begins with `{start}`"))
}

#[test]
fn a_ratio_of_medians_is_compared_with_its_limit() {
    let mut figures = sample::figures();
    sample::set(&mut figures, OURS, 0, 3.6, 9.0);
    sample::set(&mut figures, PORTMAP_NFT, 0, 30.0, 90.0);
    let thresholds = judge(&figures);
    let add = threshold(&thresholds, "nftables ADD / portmap iptables-nft, 0 existing");
    assert_eq!(add.verdict, Verdict::Met, "{add:?}");
    sample::set(&mut figures, OURS, 0, 3.7, 9.0);
    let thresholds = judge(&figures);
    let add = threshold(&thresholds, "nftables ADD / portmap iptables-nft, 0 existing");
    assert_eq!(add.verdict, Verdict::Missed);
}

#[test]
fn a_missing_figure_misses_its_threshold() {
    let mut figures = sample::figures();
    figures.rows.retain(|row| row.name != OURS);
    let thresholds = judge(&figures);
    assert_eq!(threshold(&thresholds, "nftables ADD, 10000 existing").verdict, Verdict::Missed);
    assert_eq!(threshold(&thresholds, "mesos-cni-port-mapper").verdict, Verdict::Missed);
}

#[test]
fn a_figure_that_is_not_measured_misses_no_threshold() {
    let mut figures = sample::figures();
    figures.existing = vec![0, 1000];
    for row in &mut figures.rows {
        row.calls.retain(|calls| calls.existing != MANY);
    }
    let thresholds = judge(&figures);
    assert_eq!(
        threshold(&thresholds, "nftables ADD, 10000 existing").verdict,
        Verdict::NotMeasured
    );
    assert_ne!(threshold(&thresholds, "nftables ADD / portmap").verdict, Verdict::NotMeasured);
}

#[test]
fn failed_calls_have_no_ratio() {
    let mut figures = sample::figures();
    figures.rows[0].calls[0].add.failed = 1;
    let thresholds = judge(&figures);
    let add = threshold(&thresholds, "nftables ADD / portmap iptables-nft, 0 existing");
    assert_eq!((add.measured, add.verdict), (None, Verdict::Missed));
}

#[test]
fn connections_have_a_lower_limit() {
    let mut figures = sample::figures();
    let traffic = |existing, per_second| Traffic { existing, per_second, ..Traffic::default() };
    figures.rows[0].traffic = vec![traffic(0, 1000.0), traffic(MANY, 949.0)];
    let missed = judge(&figures);
    assert_eq!(threshold(&missed, "nftables connections").verdict, Verdict::Missed);
    figures.rows[0].traffic[1].per_second = 951.0;
    assert_eq!(threshold(&judge(&figures), "nftables connections").verdict, Verdict::Met);
}

#[test]
fn iptables_processes_are_counted_per_family_and_verb() {
    let mut figures = sample::figures();
    let trace = |programs: &[&str]| Trace {
        processes: programs.len(),
        programs: programs.iter().map(|name| (*name).to_owned()).collect(),
    };
    let two = trace(&["x", "iptables-nft-save", "iptables-nft-restore", "ip6tables-nft-save"]);
    let row = figures.rows.iter_mut().find(|row| row.name == "iptables-nft").unwrap();
    row.processes = Some(Processes { add: two.clone(), del: two });
    let thresholds = judge(&figures);
    assert_eq!(threshold(&thresholds, "iptables-nft iptables processes").measured, Some(2.0));
}
