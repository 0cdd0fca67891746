//! Refusals and their messages. The socket is usable afterwards.

use cni_netlink::nftables::{
    Chain, DataType, Field, Hook, Kernel, Key, Limit, Log, Reject, Rule, Ruleset, Selector, SetRef,
    Statement, TimeUnit, Transaction, ValueType, Verdict,
};

use crate::host::{inside, run, run_helper};
use crate::ruleset::{self, dnat4, ifname, intervals, nat, set, table, target4, tcp, v4};

/// Returns the refusal of a change to an existing table, and asserts that the socket is usable.
fn refused(kernel: &mut Kernel, change: impl FnOnce(&mut Transaction)) -> String {
    let mut transaction = Transaction::new(table());
    transaction.add_table();
    kernel.commit(&transaction, None).expect("committed");
    change(&mut transaction);
    let error = kernel.commit(&transaction, None).expect_err("refused").to_string();
    kernel.table(&table()).expect("the socket is usable").expect("the table");
    let mut harmless = Transaction::new(table());
    harmless.add_chain(Chain::regular("harmless"));
    kernel.commit(&harmless, None).expect("committed");
    error
}

fn jump(chain: &str) -> Statement {
    Statement::Verdict(Verdict::Jump(chain.to_owned()))
}

#[test]
fn the_message_names_a_refused_element_and_the_cause() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let mut check = |expected: &str, change: &dyn Fn(&mut Transaction)| {
            let error = refused(&mut kernel, |transaction| change(transaction));
            assert_eq!(error, expected);
        };
        check(
            "cannot delete element inet port-mapper dnat4 { tcp . 81 }: No such file or directory \
             (os error 2); the element does not exist",
            &|transaction| {
                let set = dnat4();
                transaction.add_set(&set).add_element(&set, tcp(80), target4("10.0.0.1", 80), None);
                transaction.delete_element(&set, tcp(80)).delete_element(&set, tcp(81));
            },
        );
        check(
            "cannot add element inet port-mapper dnat4 { tcp . 80 }: No such file or directory \
             (os error 2); set or map dnat4 does not exist",
            &|transaction| {
                transaction.add_element(&dnat4(), tcp(80), target4("10.0.0.1", 80), None);
            },
        );
        check(
            "cannot add element inet port-mapper dnat4 { 10.0.0.1 . tcp . 80 }: Invalid argument \
             (os error 22); its key or its value probably does not have the types of dnat4",
            &|transaction| {
                let key = Key::One(vec![v4("10.0.0.1"), ruleset::TCP, Field::Port(80)]);
                transaction.add_set(&dnat4()).add_element(
                    &dnat4(),
                    key,
                    target4("10.0.0.1", 80),
                    None,
                );
            },
        );
    });
}

#[test]
fn the_message_names_a_refused_interval_of_many() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let ports = intervals(set("ports", &[DataType::InetService], ValueType::None));
        let at = |port| Key::Range(vec![(Field::Port(port), Field::Port(port + 5))]);
        let mut all = Transaction::new(table());
        all.add_table().add_set(&ports).add_element(&ports, at(5005), None, None);
        kernel.commit(&all, None).expect("committed");
        let mut more = Transaction::new(table());
        (0..1000).for_each(|number| {
            more.add_element(&ports, at(10 * number), None, None);
        });
        let error = kernel.commit(&more, None).expect_err("one of them overlaps");
        assert_eq!(error.object, "element inet port-mapper ports { 5000-5005 }");
    });
}

#[test]
fn the_message_names_a_refused_chain_or_rule_and_what_is_missing() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let mut check = |expected: &str, change: &dyn Fn(&mut Transaction)| {
            let error = refused(&mut kernel, |transaction| change(transaction));
            assert_eq!(error, expected);
        };
        let look_up = |map: &str| Statement::VerdictMap {
            left: vec![Selector::L4Proto, Selector::ThDport],
            map: map.to_owned(),
        };
        check(
            "cannot add rule inet port-mapper harmless meta l4proto . th dport vmap @none: \
             No such file or directory (os error 2); set or map none probably does not exist \
             or has other types",
            &|transaction| {
                transaction
                    .add_chain(Chain::regular("harmless"))
                    .add_rule(Rule::new("harmless", [look_up("none")]));
            },
        );
        check(
            "cannot add rule inet port-mapper harmless fib daddr type local jump none: \
             No such file or directory (os error 2); chain none probably does not exist or is \
             not a valid target here",
            &|transaction| {
                let rule = Rule::new("harmless", [Statement::FibDaddrLocal, jump("none")]);
                transaction.add_chain(Chain::regular("harmless")).add_rule(rule);
            },
        );
        check(
            "cannot delete chain inet port-mapper used: Device or resource busy (os error 16); \
             it is still referenced",
            &|transaction| {
                transaction.add_chain(Chain::regular("used")).add_chain(Chain::regular("user"));
                transaction.add_rule(Rule::new("user", [jump("used")])).delete_chain("used");
            },
        );
        check(
            "cannot delete chain inet port-mapper none: No such file or directory (os error 2)",
            &|transaction| {
                transaction.delete_chain("none");
            },
        );
    });
}

