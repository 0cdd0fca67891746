//! Transactions are atomic, isolated and of any size.

use std::collections::HashSet;
use std::thread;

use cni_netlink::nftables::{
    Field, Kernel, Key, Operation, Ruleset, Set, Table, Transaction, Value,
};

use crate::host::{inside, run};
use crate::ruleset::{TCP, dnat4, everything, sets, table, target4, tcp, v4};

fn kernel() -> Kernel {
    Kernel::open().expect("a socket")
}

/// Adds the table and its map of host ports.
fn prepare(kernel: &mut Kernel) -> Set {
    let set = dnat4();
    kernel.commit(Transaction::new(table()).add_table().add_set(&set), None).expect("committed");
    set
}

fn port(kernel: &mut Kernel, set: &Set, port: u16) -> Option<Value> {
    let found = kernel.find(&table(), &[(set, tcp(port))]).expect("looked up");
    found.into_iter().next().flatten().and_then(|element| element.value)
}

#[test]
fn a_transaction_with_an_existing_key_is_refused_as_a_whole() {
    inside(|| {
        let mut kernel = kernel();
        let set = prepare(&mut kernel);
        let mut first = Transaction::new(table());
        first.add_element(&set, tcp(80), target4("10.0.0.1", 80), Some("c1".to_owned()));
        kernel.commit(&first, None).expect("committed");
        kernel.commit(&first, None).expect("adding the same again is not an error");

        let mut second = Transaction::new(table());
        for number in [79, 80, 81] {
            second.add_element(&set, tcp(number), target4("10.0.0.2", 80), Some("c2".to_owned()));
        }
        let error = kernel.commit(&second, None).expect_err("taken");
        assert_eq!(
            error.to_string(),
            "cannot add element inet port-mapper dnat4 { tcp . 80 }: File exists (os error 17); \
             an element with this key, or an overlapping one, exists with another value"
        );
        assert_eq!((error.errno(), error.is_stale()), (Some(17), false));
        assert_eq!(port(&mut kernel, &set, 80), target4("10.0.0.1", 80));
        assert_eq!((port(&mut kernel, &set, 79), port(&mut kernel, &set, 81)), (None, None));
        assert_eq!(kernel.elements(&table(), &set).expect("listed").len(), 1);
    });
}

#[test]
fn a_transaction_at_a_stale_generation_is_refused() {
    inside(|| {
        let mut kernel = kernel();
        let set = prepare(&mut kernel);
        let before = kernel.generation().expect("read");
        run("nft add table ip other");
        let mut transaction = Transaction::new(table());
        transaction.add_element(&set, tcp(80), target4("10.0.0.1", 80), None);
        let error = kernel.commit(&transaction, Some(before)).expect_err("stale");
        assert!(error.is_stale());
        assert!(error.to_string().starts_with("cannot change table inet port-mapper: "), "{error}");
        assert_eq!(port(&mut kernel, &set, 80), None);
        let now = kernel.generation().expect("read");
        assert_ne!(before, now);
        kernel.commit(&transaction, Some(now)).expect("committed");
        assert_eq!(port(&mut kernel, &set, 80), target4("10.0.0.1", 80));
    });
}

#[test]
fn twenty_thousand_elements_fit_one_transaction() {
    inside(|| {
        let mut kernel = kernel();
        let set = prepare(&mut kernel);
        let mut add = Transaction::new(table());
        let mut delete = Transaction::new(table());
        for number in 1..=20_000 {
            let comment = format!("container_id: {}", "0123456789abcdef".repeat(6));
            add.add_element(&set, tcp(number), target4("10.0.0.1", number), Some(comment));
            delete.delete_element(&set, tcp(number));
        }
        kernel.commit(&add, None).expect("committed");
        assert_eq!(kernel.elements(&table(), &set).expect("listed").len(), 20_000);
        let keys: Vec<(&Set, Key)> = (1..=20_000).map(|number| (&set, tcp(number))).collect();
        let found = kernel.find(&table(), &keys).expect("found");
        for (number, element) in (1..).zip(found) {
            assert_eq!(element.expect("found").value, target4("10.0.0.1", number));
        }
        // One existing key at the end: the error names this key.
        let mut taken = Transaction::new(table());
        for number in 20_001..=40_000 {
            let number = if number == 39_999 { 7 } else { number };
            taken.add_element(&set, tcp(number), target4("10.0.0.2", 1), Some("x".repeat(100)));
        }
        let error = kernel.commit(&taken, None).expect_err("taken");
        assert_eq!(error.object, "element inet port-mapper dnat4 { tcp . 7 }");
        kernel.commit(&delete, None).expect("committed");
        assert_eq!(kernel.elements(&table(), &set).expect("listed"), []);
    });
}

