//! How the iptables backend runs its programs, shown with programs that only pretend.

mod pretence;

use async_std::task::block_on;
use port_mapper::backend::iptables::Variant;
use port_mapper::backend::{Backend, Besides};
use port_mapper::claim::Claim;
use port_mapper::family::Family;
use pretence::{LISTING, Pretence, claim, known, mappings, owner};

#[test]
fn an_add_is_one_listing_and_one_change() {
    let pretence = Pretence::new();
    assert!(pretence.install().unwrap().changed);
    assert_eq!(pretence.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(2));
    assert!(pretence.read("told").contains("-A MESOS -p tcp"));
    assert_eq!(
        pretence.read("asked"),
        "*raw\n-S PREROUTING\nCOMMIT\n\
         *nat\n-S PREROUTING\n-S OUTPUT\n-S POSTROUTING\n-S PORT-MAPPER-MASQ\n-S MESOS\nCOMMIT\n\
         *raw\n-S PORT-MAPPER-GUARD\nCOMMIT\n"
    );
}

#[test]
fn where_rules_are_an_add_and_a_del_are_one_listing_and_one_change_too() {
    let pretence = Pretence::new();
    pretence.list(LISTING);
    let more = Claim { owner: owner("c2"), mappings: mappings(81), ..claim() };
    let backend = pretence.backend(Variant::Default).unwrap();
    assert!(
        block_on(backend.install(&more, Besides::Nothing, &|_| false)).unwrap().changed,
        "a second container has rules of its own"
    );
    let told = pretence.read("told");
    assert!(told.contains("-A MESOS") && !told.contains("-N "), "{told}");
    block_on(backend.remove(&claim().owner, Some(&claim()), &known())).unwrap();
    assert!(pretence.read("told").contains("-X MESOS"), "{}", pretence.read("told"));
    assert_eq!(pretence.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(4));
}

#[test]
fn a_guard_that_stayed_behind_is_looked_at_when_there_is_nothing_else() {
    let pretence = Pretence::new();
    pretence.list(&LISTING[LISTING.find("*raw").unwrap()..]);
    assert!(pretence.install().unwrap().changed);
    assert!(!pretence.read("told").contains("GUARD"), "{}", pretence.read("told"));
    assert!(pretence.read("asked").ends_with("*raw\n-S PORT-MAPPER-GUARD\nCOMMIT\n"));
    assert_eq!(pretence.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(3));
}

#[test]
fn chains_of_others_are_not_asked_for_except_those_that_may_hold_host_ports() {
    let pretence = Pretence::new();
    let kubernetes = "-A PREROUTING -m comment --comment \"-m addrtype --dst-type LOCAL -j SVC\" -j SVC\n\
                      -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
                      -A PREROUTING -m addrtype --dst-type LOCAL -j NEXT\n:NEXT - [0:0]\n";
    let rules: String = (0..5000).map(|port| format!("-A SVC -p tcp -j S-{port}\n")).collect();
    let listing = LISTING.replacen("*nat\n", &format!("*nat\n{kubernetes}{rules}"), 1);
    let taken = "-A NEXT -p tcp -m tcp --dport 81 -m comment --comment \"container_id: x network: next ifname: eth0\" -j DNAT --to-destination 10.0.0.9:80\nCOMMIT";
    let listing = listing.replacen("COMMIT", taken, 1);
    pretence.list(&listing);
    let backend = pretence.backend(Variant::Default).unwrap();
    let install = |mappings| {
        let more = Claim { owner: owner("c2"), mappings, ..claim() };
        block_on(backend.install(&more, Besides::Nothing, &|_| false))
    };
    let error = install(mappings(81)).unwrap_err();
    assert!(error.to_string().contains("belongs to container x (network next"), "{error}");
    install(mappings(82)).unwrap();
    assert_eq!(pretence.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(5));
    assert_eq!(pretence.read("asked").matches("-S NEXT\n").count(), 2);
    assert!(!pretence.read("asked").contains("SVC"), "{}", pretence.read("asked"));
    block_on(backend.remove(&claim().owner, Some(&claim()), &known())).unwrap();
    assert_eq!(
        pretence.read("asked").matches("-S NEXT\n").count(),
        2,
        "a DEL needs no other chain"
    );
}

