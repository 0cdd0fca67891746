//! Planned faults.

use cni_netlink::errno;
use cni_netlink::nftables::{Chain, FakeRuleset, Ruleset, Transaction};

use super::{change, commit, usual};

fn add(name: &str) -> Transaction {
    change(|transaction| transaction.add_chain(Chain::regular(name)))
}

#[test]
fn another_program_that_acts_before_a_commit_makes_it_stale() {
    let mut fake = usual();
    fake.before_next_commit(|fake| fake.commit(&add("theirs"), None).expect("committed"));
    let at = fake.generation().expect("read");
    let error = fake.commit(&add("ours"), Some(at)).expect_err("stale");
    assert!(error.is_stale());
    assert_eq!(
        error.to_string(),
        "cannot change table inet t: Interrupted system call should be restarted (os error 85); \
         the ruleset has changed since it was read, maybe by another program; read it again"
    );
    let at = fake.generation().expect("read");
    fake.commit(&add("ours"), Some(at)).expect("read again");
    assert_eq!(fake.chains(&super::table()).expect("read").len(), 5);
}

#[test]
fn each_of_several_programs_acts_before_its_own_commit() {
    let mut fake = usual();
    for name in ["x", "y"] {
        fake.before_next_commit(move |fake| fake.commit(&add(name), None).expect("committed"));
    }
    let mut attempts = 0;
    while {
        attempts += 1;
        let at = fake.generation().expect("read");
        fake.commit(&add("ours"), Some(at)).is_err()
    } {}
    assert_eq!(attempts, 3);
    assert_eq!(fake.planned(), 0);
}

#[test]
fn any_commit_can_be_refused() {
    let mut fake = usual();
    fake.refuse_commit(1, errno::EPERM);
    fake.commit(&add("c"), None).expect("the first");
    let error = fake.commit(&add("d"), None).expect_err("the second");
    assert_eq!(error.errno(), Some(errno::EPERM));
    fake.commit(&add("d"), None).expect("the third");
}

#[test]
fn each_operation_can_be_refused_in_turn_and_aborts_the_transaction() {
    let change = |fake: &mut FakeRuleset| {
        commit(fake, |transaction| {
            transaction.add_chain(Chain::regular("c")).delete_chain("c").delete_chain("a")
        })
    };
    let before = usual();
    for (number, refused) in
        ["add chain inet t c", "delete chain inet t c", "delete chain inet t a"]
            .into_iter()
            .enumerate()
    {
        let mut fake = before.clone();
        fake.refuse_operation(number, errno::ENOBUFS);
        let error = change(&mut fake).expect_err("refused");
        assert_eq!(error.errno(), Some(errno::ENOBUFS));
        assert_eq!(format!("{} {}", error.operation, error.object), refused);
        assert_eq!(fake, before);
    }
    let mut fake = before;
    fake.refuse_operation(3, errno::ENOBUFS);
    change(&mut fake).expect("there is no fourth operation");
    assert_eq!(fake.planned(), 1);
}
