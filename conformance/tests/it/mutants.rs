//! Every case can fail: a plugin that commits exactly its sin is caught.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cni_conformance::run::case::run_case_on;
use cni_conformance::run::options::Options;
use cni_conformance::run::record::Record;
use cni_conformance::spec::cases;
use cni_conformance::{Case, Profile, Verdict};
use cni_wrapper::SpecVersion;

use crate::support::{Mutants, chosen, is_all, newest};

/// A hanging delegate (`delegate.may-hang`) is noticed at this limit.
const LIMIT: Duration = Duration::from_secs(12);

fn record(
    mutants: &Mutants,
    case: &'static Case,
    profile: Profile,
    version: SpecVersion,
    sin: Option<&str>,
) -> Record {
    run_case_on(&mutants.hosts, case, &mutants.subject(profile, sin), version, LIMIT)
}

/// Does the same with each item, as many at a time as a run does.
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

/// Sins that can't be committed without another: the sin, and the further cases that catch it.
const ALSO: &[(&str, &[&str])] = &[
    ("gc.removes-stale-attachments", &["gc.goes-on-after-an-error"]),
    // They give nothing but the least.
    (
        "execution.works-with-minimal-environment",
        &["environment.gc-needs-only-path", "environment.status-needs-nothing"],
    ),
    // They need an ADD that fails, and have it fail so.
    (
        "environment.bad-netns-is-refused",
        &[
            "add.failure-then-del-leaves-nothing",
            "add.failure-leaves-nothing",
            "del.after-failed-add-succeeds",
        ],
    ),
    // It must echo the version all the more when the delegate's is another.
    ("version.result-echoes-version", &["delegate.result-is-converted"]),
    // They clean up by such a DEL.
    (
        "del.after-failed-add-succeeds",
        &["add.failure-then-del-leaves-nothing", "add.failure-leaves-nothing"],
    ),
    // A CHECK is in between.
    ("check.has-no-side-effects", &["version.higher-minor-keeps-working"]),
    ("delegate.gets-every-verb", &["check.runs-on-delegates"]),
    // A delegate that comes first and fails keeps the rest from being done.
    ("delegate.is-deleted-last", &["del.cleans-although-delegate-fails"]),
];

/// What became of one sin.
#[derive(Default)]
struct Proof {
    /// Whether its case catches it in any profile.
    is_proven: bool,
    /// Where its case looks at it and does not see it, and which other cases do.
    problems: Vec<String>,
}

/// Commits one sin in every profile: its own case catches it, and in the first of these profiles none
/// of `others` does.
fn proof(mutants: &Mutants, sin: &'static Case, others: &[&'static Case]) -> Proof {
    let mut proof = Proof::default();
    for profile in sin.requirement().profiles {
        let Some(version) = newest(sin, *profile) else { continue };
        let sinful = record(mutants, sin, *profile, version, Some(sin.id));
        let skips = || record(mutants, sin, *profile, version, None).verdict == Verdict::Skip;
        match sinful.finding {
            Some(_) if proof.is_proven => (),
            Some(_) => {
                proof.is_proven = true;
                proof.problems.extend(strangers(mutants, sin, others, (*profile, version)));
            }
            // This kind of plugin has nothing to look at.
            None if skips() => (),
            None => proof.problems.push(format!(
                "{} does not catch its sin in the profile {profile}: {} {:?}",
                sin.id, sinful.verdict, sinful.note
            )),
        }
    }
    proof
}

/// The cases, other than its own, that catch a sin and are not expected to.
fn strangers(
    mutants: &Mutants,
    sin: &'static Case,
    others: &[&'static Case],
    (profile, version): (Profile, SpecVersion),
) -> Vec<String> {
    let known = ALSO.iter().find(|(id, _)| *id == sin.id).map_or(&[][..], |(_, also)| also);
    let others = others.iter().filter(|case| {
        case.id != sin.id && !known.contains(&case.id) && case.applies(profile, version)
    });
    let caught = others.filter_map(|case| {
        let finding = record(mutants, case, profile, version, Some(sin.id)).finding?;
        Some(format!("{} is caught by {}: {finding:?}", sin.id, case.id))
    });
    caught.collect()
}

/// Commits every sin, and looks at it with its own case and with those that `others` chooses for it.
fn prove(others: impl Fn(&Case, &Case) -> bool + Sync) {
    let (mutants, all) = (Mutants::new(), chosen());
    let everything: Vec<_> = cases::all().collect();
    let proofs = each(&all, |sin| {
        let others = everything.iter().copied().filter(|case| others(sin, case));
        (sin.id, proof(&mutants, sin, &others.collect::<Vec<_>>()))
    });
    let problems: Vec<&String> = proofs.iter().flat_map(|(_, proof)| &proof.problems).collect();
    let unproven: Vec<_> =
        proofs.iter().filter(|(_, proof)| !proof.is_proven).map(|(id, _)| *id).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(unproven.is_empty(), "no sinner shows that these can fail: {unproven:#?}");
}

#[test]
fn every_case_catches_its_sin_and_no_other_case_of_its_area_does() {
    let area = |case: &Case| case.requirement().area();
    prove(|sin, case| area(sin) == area(case) || is_all());
}
