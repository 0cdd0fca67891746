//! Every case can fail: each fails its mutant.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cni_conformance::run::case::run_case_on;
use cni_conformance::run::options::Options;
use cni_conformance::run::record::Record;
use cni_conformance::spec::cases;
use cni_conformance::spec::mutant::Mutant;
use cni_conformance::spec::mutants;
use cni_conformance::{Case, Profile, Verdict};
use cni_protocol::SpecVersion;

use crate::support::{Mutants, chosen, is_all, newest};

/// A hanging delegate (`delegate.may-hang`) is noticed at this limit.
const LIMIT: Duration = Duration::from_secs(12);

fn record(
    programs: &Mutants,
    case: &'static Case,
    profile: Profile,
    version: SpecVersion,
    mutation: Option<&str>,
) -> Record {
    run_case_on(&programs.hosts, case, &programs.subject(profile, mutation), version, LIMIT)
}

/// Calls `work` with each item, with as many threads as a run has.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let jobs = Options::default().jobs;
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    results.into_inner().unwrap()
}

/// Runs a case on its mutant in every profile of the requirement, and `others` in the first that
/// the mutant is for. Returns what is not as the mutant's entry says.
fn problems(programs: &Mutants, case: &'static Case, others: &[&'static Case]) -> Vec<String> {
    let Some(mutant) = mutants::find(case.id) else {
        return vec![format!("{} has no mutant", case.id)];
    };
    let mut problems = Vec::new();
    let mut is_first = true;
    for profile in case.requirement().profiles {
        let Some(version) = newest(case, *profile) else { continue };
        if !mutant.profiles().any(|one| one == *profile) {
            // The case has nothing to test in plugins of this kind, whether mutated or not.
            let plain = record(programs, case, *profile, version, None);
            if plain.verdict != Verdict::Skip {
                problems.push(format!("{} is not skipped for {profile}: {plain:?}", case.id));
            }
            continue;
        }
        let mutated = record(programs, case, *profile, version, Some(case.id));
        if mutated.finding.is_none() {
            let (verdict, note) = (mutated.verdict, mutated.note);
            problems.push(format!("{} on its {profile} mutant: {verdict} {note:?}", case.id));
        }
        if std::mem::take(&mut is_first) {
            problems.extend(unexpected(programs, mutant, others, (*profile, version)));
        }
    }
    if is_first {
        problems.push(format!("{} has a mutant for no profile", case.id));
    }
    problems
}

/// The cases of `others` that fail the mutant, are not listed as such, and found more than the
/// process that it leaves.
fn unexpected(
    programs: &Mutants,
    mutant: &Mutant,
    others: &[&'static Case],
    (profile, version): (Profile, SpecVersion),
) -> Vec<String> {
    let others = others.iter().filter(|case| {
        let expected = case.id == mutant.id || mutant.also_fails.contains(&case.id);
        !expected && case.applies(profile, version)
    });
    let failed = others.filter_map(|case| {
        let finding = record(programs, case, profile, version, Some(mutant.id)).finding?;
        let is_explained = mutant.explains(&finding);
        (!is_explained)
            .then(|| format!("the mutant of {} fails {}: {finding:?}", mutant.id, case.id))
    });
    failed.collect()
}

/// Checks the mutants of the cases of one area.
///
/// # Panics
/// With all that is not as the entries of the mutants say.
fn check_area(area: &str) {
    let area_of = |case: &Case| case.requirement().area();
    let cases: Vec<_> = chosen().into_iter().filter(|case| area_of(case) == area).collect();
    let others: Vec<_> = cases::all().filter(|other| is_all() || area_of(other) == area).collect();
    let programs = Mutants::new();
    let problems = each(&cases, |case| problems(&programs, case, &others)).concat();
    assert!(problems.is_empty(), "{problems:#?}");
}

macro_rules! test_areas {
    ($($area:ident),*) => {
        const AREAS: &[&str] = &[$(stringify!($area)),*];

        mod every_case_fails_its_mutant_and_no_other_case_of_its_area_does {
            $(#[test]
            fn $area() {
                super::check_area(stringify!($area));
            })*
        }
    };
}

test_areas![
    add,
    capability,
    chain,
    check,
    concurrency,
    config,
    del,
    delegate,
    environment,
    execution,
    gc,
    result,
    status,
    version
];

#[test]
fn every_area_has_a_test_of_its_mutants() {
    let missing = cases::all().find(|case| !AREAS.contains(&case.requirement().area()));
    assert!(missing.is_none(), "the area of {missing:?} has none");
}
