//! Plans, as text, for one situation a directory below `tests/golden`.
//!
//! `listing.txt` is what iptables-save says before (absent: nothing is there), `request.json` what is asked,
//! `expected.txt` what iptables-restore is told. `UPDATE_GOLDEN=1` writes the last one anew.

use std::fs;
use std::path::{Path, PathBuf};

use cni_wrapper::Attachment;
use port_mapper::backend::Hints;
use port_mapper::backend::iptables::plan::{self, Scope};
use port_mapper::backend::iptables::save::Listing;
use port_mapper::claim::Claim;
use port_mapper::family::Family;
use port_mapper::owner::Owner;
use serde::Deserialize;

/// What a case asks for.
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
        claim: Claim,
        /// Container ids of holders that are gone.
        #[serde(default)]
        stale: Vec<String>,
    },
    Remove {
        owner: Attachment,
        chain: Option<String>,
        #[serde(default, rename = "keepGuard")]
        keep_guard: bool,
    },
}

#[test]
fn every_case_is_told_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 30, "only {} cases were found", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| judge(case, update)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn judge(case: &Path, update: bool) -> Option<String> {
    let listing = fs::read_to_string(case.join("listing.txt")).unwrap_or_default();
    let request = fs::read_to_string(case.join("request.json")).unwrap();
    let told = tell(&listing, serde_json::from_str(&request).unwrap());
    let file = case.join("expected.txt");
    if update {
        fs::write(&file, &told).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    (told != expected)
        .then(|| format!("{}\n--- expected\n{expected}--- told\n{told}", case.display()))
}

fn tell(listing: &str, request: Request) -> String {
    let listing = Listing::parse(listing);
    let family = request.family;
    let plan = match request.verb {
        Verb::Install { claim, stale } => {
            let localhost = family == Family::V4 && claim.serves_localhost();
            let scope = if localhost { Scope::All } else { Scope::Nat };
            let is_stale = |owner: &Owner| {
                stale.iter().any(|id| owner.to_string().contains(&format!("container {id} ")))
            };
            match plan::install(&listing, scope, family, &claim, &is_stale) {
                Ok(decision) => decision.plan,
                Err(error) => return format!("# refused: {error}\n"),
            }
        }
        Verb::Remove { owner, chain, keep_guard } => {
            let hints = Hints { chain, families: None, keep_guard };
            plan::remove(&listing, Scope::All, family, &owner, &hints)
        }
    };
    match plan.text().unwrap().as_str() {
        "" => "# nothing to do\n".to_owned(),
        text => text.to_owned(),
    }
}
