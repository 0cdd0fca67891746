//! The plans of the iptables backend as text. Each directory below `tests/golden` is a case.
//!
//! `listing.txt` is the output of iptables-save before (absent if there are no rules),
//! `request.json` the call, and `expected.txt` the input of iptables-restore. `UPDATE_GOLDEN=1`
//! writes the last one.

use std::fs;
use std::path::{Path, PathBuf};

use cni_wrapper::Attachment;
use port_mapper::backend::iptables::observed::{Observed, Tables};
use port_mapper::backend::iptables::plan::{self, KnownChains};
use port_mapper::backend::{ChainNote, Guard, Hints};
use port_mapper::claim::Claim;
use port_mapper::family::Family;
use serde::Deserialize;

/// The call of a case.
#[derive(Deserialize)]
struct Request {
    family: Family,
    #[serde(flatten)]
    verb: Verb,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Verb {
    Install {
        claim: Box<Claim>,
        #[serde(default)]
        chains: Vec<ChainNote>,
    },
    Remove {
        owner: Attachment,
        chain: Option<String>,
        /// Whether the guard is needed apart from the rules.
        #[serde(default, rename = "guardIsNeeded")]
        guard: bool,
        /// Whether it is unknown if the guard is needed.
        #[serde(default, rename = "guardIsKept")]
        keep: bool,
        /// The committed claim of the owner, if it is known.
        #[serde(default)]
        claim: Option<Box<Claim>>,
        #[serde(default)]
        chains: Vec<ChainNote>,
    },
}

#[test]
fn every_plan_is_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 80, "only {} cases were found", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| failure(case, update)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn failure(case: &Path, update: bool) -> Option<String> {
    let listing = fs::read_to_string(case.join("listing.txt")).unwrap_or_default();
    let request = fs::read_to_string(case.join("request.json")).unwrap();
    let actual = plan_text(&listing, serde_json::from_str(&request).unwrap());
    let file = case.join("expected.txt");
    if update {
        fs::write(&file, &actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    (actual != expected)
        .then(|| format!("{}\n--- expected\n{expected}--- actual\n{actual}", case.display()))
}

fn plan_text(listing: &str, request: Request) -> String {
    let family = request.family;
    let plan = match request.verb {
        Verb::Install { claim, chains } => {
            let localhost = family == Family::V4 && claim.serves_localhost();
            let tables = if localhost { Tables::NatAndRaw } else { Tables::Nat };
            let observed = Observed::parse(family, tables, listing);
            let known = KnownChains { notes: &chains, record: None };
            match plan::install(&observed, &claim, known, Guard::AsRulesRequire) {
                Ok(decision) => decision.plan,
                Err(error) => return format!("# refused: {error}\n"),
            }
        }
        Verb::Remove { owner, chain, guard, keep, claim, chains } => {
            let observed = Observed::parse(family, Tables::NatAndRaw, listing);
            let guard = match (guard, keep) {
                (true, _) => Guard::Needed,
                (_, true) => Guard::Keep,
                _ => Guard::AsRulesRequire,
            };
            let hints = Hints { chain, families: None, guard, had_rules: claim.is_some() };
            let known = KnownChains { notes: &chains, record: None };
            plan::remove(&observed, &owner, claim.as_deref(), &hints, known).plan
        }
    };
    match plan.text().unwrap().as_str() {
        "" => "# nothing to do\n".to_owned(),
        text => text.to_owned(),
    }
}
