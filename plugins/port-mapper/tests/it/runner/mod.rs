//! How the iptables backend runs its programs, tested with fake ones.

mod fake;

use async_std::task::block_on;
use fake::{FakeIptables, LISTING, claim, hints, mappings, owner};
use port_mapper::backend::iptables::Variant;
use port_mapper::backend::{Backend, ExistingRules, Guard};
use port_mapper::claim::Claim;
use port_mapper::family::Family;

#[test]
fn an_add_is_one_listing_and_one_change() {
    let fake = FakeIptables::new();
    assert!(fake.install().unwrap().changed);
    assert_eq!(fake.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(2));
    assert!(fake.read("changes").contains("-A MESOS -p tcp"));
    assert_eq!(
        fake.read("requests"),
        "*raw\n-S PREROUTING\nCOMMIT\n\
         *nat\n-S PREROUTING\n-S OUTPUT\n-S POSTROUTING\n-S PORT-MAPPER-MASQ\n-S MESOS\nCOMMIT\n\
         *raw\n-S PORT-MAPPER-GUARD\nCOMMIT\n"
    );
}

#[test]
fn an_add_and_a_del_next_to_existing_rules_are_one_listing_and_one_change() {
    let fake = FakeIptables::new();
    fake.list(LISTING);
    let more = Claim { owner: owner("c2"), mappings: mappings(81), ..claim() };
    let backend = fake.backend(Variant::Default).unwrap();
    assert!(
        block_on(backend.install(&more, ExistingRules::OfClaim, Guard::AsRulesRequire))
            .unwrap()
            .changed,
        "a second container gets its own rules"
    );
    let changes = fake.read("changes");
    assert!(changes.contains("-A MESOS") && !changes.contains("-N "), "{changes}");
    block_on(backend.remove(&claim().owner, Some(&claim()), &hints())).unwrap();
    assert!(fake.read("changes").contains("-X MESOS"), "{}", fake.read("changes"));
    assert_eq!(fake.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(4));
}

#[test]
fn a_guard_without_other_rules_is_found() {
    let fake = FakeIptables::new();
    fake.list(&LISTING[LISTING.find("*raw").unwrap()..]);
    assert!(fake.install().unwrap().changed);
    assert!(!fake.read("changes").contains("GUARD"), "{}", fake.read("changes"));
    assert!(fake.read("requests").ends_with("*raw\n-S PORT-MAPPER-GUARD\nCOMMIT\n"));
    assert_eq!(fake.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(3));
}

#[test]
fn of_other_programs_only_chains_that_may_map_host_ports_are_listed() {
    let fake = FakeIptables::new();
    let kubernetes = "-A PREROUTING \
                      -m comment --comment \"-m addrtype --dst-type LOCAL -j SVC\" -j SVC\n\
                      -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
                      -A PREROUTING -m addrtype --dst-type LOCAL -j NEXT\n:NEXT - [0:0]\n";
    let rules: String = (0..5000).map(|port| format!("-A SVC -p tcp -j S-{port}\n")).collect();
    let listing = LISTING.replacen("*nat\n", &format!("*nat\n{kubernetes}{rules}"), 1);
    let taken = "-A NEXT -p tcp -m tcp --dport 81 \
                 -m comment --comment \"container_id: x network: next ifname: eth0\" \
                 -j DNAT --to-destination 10.0.0.9:80\nCOMMIT";
    let listing = listing.replacen("COMMIT", taken, 1);
    fake.list(&listing);
    let backend = fake.backend(Variant::Default).unwrap();
    let install = |mappings| {
        let more = Claim { owner: owner("c2"), mappings, ..claim() };
        block_on(backend.install(&more, ExistingRules::OfClaim, Guard::AsRulesRequire))
    };
    let error = install(mappings(81)).unwrap_err();
    assert!(error.to_string().contains("belongs to container x (network next"), "{error}");
    install(mappings(82)).unwrap();
    assert_eq!(fake.read("runs"), "iptables-restore -w 60 --noflush\n".repeat(5));
    assert_eq!(fake.read("requests").matches("-S NEXT\n").count(), 2);
    assert!(!fake.read("requests").contains("SVC"), "{}", fake.read("requests"));
    block_on(backend.remove(&claim().owner, Some(&claim()), &hints())).unwrap();
    assert_eq!(fake.read("requests").matches("-S NEXT\n").count(), 2, "a DEL needs no other chain");
}

