//! Every case can fail: a plugin that commits exactly its sin is caught.
#![allow(clippy::print_stdout, reason = "a count for whoever reads the log")]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cni_conformance::run::{Record, judge};
use cni_conformance::{Case, Profile, Verdict};
use cni_wrapper::SpecVersion;
use support::{Sinners, chosen, newest};

/// A hanging delegate (`delegate.may-hang`) is noticed at this limit.
const LIMIT: Duration = Duration::from_secs(12);

fn record(
    sinners: &Sinners,
    case: &'static Case,
    profile: Profile,
    version: SpecVersion,
    sin: Option<&str>,
) -> Record {
    judge(case, &sinners.subject(profile, sin), version, LIMIT).0
}

/// Does the same with each item, one for each processor at a time.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let jobs = thread::available_parallelism().map_or(2, usize::from);
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

/// In which profiles a case catches its sin; or the profiles in which it looks and does not.
fn proof(sinners: &Sinners, case: &'static Case) -> (usize, Vec<String>) {
    let (mut proven, mut missed) = (0, Vec::new());
    for profile in case.requirement().profiles {
        let Some(version) = newest(case, *profile) else { continue };
        let sinful = record(sinners, case, *profile, version, Some(case.id));
        let skips = || record(sinners, case, *profile, version, None).verdict == Verdict::Skip;
        match sinful.finding {
            Some(_) => proven += 1,
            // Of this kind of plugin there is nothing to look at.
            None if skips() => (),
            None => missed.push(format!(
                "{} does not catch its sin in the profile {profile}: {} {:?}",
                case.id, sinful.verdict, sinful.note
            )),
        }
    }
    (proven, missed)
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

/// The cases, other than its own, that catch a sin and are not expected to.
fn strangers(sinners: &Sinners, sin: &'static Case, others: &[&'static Case]) -> Vec<String> {
    let profiles = sin.requirement().profiles.iter();
    let home = profiles
        .filter_map(|profile| Some((*profile, newest(sin, *profile)?)))
        .find(|home| record(sinners, sin, home.0, home.1, Some(sin.id)).finding.is_some());
    let Some((profile, version)) = home else { return vec![format!("{} is not caught", sin.id)] };
    let known = ALSO.iter().find(|(id, _)| *id == sin.id).map_or(&[][..], |(_, also)| also);
    let others = others.iter().filter(|case| {
        case.id != sin.id && !known.contains(&case.id) && case.applies(profile, version)
    });
    let caught = others.filter_map(|case| {
        let finding = record(sinners, case, profile, version, Some(sin.id)).finding?;
        Some(format!("{} is caught by {}: {finding:?}", sin.id, case.id))
    });
    caught.collect()
}

#[test]
fn a_sin_is_caught_by_no_other_case_of_its_area() {
    let (sinners, all) = (Sinners::new("area"), chosen());
    let area = |case: &Case| case.requirement().area();
    let caught = each(&all, |sin| {
        let others: Vec<_> = all.iter().copied().filter(|case| area(case) == area(sin)).collect();
        strangers(&sinners, sin, &others)
    });
    let caught = caught.concat();
    assert!(caught.is_empty(), "{caught:#?}");
}

#[test]
#[ignore = "12000 runs: a quarter of an hour on two processors"]
fn a_sin_is_caught_by_no_other_case_at_all() {
    let (sinners, all) = (Sinners::new("all"), chosen());
    let everything: Vec<_> = cni_conformance::cases::all().collect();
    let caught = each(&all, |sin| strangers(&sinners, sin, &everything)).concat();
    assert!(caught.is_empty(), "{caught:#?}");
}

#[test]
fn every_case_catches_its_sin_in_every_profile() {
    let sinners = Sinners::new("proof");
    let cases = chosen();
    let proofs = each(&cases, |case| (case.id, proof(&sinners, case)));
    let missed: Vec<&String> = proofs.iter().flat_map(|(_, (_, missed))| missed).collect();
    let unproven: Vec<_> =
        proofs.iter().filter(|(_, (proven, _))| *proven == 0).map(|(id, _)| *id).collect();
    println!("{} cases, {} of them without a sinner", cases.len(), unproven.len());
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(unproven.is_empty(), "no sinner shows that these can fail: {unproven:#?}");
}
