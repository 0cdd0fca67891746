//! Transactions, as text, for one situation a directory below `tests/golden-nftables`; and what only a fake ruleset can
//! do to us.
//!
//! `request.json` says who is mapped `before`, and what is asked then; `expected.nft` is the transaction in nft's words.
//! `UPDATE_GOLDEN=1` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use cni_netlink::errno;
use cni_netlink::nftables::{Chain, FakeRuleset, Ruleset, Table, Transaction};
use serde::Deserialize;

use super::plan::{self, Wanted};
use super::{Done, Wish, layout, settle};
use crate::claim::Claim;
use crate::error::Error;
use crate::owner::{Holder, Owner};

/// What a case asks for.
#[derive(Deserialize)]
struct Request {
    /// Who is mapped, one after the other.
    #[serde(default)]
    before: Vec<Claim>,
    #[serde(flatten)]
    verb: Verb,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Verb {
    Install {
        claim: Claim,
        /// Container ids of holders that are gone.
        #[serde(default)]
        stale: Vec<String>,
    },
    Remove {
        owner: Owner,
        /// Whether the state file is lost.
        #[serde(default)]
        lost: bool,
        #[serde(default)]
        keep_guard: bool,
    },
}

/// A ruleset, what was done to it last, and who is mapped.
#[derive(Default)]
struct World {
    fake: FakeRuleset,
    last: Option<Transaction>,
    claims: Vec<Claim>,
}

impl World {
    fn install(&mut self, claim: &Claim, stale: &[String]) -> Result<Done, Error> {
        let wanted = Wanted::by(claim);
        let is_new = self.claims.iter().all(|before| before.owner != claim.owner);
        let is_stale = |holder: &Holder| {
            stale.iter().any(|id| holder.to_string().contains(&format!("container {id} ")))
        };
        self.last = None;
        let last = &mut self.last;
        let wish = if is_new {
            Wish::to_install(&wanted.branch.chain, &wanted.entries)
        } else {
            Wish::All
        };
        let done = settle(&mut self.fake, wish, |picture| {
            let decision = plan::install(picture, claim, &wanted, &is_stale)?;
            Ok(decision.map(|decision| last.insert(decision.transaction).clone()))
        });
        if done.is_ok() {
            self.claims.retain(|other| other.owner != claim.owner);
            self.claims.push(claim.clone());
        }
        done
    }

    fn remove(&mut self, owner: &Owner, lost: bool, keep_guard: bool) -> Result<Done, Error> {
        let claim = self.claims.iter().find(|claim| claim.owner == *owner).filter(|_| !lost);
        let wish = claim
            .map(Wanted::by)
            .map_or(Wish::All, |claimed| Wish::to_remove(&claimed.branch.chain, &claimed.entries));
        self.last = None;
        let last = &mut self.last;
        settle(&mut self.fake, wish, |picture| {
            let transaction = plan::remove(picture, &owner.tag(), keep_guard);
            Ok(transaction.map(|transaction| last.insert(transaction).clone()))
        })
    }

    fn is_empty(&mut self) -> bool {
        self.fake.table(&layout::table()).unwrap().is_none()
    }
}

#[test]
fn every_case_is_told_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-nftables");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 20, "only {} cases were found", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| judge(case, update)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn judge(case: &Path, update: bool) -> Option<String> {
    let request = fs::read_to_string(case.join("request.json")).unwrap();
    let request: Request = serde_json::from_str(&request)
        .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    let told = tell(&request);
    let file = case.join("expected.nft");
    if update {
        fs::write(&file, &told).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    (told != expected)
        .then(|| format!("{}\n--- expected\n{expected}--- told\n{told}", case.display()))
}

fn tell(request: &Request) -> String {
    let mut world = World::default();
    for claim in &request.before {
        world.install(claim, &[]).unwrap();
    }
    let done = match &request.verb {
        Verb::Install { claim, stale } => world.install(claim, stale),
        Verb::Remove { owner, lost, keep_guard } => world.remove(owner, *lost, *keep_guard),
    };
    match done {
        Err(error) => format!("# refused: {error}\n"),
        Ok(Done::Nothing) => "# nothing to do\n".to_owned(),
        Ok(_) => world.last.map(|transaction| transaction.to_string()).unwrap_or_default(),
    }
}

/// One container with one port.
fn claim(number: u16) -> Claim {
    let json = format!(
        r#"{{"version": 1, "owner": {{"network": "mesos", "containerId": "c{number}", "ifname": "eth0"}},
            "chain": "MESOS", "snat": true, "addresses": ["10.0.0.{number}/24"],
            "mappings": [{{"hostPort": {}, "containerPort": 80, "protocol": "tcp"}}]}}"#,
        8000 + number
    );
    serde_json::from_str(&json).unwrap()
}

#[test]
fn what_others_change_between_look_and_commit_is_looked_at_again() {
    let mut world = World::default();
    world.install(&claim(1), &[]).unwrap();
    let mut racer = claim(2);
    racer.mappings = claim(1).mappings;
    // Both saw a free port; the first to commit wins, and the other is told so.
    let mut first = World { fake: FakeRuleset::default(), ..World::default() };
    first.fake.before_next_commit(move |fake| {
        let mut other = World { fake: std::mem::take(fake), ..World::default() };
        other.install(&racer, &[]).unwrap();
        *fake = other.fake;
    });
    let error = first.install(&claim(1), &[]).unwrap_err();
    assert!(matches!(&error, Error::Conflict(conflicts) if conflicts.len() == 1), "{error}");
    assert!(error.to_string().contains("container c2 "), "{error}");
}

#[test]
fn rules_that_never_rest_are_given_up_on_with_a_code_that_says_try_again() {
    let mut world = World::default();
    for number in 0..1000 {
        world.fake.before_next_commit(move |fake| {
            let mut foreign = Transaction::on(Table::inet("foreign"));
            foreign.add_table().add_chain(Chain::regular(format!("chain{number}")));
            fake.commit(&foreign, None).unwrap();
        });
    }
    let error = world.install(&claim(1), &[]).unwrap_err();
    assert_eq!(error.code(), 11, "{error}");
}

#[test]
fn a_refusal_of_the_kernel_is_told_and_nothing_is_there() {
    let mut world = World::default();
    world.fake.refuse_commit(0, errno::EOPNOTSUPP);
    world.fake.refuse_commit(1, errno::EOPNOTSUPP);
    let error = world.install(&claim(1), &[]).unwrap_err();
    assert_eq!(error.code(), 103, "{error}");
    assert!(world.is_empty());
}

#[test]
fn a_thousand_lives_in_any_order_leave_nothing() {
    let mut world = World::default();
    let mut seed = 3_u32;
    let mut next = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % below
    };
    for _ in 0..1000 {
        let mut claim = claim(1 + next(6) as u16);
        claim.snat = next(4) > 0;
        claim.masq_all = next(4) == 0;
        claim.exclude_devices =
            ["a", "b+", "c"][..next(4) as usize].iter().map(|name| (*name).to_owned()).collect();
        claim.mappings[0].container_port = 80 + next(2) as u16;
        if next(3) > 0 {
            world.install(&claim, &[]).unwrap();
            assert_eq!(world.install(&claim, &[]).unwrap(), Done::Nothing, "once is enough");
        } else {
            world.remove(&claim.owner, next(2) == 0, false).unwrap();
            world.claims.retain(|other| other.owner != claim.owner);
        }
        assert_eq!(world.is_empty(), world.claims.is_empty(), "the table is there for somebody");
    }
    for claim in world.claims.clone() {
        world.remove(&claim.owner, false, false).unwrap();
    }
    assert!(world.is_empty());
}