#[test]
fn rules_in_an_unexpected_chain_are_found_by_a_complete_listing() {
    let fake = FakeIptables::new();
    fake.list(&LISTING.replace("MESOS", "OTHER"));
    let backend = fake.backend(Variant::Default).unwrap();
    block_on(backend.remove(&claim().owner, Some(&claim()), &hints())).unwrap();
    assert!(fake.read("runs").contains("iptables-save"), "{}", fake.read("runs"));
    assert!(fake.read("changes").contains("-D OTHER"), "{}", fake.read("changes"));
    // A chain without jumps, whose masquerade rules show that it must exist.
    let lost: String = LISTING
        .lines()
        .filter(|line| !line.ends_with("-j MESOS"))
        .map(|line| format!("{line}\n"))
        .collect();
    fake.list(&lost.replace("MESOS", "OTHER"));
    let same_port = Claim { owner: owner("c2"), ..claim() };
    let error =
        block_on(backend.install(&same_port, ExistingRules::OfClaim, Guard::AsRulesRequire))
            .unwrap_err();
    assert!(error.to_string().contains("belongs to container c1"), "{error}");
}

#[test]
fn without_a_change_there_is_one_listing_and_without_mappings_none() {
    let fake = FakeIptables::new();
    fake.remove(Some(vec![Family::V4])).unwrap();
    assert_eq!(fake.read("runs"), "iptables-save \n");
    fake.remove(Some(Vec::new())).unwrap();
    let empty = Claim { mappings: Vec::new(), ..claim() };
    let backend = fake.backend(Variant::Default).unwrap();
    assert!(
        !block_on(backend.install(&empty, ExistingRules::OfClaim, Guard::AsRulesRequire))
            .unwrap()
            .changed
    );
    assert_eq!(fake.read("runs"), "iptables-save \n");
}

#[test]
fn only_the_nat_table_is_listed_unless_127_0_0_1_is_served() {
    let fake = FakeIptables::new();
    let backend = fake.backend(Variant::Default).unwrap();
    block_on(backend.install(
        &Claim { snat: false, ..claim() },
        ExistingRules::OfClaim,
        Guard::AsRulesRequire,
    ))
    .unwrap();
    assert!(fake.read("requests").contains("-S MESOS") && !fake.read("requests").contains("raw"));
    // An iptables-restore that can't list.
    fake.program("iptables-restore", "cat >\"$here/input\"; ! grep -q '^-S' \"$here/input\"");
    block_on(backend.install(
        &Claim { snat: false, ..claim() },
        ExistingRules::OfClaim,
        Guard::AsRulesRequire,
    ))
    .unwrap();
    assert!(fake.read("runs").contains("iptables-save -t nat\n"));
}

#[test]
fn programs_get_a_clean_environment() {
    let fake = FakeIptables::new();
    fake.program("iptables-save", "env >\"$here/environment\"; exit 0");
    fake.remove(Some(vec![Family::V4])).unwrap();
    let environment = fake.read("environment");
    // The shell adds some.
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
    let fake = FakeIptables::new();
    let error = fake.backend(Variant::Legacy).map(drop).unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().starts_with("iptables-legacy-save is not installed in "), "{error}");
    assert_eq!(fake.read("runs"), "");
}

#[test]
fn a_missing_ip6tables_matters_only_where_ipv6_is_mapped() {
    let fake = FakeIptables::new();
    fake.remove(None).unwrap();
    assert!(fake.read("runs").contains("iptables-save"), "the rules of IPv4 are listed");
    let six = Claim { addresses: vec!["fd00::2/64".parse().unwrap()], ..claim() };
    let backend = fake.backend(Variant::Default).unwrap();
    assert!(
        block_on(backend.install(&six, ExistingRules::OfClaim, Guard::AsRulesRequire))
            .unwrap_err()
            .is_unavailable()
    );
}