#[test]
fn an_object_that_exists_with_another_definition_is_refused() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let error = refused(&mut kernel, |transaction| {
            transaction.add_chain(nat("c", Hook::Prerouting, -100)).add_chain(nat(
                "c",
                Hook::Output,
                5,
            ));
        });
        assert!(error.starts_with("cannot add chain inet port-mapper c: "), "{error}");
        assert!(error.contains("it exists with another"), "{error}");
    });
}

#[test]
fn a_loop_of_jumps_is_refused() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let error = refused(&mut kernel, |transaction| {
            transaction.add_chain(nat("base", Hook::Prerouting, -100));
            transaction.add_chain(Chain::regular("a")).add_chain(Chain::regular("b"));
            transaction.add_rule(Rule::new("base", [jump("a")]));
            transaction.add_rule(Rule::new("a", [jump("b")])).add_rule(Rule::new("b", [jump("a")]));
        });
        assert!(error.contains("(os error 31); jumps between chains form a loop"), "{error}");
    });
}

#[test]
fn translation_outside_a_nat_chain_is_refused_with_the_reason() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let error = refused(&mut kernel, |transaction| {
            let base = nat("base", Hook::Prerouting, -100);
            transaction.add_chain(base).add_rule(Rule::new("base", [Statement::Masquerade]));
        });
        assert!(error.starts_with("cannot add rule inet port-mapper base masquerade: "), "{error}");
        assert!(error.contains("os error"), "{error}");
    });
}

#[test]
fn the_message_names_a_missing_table() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let mut transaction = Transaction::new(table());
        transaction.add_chain(Chain::regular("c"));
        let error = kernel.commit(&transaction, None).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "cannot add chain inet port-mapper c: No such file or directory (os error 2); \
             table inet port-mapper does not exist"
        );
        transaction = Transaction::new(table());
        transaction.delete_table();
        assert_eq!(kernel.commit(&transaction, None).expect_err("refused").errno(), Some(2));
        assert_eq!(run("nft list ruleset"), "");
    });
}

#[test]
fn what_nft_could_not_read_back_never_reaches_the_kernel() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let mut check = |expected: &str, change: &dyn Fn(&mut Transaction)| {
            let error = refused(&mut kernel, |transaction| change(transaction));
            assert!(error.contains(expected), "{error}");
        };
        let add = |transaction: &mut Transaction, comment: &str| {
            transaction.add_element(
                &dnat4(),
                tcp(80),
                target4("10.0.0.1", 80),
                Some(comment.to_owned()),
            );
        };
        check(
            "{ tcp . 80 }: the comment is longer than 128 bytes, the limit of nft",
            &|transaction| add(transaction, &"x".repeat(129)),
        );
        check("quotation mark", &|transaction| add(transaction, "a\"b"));
        check("control character", &|transaction| add(transaction, "a\nb"));
        check("a name is empty or contains a NUL", &|transaction| {
            transaction.delete_chain("a\0b");
        });
        check("a name is empty or contains a NUL", &|transaction| {
            transaction.flush_chain("");
        });
        check("a link's name is longer than 15 bytes", &|transaction| {
            let links = set("links", &[DataType::Ifname], ValueType::None);
            transaction.add_set(&links).add_element(
                &links,
                Key::One(vec![ifname(&"x".repeat(16))]),
                None,
                None,
            );
        });
        check("different types", &|transaction| {
            let set = SetRef::Anonymous(vec![Field::Port(1), Field::Port(2)]);
            let within = Statement::InSet { left: vec![Selector::Iifname], negated: false, set };
            transaction.add_rule(Rule::new("harmless", [within]));
        });
        let rule = |statements: &[Statement]| {
            let rule = Rule::new("harmless", statements);
            move |transaction: &mut Transaction| {
                transaction.add_rule(rule.clone());
            }
        };
        check("no state to match", &rule(&[Statement::CtState(vec![])]));
        check("rate of a limit is 0", &rule(&[Statement::Limit(Limit::new(0, TimeUnit::Day))]));
        let log = |prefix: &str| rule(&[Statement::Log(Log::new().with_prefix(prefix))]);
        check("longer than 127 bytes", &log(&"x".repeat(128)));
        check("a quotation mark", &log("\""));
        check("requires a match of TCP", &rule(&[Statement::Reject(Reject::TcpReset)]));
        let ports = intervals(set("ports", &[DataType::InetService], ValueType::None));
        check("before its first one", &|transaction| {
            let reversed = Key::Range(vec![(Field::Port(2), Field::Port(1))]);
            transaction.add_set(&ports).add_element(&ports, reversed, None, None);
        });
        check("names of links", &|transaction| {
            transaction.add_set(&intervals(set("l", &[DataType::Ifname], ValueType::None)));
        });
        check("the key has no fields", &|transaction| {
            transaction.delete_element(&dnat4(), Key::One(vec![]));
        });
        let fitting = &"x".repeat(128);
        let mut most = Transaction::new(table());
        most.add_set(&dnat4());
        add(&mut most, fitting);
        kernel.commit(&most, None).expect("128 bytes fit");
        assert!(run("nft list ruleset").contains(fitting));
    });
}

