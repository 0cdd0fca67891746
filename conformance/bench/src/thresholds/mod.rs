//! The thresholds of a run: ratios of its figures, and a few absolute limits.

use serde::{Deserialize, Serialize};

use super::figures::{Calls, Concurrent, Figures, RowFigures, Times};
use super::rows::baseline::{NESTED, NOTHING, TRANSACTION};

/// A threshold with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Threshold {
    pub(crate) name: String,
    pub(crate) limit: f64,
    pub(crate) relation: Relation,
    /// `None` if this run did not measure it.
    pub(crate) measured: Option<f64>,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Relation {
    AtMost,
    AtLeast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    #[serde(rename = "ok")]
    Met,
    #[serde(rename = "MISSED")]
    Missed,
    /// The run has no figures for it, as with `--quick` for 10,000 mappings.
    #[serde(rename = "not measured")]
    NotMeasured,
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Met => "ok",
            Self::Missed => "MISSED",
            Self::NotMeasured => "not measured",
        }
    }
}

const OURS: &str = "nftables";
const PORTMAP_NFT: &str = "portmap iptables-nft";
const MANY: usize = 10_000;
/// The numbers of existing mappings for concurrent calls.
const CONCURRENT: [usize; 2] = [0, 1000];
const MIB: f64 = 1024.0 * 1024.0;

/// Returns all thresholds with their verdicts.
pub(crate) fn judge(figures: &Figures) -> Vec<Threshold> {
    let mut thresholds = Judge { figures, thresholds: Vec::new() };
    thresholds.nftables();
    thresholds.iptables();
    thresholds.baselines();
    thresholds.concurrent();
    thresholds.sizes();
    thresholds.thresholds
}

struct Judge<'a> {
    figures: &'a Figures,
    thresholds: Vec<Threshold>,
}

