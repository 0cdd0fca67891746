//! Thirty-two ADDs that begin at once, then thirty-two DELs.

use super::caller::{Caller, Scheduling};
use super::figures::{AtOnce, RowFigures};
use super::programs::Programs;
use super::rows::Attachment;
use super::scene::one_of_many;
use super::site::Site;
use super::statistics::median;
use super::stock::{self, Dump, InPlace};
use crate::Outcome;

pub(crate) const MANY: usize = 32;

/// What one repetition showed.
#[derive(Default)]
struct Shown {
    add_ms: f64,
    del_ms: f64,
    failed: [usize; 2],
    missing: usize,
    double: usize,
    left: usize,
    first_problem: Option<String>,
}

/// How it is done.
pub(crate) struct Many<'a> {
    pub(crate) repetitions: usize,
    pub(crate) programs: &'a Programs,
    pub(crate) say: &'a dyn Fn(&str),
}

impl Many<'_> {
    /// With nothing in place, and beside so many: returns beside how many it was done.
    pub(crate) fn of(
        &self,
        beside: Option<usize>,
        sites: &mut [Site],
        report: &mut [RowFigures],
    ) -> Vec<usize> {
        self.on_fresh_hosts(sites, report);
        if let Some(existing) = beside {
            self.beside(existing, sites, report);
        }
        [Some(0), beside].into_iter().flatten().collect()
    }

    /// With nothing in place: every repetition on a fresh host, since only the first ADDs race for
    /// what all mappings share.
    fn on_fresh_hosts(&self, sites: &mut [Site], report: &mut [RowFigures]) {
        let mut known: Vec<usize> = Vec::new();
        let first = |site: &&mut Site| {
            let is_first = site.row.maps() && !known.contains(&site.index);
            known.push(site.index);
            is_first
        };
        let mut sites: Vec<&mut Site> = sites.iter_mut().filter(first).collect();
        self.measure(0, &mut sites, report, |site| {
            repeat(&mut site.fresh(self.programs)?, self.programs)
        });
    }

    /// Beside so many.
    fn beside(&self, existing: usize, sites: &mut [Site], report: &mut [RowFigures]) {
        let mut sites: Vec<&mut Site> =
            sites.iter_mut().filter(|site| site.row.maps() && site.existing == existing).collect();
        self.measure(existing, &mut sites, report, |site| repeat(site, self.programs));
    }

    /// The sites in turns.
    fn measure(
        &self,
        existing: usize,
        sites: &mut [&mut Site],
        report: &mut [RowFigures],
        once: impl Fn(&mut Site) -> Outcome<Shown>,
    ) {
        let mut shown: Vec<Vec<Shown>> = sites.iter().map(|_| Vec::new()).collect();
        for number in 1..=self.repetitions {
            (self.say)(&format!(
                "{MANY} at once beside {existing}, {number} of {}",
                self.repetitions
            ));
            for (site, shown) in sites.iter_mut().zip(&mut shown) {
                match once(site) {
                    Ok(one) => shown.push(one),
                    Err(problem) => report[site.index].fail(failure(existing, &problem)),
                }
            }
        }
        for (site, shown) in sites.iter().zip(shown) {
            finish(&mut report[site.index], existing, shown);
        }
    }
}

fn failure(existing: usize, problem: &str) -> String {
    format!("{MANY} at once beside {existing}: {problem}")
}

fn repeat(site: &mut Site, programs: &Programs) -> Outcome<Shown> {
    // They must share the processors with each other, which real-time processes do badly.
    let mut caller = Caller::start(Scheduling::Nice, &site.scene.host, &programs.caller)?;
    let form = site.form().ok_or("a row that maps nothing")?;
    let attachments: Vec<Attachment> = (0..MANY).map(one_of_many).collect();
    let ports: Vec<u16> = attachments.iter().map(|attachment| attachment.port).collect();
    let mut shown = Shown::default();
    for (index, verb) in ["ADD", "DEL"].into_iter().enumerate() {
        let calls: Vec<_> =
            attachments.iter().map(|attachment| site.row.call(verb, attachment)).collect();
        let answer = caller.all(&calls)?;
        let problems: Vec<String> = answer.ends.iter().filter_map(|end| end.complaint()).collect();
        shown.failed[index] = problems.len();
        if let Some(problem) = problems.first() {
            shown.first_problem.get_or_insert_with(|| format!("{verb}: {problem}"));
        }
        let dump = Dump::take(&site.scene.host)?;
        let InPlace { whole, missing, double } = stock::in_place(&dump.count(), &ports, form);
        if verb == "ADD" {
            shown.add_ms = answer.micros / 1e3;
            shown.missing = missing;
            shown.double = double + dump.repeated();
        } else {
            shown.del_ms = answer.micros / 1e3;
            shown.left = whole + double;
        }
    }
    Ok(shown)
}

fn finish(row: &mut RowFigures, existing: usize, shown: Vec<Shown>) {
    if shown.is_empty() {
        return;
    }
    let sum = |of: fn(&Shown) -> usize| shown.iter().map(of).sum();
    let middle = |of: fn(&Shown) -> f64| median(&shown.iter().map(of).collect::<Vec<_>>());
    row.at_once.push(AtOnce {
        existing,
        calls: MANY,
        add_ms: middle(|shown| shown.add_ms),
        del_ms: middle(|shown| shown.del_ms),
        add_failed: sum(|shown| shown.failed[0]),
        del_failed: sum(|shown| shown.failed[1]),
        missing: sum(|shown| shown.missing),
        double: sum(|shown| shown.double),
        left: sum(|shown| shown.left),
    });
    for problem in shown.into_iter().filter_map(|shown| shown.first_problem) {
        row.fail(failure(existing, &problem));
    }
}