#[test]
fn an_old_restore_without_w_runs_while_the_plugin_holds_the_lock() {
    let fake = FakeIptables::new();
    fake.program("iptables", "echo 'iptables v1.6.1'");
    // Both the socket of 1.4 and the file of 1.6 must be locked while the second process runs.
    fake.program(
        "iptables-restore",
        "case \"$*\" in *-w*) echo \"iptables-restore: invalid option -- 'w'\" >&2; \
         echo \"Can't open 1: No such file or directory\" >&2; exit 1;; esac\n\
         flock -n \"$here/xtables.lock\" true && echo free >\"$here/lock\" \
         || echo held >\"$here/lock\"\n\
         grep -q '@xtables$' /proc/net/unix && echo held >>\"$here/lock\"\n\
         cat >\"$here/changes\"; exit 0",
    );
    assert!(fake.install().unwrap().changed);
    assert_eq!(fake.read("lock"), "held\nheld\n");
    assert!(fake.read("changes").contains("COMMIT"));
}

#[test]
fn an_option_of_a_match_that_the_kernel_lacks_is_not_taken_for_an_old_iptables() {
    let fake = FakeIptables::new();
    let message = "iptables-restore v1.8.9 (legacy): unknown option \"--dst-type\"";
    fake.restore(&format!("echo '{message}' >&2; exit 2"));
    let error = fake.install().unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
    let without_wait = fake.read("runs").matches("iptables-restore --noflush").count();
    assert_eq!(without_wait, 0, "it would wait for the plugin's own lock");
}

#[test]
fn a_held_lock_that_iptables_reports_is_a_retryable_error() {
    let fake = FakeIptables::new();
    fake.program(
        "iptables-restore",
        "echo 'Another app is currently holding the xtables lock. \
         Stopped waiting after 1s.' >&2; exit 4",
    );
    let error = fake.install().unwrap_err();
    assert_eq!(error.code(), 11);
    assert!(error.to_string().contains("Stopped waiting after 1s"), "{error}");
}

#[test]
fn a_change_is_decided_again_if_another_program_was_faster() {
    let fake = FakeIptables::new();
    // At the first attempt the chain is created between the listing and the change.
    fake.restore(
        "if [ -e \"$here/listing\" ]; then cat \"$input\" >\"$here/changes\"; exit 0; fi\n\
         printf '*nat\\n:MESOS - [0:0]\\nCOMMIT\\n' >\"$here/listing\"\n\
         echo 'line 2 failed: Chain already exists.' >&2; exit 1",
    );
    assert!(fake.install().unwrap().changed);
    assert!(!fake.read("changes").contains("-N MESOS"), "{}", fake.read("changes"));
    assert_eq!(fake.read("runs").lines().count(), 4);
}

#[test]
fn a_change_that_is_refused_twice_is_not_repeated_and_its_message_is_reported() {
    let fake = FakeIptables::new();
    fake.restore("echo refused >>\"$here/changes\"; echo 'line 7 failed' >&2; exit 1");
    let error = fake.install().unwrap_err();
    assert_eq!(error.code(), 103);
    assert!(
        error.to_string().ends_with("changing rules failed (exit status: 1): line 7 failed"),
        "{error}"
    );
    assert_eq!(fake.read("changes"), "refused\n".repeat(2));
}

#[test]
fn an_iptables_that_is_too_old_is_reported() {
    let fake = FakeIptables::new();
    fake.program("iptables", "echo 'iptables v1.4.19.1'");
    fake.program("iptables-restore", "echo 'line 7 failed' >&2; exit 1");
    let error = fake.install().unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("v1.4.19.1 is too old; 1.4.20 or newer"), "{error}");
    assert!(block_on(fake.backend(Variant::Default).unwrap().ready()).is_err());
}

#[test]
fn a_missing_comment_match_is_named() {
    let fake = FakeIptables::new();
    fake.program(
        "iptables-restore",
        "echo \"Couldn't load match \\`comment':No such file or directory\" >&2; exit 2",
    );
    let error = fake.install().unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("load the kernel module xt_comment"), "{error}");
}