#[test]
fn of_a_container_that_is_gone_all_rules_go_and_not_only_the_one_in_the_way() {
    let pretence = Pretence::new();
    pretence.list(LISTING);
    let backend = pretence.backend(Variant::Default).unwrap();
    let same_port = Claim { owner: owner("c2"), ..claim() };
    let installed =
        block_on(backend.install(&same_port, Besides::Nothing, &|_| true)).unwrap().replaced;
    assert_eq!(installed.len(), 1);
    let told = pretence.read("told");
    assert_eq!(
        told.lines().filter(|line| line.starts_with("-D") && line.contains("c1")).count(),
        3
    );
    let runs =
        "iptables-restore -w 60 --noflush\niptables-save \niptables-restore -w 60 --noflush\n";
    assert_eq!(pretence.read("runs"), runs);
}

#[test]
fn rules_that_are_not_where_they_should_be_are_looked_for_everywhere() {
    let pretence = Pretence::new();
    pretence.list(&LISTING.replace("MESOS", "OTHER"));
    let backend = pretence.backend(Variant::Default).unwrap();
    block_on(backend.remove(&claim().owner, Some(&claim()), &known())).unwrap();
    assert!(pretence.read("runs").contains("iptables-save"), "{}", pretence.read("runs"));
    assert!(pretence.read("told").contains("-D OTHER"), "{}", pretence.read("told"));
    // A chain without jumps, whose masquerading shows that it must be somewhere.
    let lost: String = LISTING
        .lines()
        .filter(|line| !line.ends_with("-j MESOS"))
        .map(|line| format!("{line}\n"))
        .collect();
    pretence.list(&lost.replace("MESOS", "OTHER"));
    let same_port = Claim { owner: owner("c2"), ..claim() };
    let error = block_on(backend.install(&same_port, Besides::Nothing, &|_| false)).unwrap_err();
    assert!(error.to_string().contains("belongs to container c1"), "{error}");
}

#[test]
fn nothing_to_change_is_one_listing_and_nothing_to_map_is_nothing() {
    let pretence = Pretence::new();
    pretence.remove(Some(vec![Family::V4])).unwrap();
    assert_eq!(pretence.read("runs"), "iptables-save \n");
    pretence.remove(Some(Vec::new())).unwrap();
    let empty = Claim { mappings: Vec::new(), ..claim() };
    let backend = pretence.backend(Variant::Default).unwrap();
    assert!(!block_on(backend.install(&empty, Besides::Nothing, &|_| false)).unwrap().changed);
    assert_eq!(pretence.read("runs"), "iptables-save \n");
}

#[test]
fn without_127_0_0_1_only_the_nat_table_is_listed() {
    let pretence = Pretence::new();
    let backend = pretence.backend(Variant::Default).unwrap();
    block_on(backend.install(&Claim { snat: false, ..claim() }, Besides::Nothing, &|_| false))
        .unwrap();
    assert!(pretence.read("asked").contains("-S MESOS") && !pretence.read("asked").contains("raw"));
    // An iptables-restore that does not list.
    pretence.program("iptables-restore", "cat >\"$here/input\"; ! grep -q '^-S' \"$here/input\"");
    block_on(backend.install(&Claim { snat: false, ..claim() }, Besides::Nothing, &|_| false))
        .unwrap();
    assert!(pretence.read("runs").contains("iptables-save -t nat\n"));
}

#[test]
fn programs_get_a_clean_environment() {
    let pretence = Pretence::new();
    pretence.program("iptables-save", "env >\"$here/environment\"; exit 0");
    pretence.remove(Some(vec![Family::V4])).unwrap();
    let environment = pretence.read("environment");
    // The shell adds some of its own.
    let mut names: Vec<&str> = environment
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["LC_ALL", "PATH", "XTABLES_LOCKFILE"]);
}

#[test]
fn a_missing_program_is_named_before_anything_is_run() {
    let pretence = Pretence::new();
    let error = pretence.backend(Variant::Legacy).map(drop).unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().starts_with("iptables-legacy-save is not installed in "), "{error}");
    assert_eq!(pretence.read("runs"), "");
}

#[test]
fn a_missing_ip6tables_matters_only_where_ipv6_rules_must_be() {
    let pretence = Pretence::new();
    pretence.remove(None).unwrap();
    let error = pretence.remove(Some(vec![Family::V6])).unwrap_err();
    assert!(error.to_string().starts_with("ip6tables-save is not installed"), "{error}");
    let six = Claim { addresses: vec!["fd00::2/64".parse().unwrap()], ..claim() };
    let backend = pretence.backend(Variant::Default).unwrap();
    assert!(
        block_on(backend.install(&six, Besides::Nothing, &|_| false)).unwrap_err().is_unavailable()
    );
}

#[test]
fn a_failed_listing_is_a_failed_del_and_not_an_empty_one() {
    let pretence = Pretence::new();
    pretence.program("iptables-save", "echo 'out of luck' >&2; exit 1");
    let error = pretence.remove(None).unwrap_err();
    assert_eq!(error.code(), 103);
    assert!(
        error.to_string().contains("listing rules failed (exit status: 1): out of luck"),
        "{error}"
    );
}

