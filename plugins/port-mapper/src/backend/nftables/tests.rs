//! Transactions as text, and changes by other programs that only a fake ruleset can provoke.
//!
//! Each directory below `tests/golden-nftables` is a case: `request.json` contains the claims that
//! exist `before` and the call, and `expected.nft` the transaction in the syntax of nft.
//! `UPDATE_GOLDEN=1` writes the latter.

use std::fs;
use std::path::{Path, PathBuf};

use cni_netlink::errno;
use cni_netlink::nftables::{Chain, FakeRuleset, Operation, Ruleset, Table, Transaction};
use cni_wrapper::Attachment;
use serde::Deserialize;
use serde_json::json;

use super::apply::{Applied, apply};
use super::desired::Desired;
use super::observed::Observed;
use super::scope::Scope;
use super::{layout, plan};
use crate::backend::interface::Guard;
use crate::claim::Claim;
use crate::error::Error;
use crate::owner::RuleTag;

/// The input of a case.
#[derive(Deserialize)]
struct Request {
    /// The claims that are installed first.
    #[serde(default)]
    before: Vec<Claim>,
    #[serde(flatten)]
    verb: Verb,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Verb {
    Install {
        claim: Box<Claim>,
    },
    Remove {
        owner: Attachment,
        /// Whether the state file was lost.
        #[serde(default)]
        lost: bool,
        #[serde(default)]
        guard: Guard,
    },
}

/// A fake ruleset, its last transaction, and the claims that are installed.
#[derive(Default)]
struct FakeHost {
    fake: FakeRuleset,
    last: Option<Transaction>,
    claims: Vec<Claim>,
}

impl FakeHost {
    fn install(&mut self, claim: &Claim) -> Result<Applied, Error> {
        let desired = Desired::new(claim);
        let is_new = self.claims.iter().all(|before| before.owner != claim.owner);
        self.last = None;
        let last = &mut self.last;
        let scope = if is_new {
            Scope::to_install(&desired.network.chain, &desired.elements)
        } else {
            Scope::All
        };
        let applied = apply(&mut self.fake, scope, |observed| {
            let transaction = plan::install(observed, claim, &desired)?;
            Ok(Some(last.insert(transaction).clone()))
        });
        if applied.is_ok() {
            self.claims.retain(|other| other.owner != claim.owner);
            self.claims.push(claim.clone());
        }
        applied
    }

    fn remove(&mut self, owner: &Attachment, lost: bool, guard: Guard) -> Result<Applied, Error> {
        let claim = self.claims.iter().find(|claim| claim.owner == *owner).filter(|_| !lost);
        let scope = claim.map(Desired::new).map_or(Scope::All, |desired| {
            Scope::to_remove(&desired.network.chain, &desired.elements)
        });
        self.last = None;
        let last = &mut self.last;
        apply(&mut self.fake, scope, |observed| {
            let transaction = plan::remove(observed, &owner.tag(), guard);
            Ok(transaction.map(|transaction| last.insert(transaction).clone()))
        })
    }

    /// Returns what CHECK of a claim reports.
    fn differences(&mut self, claim: &Claim) -> Vec<String> {
        let observed = Observed::read(&mut self.fake, &Scope::All).unwrap();
        plan::differences(&observed, claim, &Desired::new(claim))
    }