#[test]
fn a_point_finds_the_interval_that_contains_it_and_an_interval_only_itself() {
    inside(|| {
        let (mut kernel, table) = (kernel(), table());
        kernel.commit(&everything(), None).expect("committed");
        let (set, elements) =
            sets().into_iter().find(|(set, _)| set.name == "range-dnat4").expect("the set");
        let point = |address, port| Key::One(vec![v4(address), TCP, Field::Port(port)]);
        let (whole, _, _) = elements[0].clone();
        let Key::Range(mut part) = whole.clone() else { panic!("an interval") };
        part[2].1 = Field::Port(7008);
        let keys = [
            (&set, point("203.0.113.9", 7000)),
            (&set, point("0.0.0.0", 7009)),
            (&set, point("203.0.113.9", 7010)),
            (&set, point("203.0.113.9", 6999)),
            (&set, whole.clone()),
            (&set, Key::Range(part)),
        ];
        let found = kernel.find(&table, &keys).expect("looked up");
        let found: Vec<Option<Key>> =
            found.into_iter().map(|element| element.map(|element| element.key)).collect();
        let whole = Some(whole);
        assert_eq!(found, [whole.clone(), whole.clone(), None, None, whole, None]);
    });
}

#[test]
fn nothing_is_found_if_the_table_the_set_or_the_element_is_missing() {
    inside(|| {
        let mut kernel = kernel();
        let set = dnat4();
        let other = Set::new("other", dnat4().key, dnat4().value);
        let find = |kernel: &mut Kernel, set| kernel.find(&table(), &[(set, tcp(80))]);
        assert_eq!(find(&mut kernel, &set).expect("no table"), [None]);
        assert_eq!(kernel.elements(&table(), &set).expect("no table"), []);
        prepare(&mut kernel);
        assert_eq!(find(&mut kernel, &other).expect("no set"), [None]);
        assert_eq!(kernel.elements(&table(), &other).expect("no set"), []);
        assert_eq!(find(&mut kernel, &set).expect("no element"), [None]);
        assert_eq!(kernel.find(&table(), &[]).expect("nothing"), []);
        // A key of another type is not a missing element.
        let wrong = (&set, Key::One(vec![v4("10.0.0.1"), TCP, Field::Port(1)]));
        let error = kernel.find(&table(), &[(&set, tcp(1)), wrong]).expect_err("another type");
        assert!(error.to_string().contains("dnat4 { 10.0.0.1 . tcp . 1 }: Invalid"), "{error}");
        assert_eq!(find(&mut kernel, &set).expect("the socket is usable"), [None]);
    });
}

#[test]
fn no_update_of_concurrent_threads_is_lost() {
    inside(|| {
        const THREADS: u16 = 8;
        const EACH: u16 = 40;
        let mut kernel = kernel();
        let set = prepare(&mut kernel);
        let counter = |number: u16| Key::One(vec![Field::Proto(17), Field::Port(number)]);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..EACH).fold(0, |from, _| add_next(&set, counter, from)));
            }
        });
        let keys: Vec<_> = (0..=THREADS * EACH).map(|number| (&set, counter(number))).collect();
        let found = kernel.find(&table(), &keys).expect("looked up");
        let count = found.iter().take_while(|element| element.is_some()).count();
        assert_eq!(count, usize::from(THREADS * EACH));
    });
}