#[test]
fn of_thousands_of_refusals_the_first_is_reported_and_the_socket_is_usable() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        let error = refused(&mut kernel, |transaction| {
            transaction.add_chain(Chain::regular("c"));
            for handle in 1_000..6_000 {
                transaction.delete_rule("c", handle);
            }
        });
        let object = "cannot delete rule inet port-mapper c handle 1000: No such file";
        assert!(error.starts_with(object), "{error}");
    });
}

#[test]
fn the_message_names_a_missing_privilege() {
    inside(|| {
        run_helper("setpriv --bounding-set -all --inh-caps -all", an_unprivileged_commit);
    });
}

#[test]
#[ignore = "a helper of the test above, which starts it without the privilege"]
fn an_unprivileged_commit() {
    let mut kernel = Kernel::open().expect("a socket");
    let mut transaction = Transaction::new(table());
    transaction.add_table();
    let error = kernel.commit(&transaction, None).expect_err("no privilege");
    assert_eq!(error.errno(), Some(1));
    assert!(error.to_string().contains("needs CAP_NET_ADMIN"), "{error}");
    let error = kernel.generation().expect_err("no privilege");
    assert!(error.to_string().contains("needs CAP_NET_ADMIN"), "{error}");
}

/// Returns a transaction that adds `count` elements to the map of host ports. With the longest
/// comment each has 170 bytes.
fn elements(count: u16, comment: &str) -> Transaction {
    let (mut transaction, set) = (Transaction::new(table()), dnat4());
    transaction.add_table().add_set(&set);
    for number in 1..=count {
        let comment = Some(comment.to_owned());
        transaction.add_element(&set, tcp(number), target4("10.0.0.1", number), comment);
    }
    transaction
}

fn count(kernel: &mut Kernel) -> usize {
    kernel.elements(&table(), &dnat4()).expect("listed").len()
}

#[test]
fn a_transaction_that_exceeds_the_send_buffer_is_refused_with_the_remedy_except_for_root() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        kernel
            .commit(&elements(u16::MAX, &"x".repeat(128)), None)
            .expect("root may exceed the limit");
        assert_eq!(count(&mut kernel), usize::from(u16::MAX));
        let as_own_root = "unshare --user --map-root-user --net";
        run_helper(as_own_root, a_commit_without_the_hosts_privileges);
    });
}

#[test]
#[ignore = "a helper of the test above, which starts it without the privileges"]
fn a_commit_without_the_hosts_privileges() {
    let mut kernel = Kernel::open().expect("a socket");
    // 11 MB; the limit is usually 400 kB.
    let error = kernel.commit(&elements(u16::MAX, &"x".repeat(128)), None).expect_err("too much");
    assert!(error.to_string().contains("net.core.wmem_max="), "{error}");
    assert_eq!(kernel.table(&table()).expect("looked up"), None);
    kernel.commit(&elements(5_000, "c"), None).expect("more than the default fits");
    assert_eq!(count(&mut kernel), 5_000);
}
