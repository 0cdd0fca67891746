//! What a run must show: ratios of figures of the same run, and a few absolute limits.

use serde::Serialize;

use super::figures::{AtOnce, Calls, Figures, RowFigures, Times};
use super::rows::plain::{NESTED, NOTHING, TRANSACTION};

/// One of them, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) limit: f64,
    pub(crate) at: Relation,
    /// None: not measured in this run.
    pub(crate) measured: Option<f64>,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Relation {
    Most,
    Least,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Verdict {
    #[serde(rename = "ok")]
    Met,
    #[serde(rename = "MISSED")]
    Missed,
    /// This run has no figures for it, as `--quick` has none for 10,000.
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
/// Beside which 32 begin at once.
const AT_ONCE: [usize; 2] = [0, 1000];
const MIB: f64 = 1024.0 * 1024.0;

/// Judges all bars.
pub(crate) fn judge(figures: &Figures) -> Vec<Bar> {
    let mut bars = Judge { figures, bars: Vec::new() };
    bars.nftables();
    bars.iptables();
    bars.floor();
    bars.at_once();
    bars.sizes();
    bars.bars
}

struct Judge<'a> {
    figures: &'a Figures,
    bars: Vec<Bar>,
}

type Verb = (&'static str, fn(&Calls) -> &Times);
const ADD: Verb = ("ADD", |calls| &calls.add);
const DEL: Verb = ("DEL", |calls| &calls.del);

impl Judge<'_> {
    fn nftables(&mut self) {
        for (verb, at_none, at_many) in [(ADD, 0.12, 0.012), (DEL, 0.25, 0.08)] {
            for (existing, limit) in [(0, at_none), (MANY, at_many)] {
                let measured = self.ratio(verb, (OURS, existing), (PORTMAP_NFT, existing));
                let name = format!("{OURS} {} / {PORTMAP_NFT}, {existing} existing", verb.0);
                self.most(&[existing], name, limit, measured);
            }
            let measured = self.ratio(verb, (OURS, MANY), (OURS, 0));
            let name = format!("{OURS} {}, {MANY} existing / 0", verb.0);
            self.most(&[0, MANY], name, 1.3, measured);
        }
        let per_second = |existing| Some(self.row(OURS)?.traffic(existing)?.per_second);
        let measured = divided(per_second(MANY), per_second(0));
        let name = format!("{OURS} connections per second, {MANY} existing / 0");
        self.judge(self.asked(&[0, MANY]), name, Relation::Least, 0.95, measured);
    }

    fn iptables(&mut self) {
        for variant in ["nft", "legacy"] {
            let (ours, theirs) =
                (format!("iptables-{variant}"), format!("portmap iptables-{variant}"));
            for verb in [ADD, DEL] {
                let measured = self.ratio(verb, (&ours, 0), (&theirs, 0));
                let name = format!("{ours} {} / {theirs}, 0 existing", verb.0);
                self.most(&[0], name, 0.35, measured);
            }
            let processes = self.row(&ours).and_then(|row| row.processes.as_ref());
            let most = processes.and_then(|both| {
                [both.add.iptables(), both.del.iptables()].concat().into_iter().max()
            });
            let name = format!("{ours} iptables processes per family, ADD or DEL");
            self.judge(true, name, Relation::Most, 2.0, most.map(|most| most as f64));
        }
    }

    fn floor(&mut self) {
        let measured = self.ratio(ADD, (OURS, 0), (TRANSACTION, 0));
        self.most(&[0], format!("{OURS} ADD / {TRANSACTION}, 0 existing"), 3.0, measured);
        let measured = self.ratio(ADD, (NESTED, 0), (NOTHING, 0));
        self.most(&[0], format!("{NESTED} in one another / {NOTHING}, ADD"), 3.0, measured);
    }

    fn at_once(&mut self) {
        let pairs = [
            (OURS, PORTMAP_NFT),
            ("iptables-nft", PORTMAP_NFT),
            ("iptables-legacy", "portmap iptables-legacy"),
        ];
        for (ours, theirs) in pairs {
            for existing in AT_ONCE {
                let of = |name: &str| self.row(name)?.at_once(existing);
                let time = |name: &str| of(name).map(|at_once| at_once.add_ms);
                let measured = divided(time(ours), time(theirs));
                let wrong = of(ours).map(|at_once| wrong(at_once) as f64);
                let name = format!("{ours} 32 ADDs at once / {theirs}, {existing} existing");
                let asked = self.figures.at_once.contains(&existing);
                self.judge(asked, name, Relation::Most, 0.3, measured);
                let name = format!(
                    "{ours} 32 at once: failed, missing, double, left, {existing} existing"
                );
                self.judge(asked, name, Relation::Most, 0.0, wrong);
            }
        }
    }

    fn sizes(&mut self) {
        let binary = self.row(OURS).map(|row| row.binary_bytes as f64 / MIB);
        let name = "mesos-cni-port-mapper, MiB of its file".to_owned();
        self.judge(true, name, Relation::Most, 2.5, binary);
        for ours in [OURS, "iptables-nft", "iptables-legacy"] {
            let peak = self.row(ours).and_then(RowFigures::own_mib);
            let name = format!("{ours} peak memory, MiB");
            self.judge(true, name, Relation::Most, 8.0, peak);
        }
    }

    fn row(&self, name: &str) -> Option<&RowFigures> {
        self.figures.row(name)
    }

    /// Of two medians.
    fn ratio(&self, verb: Verb, ours: (&str, usize), theirs: (&str, usize)) -> Option<f64> {
        let median = |(name, existing): (&str, usize)| {
            let times = verb.1(self.row(name)?.calls(existing)?);
            (times.calls > 0 && times.failed == 0).then_some(times.median_ms)
        };
        divided(median(ours), median(theirs))
    }

    fn most(&mut self, needs: &[usize], name: String, limit: f64, measured: Option<f64>) {
        self.judge(self.asked(needs), name, Relation::Most, limit, measured);
    }

    /// Whether this run was to have figures for all of these numbers.
    fn asked(&self, needs: &[usize]) -> bool {
        needs.iter().all(|existing| self.figures.existing.contains(existing))
    }

    /// Without a figure it is missed, unless this run was not to have it.
    fn judge(
        &mut self,
        asked: bool,
        name: String,
        at: Relation,
        limit: f64,
        measured: Option<f64>,
    ) {
        let met = measured.map(|measured| match at {
            Relation::Most => measured <= limit + f64::EPSILON,
            Relation::Least => measured >= limit,
        });
        let verdict = match met {
            Some(true) => Verdict::Met,
            None if !asked => Verdict::NotMeasured,
            _ => Verdict::Missed,
        };
        self.bars.push(Bar { name, limit, at, measured, verdict });
    }
}

fn divided(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    Some(ours? / theirs.filter(|theirs| *theirs > 0.0)?)
}

fn wrong(at_once: &AtOnce) -> usize {
    at_once.add_failed + at_once.del_failed + at_once.missing + at_once.double + at_once.left
}

#[cfg(test)]
mod tests;