/// Adds the first missing element and returns its number, which is correct only if no other thread
/// adds it meanwhile.
///
/// All elements before `from` exist. They are looked up one by one, which takes another code path
/// in the kernel than a listing.
fn add_next(set: &Set, key: impl Fn(u16) -> Key, mut from: u16) -> u16 {
    const AT_ONCE: u16 = 16;
    let mut kernel = kernel();
    loop {
        let at = kernel.generation().expect("read");
        let keys: Vec<_> = (from..from + AT_ONCE).map(|number| (set, key(number))).collect();
        let found = kernel.find(&table(), &keys).expect("looked up");
        from += u16::try_from(found.iter().take_while(|element| element.is_some()).count())
            .expect("few");
        if found.iter().all(Option::is_some) {
            continue;
        }
        let mut transaction = Transaction::new(table());
        transaction.add_element(set, key(from), target4("10.0.0.1", from), None);
        match kernel.commit(&transaction, Some(at)) {
            Ok(()) => return from,
            Err(error) if error.is_stale() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_listing_has_every_element_once_while_the_kernel_resizes_the_set() {
    inside(|| {
        let mut kernel = kernel();
        let set = prepare(&mut kernel);
        let mut count = 0;
        // It resizes some time after a commit that fills three quarters of a power of two, or
        // leaves less than 30 % in use.
        for next in [24_500, 25_000, 49_000, 50_000, 39_000, 50_000, 39_000, 50_000] {
            let mut transaction = Transaction::new(table());
            for number in count + 1..=next {
                transaction.add_element(&set, tcp(number), target4("10.0.0.1", 1), None);
            }
            for number in next + 1..=count {
                transaction.delete_element(&set, tcp(number));
            }
            kernel.commit(&transaction, None).expect("committed");
            count = next;
            let listed = kernel.elements(&table(), &set).expect("listed");
            let keys: HashSet<&Key> = listed.iter().map(|element| &element.key).collect();
            assert_eq!((listed.len(), keys.len()), (usize::from(count), usize::from(count)));
        }
    });
}

#[test]
fn only_what_is_deleted_no_longer_exists() {
    inside(|| {
        let (mut kernel, table) = (kernel(), table());
        kernel.commit(&everything(), None).expect("committed");
        let rules = kernel.rules(&table).expect("listed");
        let in_chain = |rules: &[cni_netlink::nftables::InstalledRule], chain: &str| {
            rules.iter().filter(|rule| rule.chain == chain).count()
        };
        let victim = rules.iter().find(|rule| rule.chain == "hostports").expect("one");
        let (sets, before) = (sets(), in_chain(&rules, "hostports"));
        let of = |name: &str| sets.iter().find(|(set, _)| set.name == name).expect("it");
        let mut delete = Transaction::new(table.clone());
        delete.delete_rule("hostports", victim.handle);
        delete.flush_chain("guard");
        delete.delete_chain("in");
        delete.delete_set("links").delete_set("at");
        delete.delete_set("protocols").delete_set("services");
        for name in ["range-dnat4", "ports4"] {
            let (set, elements) = of(name);
            delete.delete_element(set, elements[0].0.clone());
        }
        kernel.commit(&delete, None).expect("committed");
        let after = kernel.rules(&table).expect("listed");
        assert_eq!(in_chain(&after, "hostports"), before - 1);
        assert!(after.iter().all(|rule| rule.handle != victim.handle));
        assert_eq!((in_chain(&after, "guard"), in_chain(&after, "CNI-all")), (0, 6));
        assert_eq!(kernel.chain(&table, "in").expect("looked up"), None);
        for name in ["range-dnat4", "ports4", "hosts4"] {
            let (set, elements) = of(name);
            let deleted = usize::from(name != "hosts4");
            let left = kernel.elements(&table, set).expect("listed").len();
            assert_eq!(left, elements.len() - deleted);
        }
        kernel.commit(Transaction::new(table.clone()).delete_table(), None).expect("committed");
        assert_eq!(kernel.table(&table).expect("looked up"), None);
    });
}

#[test]
fn tables_of_one_family_have_rules_without_matches_of_the_family() {
    inside(|| {
        use cni_netlink::nftables::{Chain, Family, Rule, Selector, Statement};
        let table = Table::new(Family::Ip, "t");
        let left = vec![Selector::IpDaddr, Selector::L4Proto, Selector::ThDport];
        let rule = Rule::new(
            "c",
            [Statement::Dnat {
                family: Family::Ip,
                left,
                map: "host-dnat4".to_owned(),
                with_port: true,
            }],
        );
        let set = sets().into_iter().find(|(set, _)| set.name == "host-dnat4").expect("it").0;
        let mut transaction = Transaction::new(table.clone());
        transaction.add_table().add_chain(Chain::regular("c")).add_set(&set).add_rule(rule.clone());
        let mut kernel = kernel();
        kernel.commit(&transaction, None).expect("committed");
        let installed = kernel.rules(&table).expect("listed");
        assert!(
            installed[0].is_equivalent_to(&rule, Family::Ip)
                && !installed[0].is_equivalent_to(&rule, Family::Inet)
        );
        assert_eq!(installed[0].to_string(), rule.to_string());
        let made = run("nft list ruleset");
        run("nft delete table ip t");
        std::fs::write("/run/t.nft", transaction.to_string()).expect("written");
        run("nft -f /run/t.nft");
        assert_eq!(run("nft list ruleset"), made);
        assert!(transaction.operations().iter().all(|one| !matches!(one, Operation::DeleteTable)));
    });
}