#[test]
fn an_old_restore_without_w_is_run_under_the_lock_that_we_take() {
    let pretence = Pretence::new();
    pretence.program("iptables", "echo 'iptables v1.6.1'");
    // The socket of 1.4 and the file of 1.6 must both be held while the second one runs.
    pretence.program(
        "iptables-restore",
        "case \"$*\" in *-w*) echo \"iptables-restore: invalid option -- 'w'\" >&2; \
         echo \"Can't open 1: No such file or directory\" >&2; exit 1;; esac\n\
         flock -n \"$here/xtables.lock\" true && echo free >\"$here/lock\" || echo held >\"$here/lock\"\n\
         grep -q '@xtables$' /proc/net/unix && echo held >>\"$here/lock\"\n\
         cat >\"$here/told\"; exit 0",
    );
    assert!(pretence.install().unwrap().changed);
    assert_eq!(pretence.read("lock"), "held\nheld\n");
    assert!(pretence.read("told").contains("COMMIT"));
}

#[test]
fn an_option_that_the_kernel_lacks_the_match_for_is_not_taken_for_an_old_iptables() {
    let pretence = Pretence::new();
    let said = "iptables-restore v1.8.9 (legacy): unknown option \"--dst-type\"";
    pretence.restore(&format!("echo '{said}' >&2; exit 2"));
    let error = pretence.install().unwrap_err();
    assert!(error.to_string().contains(said), "{error}");
    let without_wait = pretence.read("runs").matches("iptables-restore --noflush").count();
    assert_eq!(without_wait, 0, "it would wait for the lock that we hold");
}

#[test]
fn a_held_lock_is_a_passing_condition_whoever_says_so() {
    let pretence = Pretence::new();
    pretence.program(
        "iptables-restore",
        "echo 'Another app is currently holding the xtables lock. Stopped waiting after 1s.' >&2; exit 4",
    );
    let error = pretence.install().unwrap_err();
    assert_eq!(error.code(), 11);
    assert!(error.to_string().contains("Stopped waiting after 1s"), "{error}");
}

#[test]
fn a_change_that_somebody_was_faster_with_is_decided_anew() {
    let pretence = Pretence::new();
    // At the first try the chain appears between listing and change.
    pretence.restore(
        "if [ -e \"$here/listing\" ]; then cat \"$input\" >\"$here/told\"; exit 0; fi\n\
         printf '*nat\\n:MESOS - [0:0]\\nCOMMIT\\n' >\"$here/listing\"\n\
         echo 'line 2 failed: Chain already exists.' >&2; exit 1",
    );
    assert!(pretence.install().unwrap().changed);
    assert!(!pretence.read("told").contains("-N MESOS"), "{}", pretence.read("told"));
    assert_eq!(pretence.read("runs").lines().count(), 4);
}

#[test]
fn a_change_that_is_refused_twice_alike_is_not_tried_again_and_its_words_are_told() {
    let pretence = Pretence::new();
    pretence.restore("echo refused >>\"$here/told\"; echo 'line 7 failed' >&2; exit 1");
    let error = pretence.install().unwrap_err();
    assert_eq!(error.code(), 103);
    assert!(
        error.to_string().ends_with("changing rules failed (exit status: 1): line 7 failed"),
        "{error}"
    );
    assert_eq!(pretence.read("told"), "refused\n".repeat(2));
}

#[test]
fn an_iptables_that_is_too_old_is_told_so() {
    let pretence = Pretence::new();
    pretence.program("iptables", "echo 'iptables v1.4.19.1'");
    pretence.program("iptables-restore", "echo 'line 7 failed' >&2; exit 1");
    let error = pretence.install().unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("v1.4.19.1 is too old; 1.4.20 or newer"), "{error}");
    assert!(block_on(pretence.backend(Variant::Default).unwrap().ready()).is_err());
}

#[test]
fn a_missing_comment_match_is_named() {
    let pretence = Pretence::new();
    pretence.program(
        "iptables-restore",
        "echo \"Couldn't load match \\`comment':No such file or directory\" >&2; exit 2",
    );
    let error = pretence.install().unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("load the kernel module xt_comment"), "{error}");
}

#[test]
fn a_table_that_iptables_cannot_show_is_not_taken_for_empty() {
    let pretence = Pretence::new();
    pretence.list("# Table `nat' is incompatible, use 'nft' tool.\n");
    let error = pretence.remove(None).unwrap_err();
    assert!(error.to_string().contains("table nat holds rules made by nft"), "{error}");
}