    fn is_empty(&mut self) -> bool {
        self.fake.table(&layout::table()).unwrap().is_none()
    }
}

#[test]
fn every_transaction_is_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-nftables");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 37, "only {} cases were found", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| failure(case, update)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn failure(case: &Path, update: bool) -> Option<String> {
    let request = fs::read_to_string(case.join("request.json")).unwrap();
    let request: Request = serde_json::from_str(&request)
        .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    let actual = transaction_text(&request);
    let file = case.join("expected.nft");
    if update {
        fs::write(&file, &actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    (actual != expected)
        .then(|| format!("{}\n--- expected\n{expected}--- actual\n{actual}", case.display()))
}

fn transaction_text(request: &Request) -> String {
    let mut host = FakeHost::default();
    for claim in &request.before {
        host.install(claim).unwrap();
    }
    let applied = match &request.verb {
        Verb::Install { claim } => host.install(claim),
        Verb::Remove { owner, lost, guard } => host.remove(owner, *lost, *guard),
    };
    match applied {
        Err(error) => format!("# refused: {error}\n"),
        Ok(Applied::Nothing) => "# nothing to do\n".to_owned(),
        Ok(_) => host.last.map(|transaction| transaction.to_string()).unwrap_or_default(),
    }
}

/// Returns a claim for one port.
fn claim(number: u16) -> Claim {
    let claim = json!({
        "version": 1,
        "owner": {"network": "mesos", "containerId": format!("c{number}"), "ifname": "eth0"},
        "chain": "MESOS", "snat": true, "addresses": [format!("10.0.0.{number}/24")],
        "mappings": [{"hostPort": 8000 + number, "containerPort": 80, "protocol": "tcp"}],
    });
    serde_json::from_value(claim).unwrap()
}

#[test]
fn check_reports_what_is_missing_or_unexpected_and_nothing_else() {
    let mut host = FakeHost::default();
    let claimed = claim(1);
    assert_eq!(host.differences(&claimed), ["missing: table inet mesos-cni-port-mapper"]);
    host.install(&claimed).unwrap();
    host.install(&claim(2)).unwrap();
    assert!(host.differences(&claimed).is_empty(), "another container makes no difference");
    let mut more = claimed.clone();
    more.mappings[0].host_port = 9000;
    let differences = host.differences(&more);
    let about = |word: &str, port: &str| {
        differences.iter().any(|text| text.starts_with(word) && text.contains(port))
    };
    assert!(about("missing: ", "9000") && about("unexpected: ", "8001"), "{differences:?}");
    assert!(!differences.iter().any(|text| text.contains("8002")), "{differences:?}");
}

#[test]
fn the_elements_of_a_map_are_consecutive_so_that_they_share_messages() {
    let mut host = FakeHost::default();
    let mut wide = claim(1);
    (wide.mappings[0].host_port, wide.mappings[0].range) = (1000, 100);
    host.install(&wide).unwrap();
    host.install(&claim(2)).unwrap();
    let runs = |host: &FakeHost| {
        let operations = host.last.as_ref().unwrap().operations().iter();
        let sets = operations.filter_map(|operation| match operation {
            Operation::AddElement(element) => Some(("add", element.set.clone())),
            Operation::DeleteElement(element) => Some(("delete", element.set.clone())),
            _ => None,
        });
        let mut sets: Vec<_> = sets.collect();
        sets.dedup();
        sets.len()
    };
    let mut moved = wide.clone();
    moved.mappings[0].container_port = 81;
    host.install(&moved).unwrap();
    assert_eq!(runs(&host), 2, "the targets are deleted and added");
    host.remove(&wide.owner, false, Guard::AsRulesRequire).unwrap();
    assert_eq!(runs(&host), 3, "host ports, targets and sources are deleted");
    host.install(&wide).unwrap();
    assert_eq!(runs(&host), 3, "and added");
}

#[test]
fn whether_two_claims_are_in_conflict_depends_on_no_order() {
    let mut of_ipv6 = claim(1);
    of_ipv6.addresses = vec!["fd00::1/64".parse().unwrap()];
    of_ipv6.mappings = claim(2).mappings;
    for order in [[claim(2), of_ipv6.clone()], [of_ipv6, claim(2)]] {
        let mut host = FakeHost::default();
        // The first ADD looks only for what it wants, a repeated one sees all.
        for claim in order.iter().chain(&order) {
            host.install(claim).unwrap();
        }
    }
}

#[test]
fn a_change_between_observation_and_commit_is_observed() {
    let mut racer = claim(2);
    racer.mappings = claim(1).mappings;
    // Both observe a free port. The first to commit gets it, and the other reports the conflict.
    let mut first = FakeHost { fake: FakeRuleset::default(), ..FakeHost::default() };
    first.fake.before_next_commit(move |fake| {
        let mut other = FakeHost { fake: std::mem::take(fake), ..FakeHost::default() };
        other.install(&racer).unwrap();
        *fake = other.fake;
    });
    let error = first.install(&claim(1)).unwrap_err();
    assert!(matches!(&error, Error::Conflict { conflicts, .. } if conflicts.len() == 1), "{error}");
    assert!(error.to_string().contains("container c2 "), "{error}");
}

#[test]
fn a_ruleset_that_always_changes_results_in_a_retryable_error() {
    let mut host = FakeHost::default();
    for number in 0..1000 {
        host.fake.before_next_commit(move |fake| {
            let mut foreign = Transaction::new(Table::inet("foreign"));
            foreign.add_table().add_chain(Chain::regular(format!("chain{number}")));
            fake.commit(&foreign, None).unwrap();
        });
    }
    let error = host.install(&claim(1)).unwrap_err();
    assert_eq!(error.code(), 11, "{error}");
}

#[test]
fn a_refusal_by_the_kernel_is_reported_and_leaves_nothing() {
    let mut host = FakeHost::default();
    host.fake.refuse_commit(0, errno::EOPNOTSUPP);
    host.fake.refuse_commit(1, errno::EOPNOTSUPP);
    let error = host.install(&claim(1)).unwrap_err();
    assert_eq!(error.code(), 103, "{error}");
    assert!(host.is_empty());
}

#[test]
fn a_thousand_changes_in_any_order_leave_nothing() {
    let mut host = FakeHost::default();
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
            host.install(&claim).unwrap();
            assert_eq!(
                host.install(&claim).unwrap(),
                Applied::Nothing,
                "a second ADD changes nothing"
            );
        } else {
            host.remove(&claim.owner, next(2) == 0, Guard::AsRulesRequire).unwrap();
            host.claims.retain(|other| other.owner != claim.owner);
        }
        assert_eq!(host.is_empty(), host.claims.is_empty(), "the table exists as long as a claim");
    }
    for claim in host.claims.clone() {
        host.remove(&claim.owner, false, Guard::AsRulesRequire).unwrap();
    }
    assert!(host.is_empty());
}