type Verb = (&'static str, fn(&Calls) -> &Times);
const ADD: Verb = ("ADD", |calls| &calls.add);
const DEL: Verb = ("DEL", |calls| &calls.del);

impl Judge<'_> {
    fn nftables(&mut self) {
        for (verb, with_none, with_many) in [(ADD, 0.12, 0.012), (DEL, 0.25, 0.08)] {
            for (existing, limit) in [(0, with_none), (MANY, with_many)] {
                let measured = self.ratio(verb, (OURS, existing), (PORTMAP_NFT, existing));
                let name = format!("{OURS} {} / {PORTMAP_NFT}, {existing} existing", verb.0);
                self.at_most(&[existing], name, limit, measured);
            }
            let measured = self.ratio(verb, (OURS, MANY), (OURS, 0));
            let name = format!("{OURS} {}, {MANY} existing / 0", verb.0);
            self.at_most(&[0, MANY], name, 1.3, measured);
        }
        let per_second = |existing| Some(self.row(OURS)?.traffic(existing)?.per_second);
        let measured = divided(per_second(MANY), per_second(0));
        let name = format!("{OURS} connections per second, {MANY} existing / 0");
        self.judge(self.expects(&[0, MANY]), name, Relation::AtLeast, 0.95, measured);
    }

    fn iptables(&mut self) {
        for variant in ["nft", "legacy"] {
            let (ours, theirs) =
                (format!("iptables-{variant}"), format!("portmap iptables-{variant}"));
            for verb in [ADD, DEL] {
                let measured = self.ratio(verb, (&ours, 0), (&theirs, 0));
                let name = format!("{ours} {} / {theirs}, 0 existing", verb.0);
                self.at_most(&[0], name, 0.35, measured);
            }
            let processes = self.row(&ours).and_then(|row| row.processes.as_ref());
            let most = processes.and_then(|both| {
                [both.add.iptables(), both.del.iptables()].concat().into_iter().max()
            });
            let name = format!("{ours} iptables processes per family, ADD or DEL");
            self.judge(true, name, Relation::AtMost, 2.0, most.map(|most| most as f64));
        }
    }

    fn baselines(&mut self) {
        let measured = self.ratio(ADD, (OURS, 0), (TRANSACTION, 0));
        self.at_most(&[0], format!("{OURS} ADD / {TRANSACTION}, 0 existing"), 3.0, measured);
        let measured = self.ratio(ADD, (NESTED, 0), (NOTHING, 0));
        self.at_most(&[0], format!("{NESTED} / {NOTHING}, ADD"), 3.0, measured);
    }

    fn concurrent(&mut self) {
        let pairs = [
            (OURS, PORTMAP_NFT),
            ("iptables-nft", PORTMAP_NFT),
            ("iptables-legacy", "portmap iptables-legacy"),
        ];
        for (ours, theirs) in pairs {
            for existing in CONCURRENT {
                let figures = |name: &str| self.row(name)?.concurrent(existing);
                let time = |name: &str| figures(name).map(|concurrent| concurrent.add_ms);
                let measured = divided(time(ours), time(theirs));
                let wrong = figures(ours).map(|concurrent| wrong(concurrent) as f64);
                let name = format!("{ours} 32 concurrent ADDs / {theirs}, {existing} existing");
                let expected = self.figures.concurrent.contains(&existing);
                self.judge(expected, name, Relation::AtMost, 0.3, measured);
                let name = format!(
                    "{ours} 32 concurrent calls: failed, missing, duplicate, left over, \
                     {existing} existing"
                );
                self.judge(expected, name, Relation::AtMost, 0.0, wrong);
            }
        }
    }

    fn sizes(&mut self) {
        let binary = self.row(OURS).map(|row| row.binary_bytes as f64 / MIB);
        let name = "mesos-cni-port-mapper binary, MiB".to_owned();
        self.judge(true, name, Relation::AtMost, 2.5, binary);
        for ours in [OURS, "iptables-nft", "iptables-legacy"] {
            let peak = self.row(ours).and_then(RowFigures::own_mib);
            let name = format!("{ours} peak memory, MiB");
            self.judge(true, name, Relation::AtMost, 8.0, peak);
        }
    }

    fn row(&self, name: &str) -> Option<&RowFigures> {
        self.figures.row(name)
    }

    /// Returns the ratio of two medians.
    fn ratio(&self, verb: Verb, ours: (&str, usize), theirs: (&str, usize)) -> Option<f64> {
        let median = |(name, existing): (&str, usize)| {
            let times = verb.1(self.row(name)?.calls(existing)?);
            (times.calls > 0 && times.failed == 0).then_some(times.median_ms)
        };
        divided(median(ours), median(theirs))
    }

    fn at_most(&mut self, needs: &[usize], name: String, limit: f64, measured: Option<f64>) {
        self.judge(self.expects(needs), name, Relation::AtMost, limit, measured);
    }

    /// Returns whether this run measures with all of these numbers of mappings.
    fn expects(&self, needs: &[usize]) -> bool {
        needs.iter().all(|existing| self.figures.existing.contains(existing))
    }

    /// Adds a threshold; one without a figure is missed if this run should have measured it.
    fn judge(
        &mut self,
        expected: bool,
        name: String,
        relation: Relation,
        limit: f64,
        measured: Option<f64>,
    ) {
        let met = measured.map(|measured| match relation {
            Relation::AtMost => measured <= limit + f64::EPSILON,
            Relation::AtLeast => measured >= limit,
        });
        let verdict = match met {
            Some(true) => Verdict::Met,
            None if !expected => Verdict::NotMeasured,
            _ => Verdict::Missed,
        };
        self.thresholds.push(Threshold { name, limit, relation, measured, verdict });
    }
}

fn divided(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    Some(ours? / theirs.filter(|theirs| *theirs > 0.0)?)
}

fn wrong(concurrent: &Concurrent) -> usize {
    concurrent.add_failed
        + concurrent.del_failed
        + concurrent.missing
        + concurrent.duplicate
        + concurrent.left_over
}

#[cfg(test)]
mod tests;
