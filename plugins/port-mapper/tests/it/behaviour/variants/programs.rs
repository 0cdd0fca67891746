//! Which programs are run, and how a variant is found.

use std::fs;

use serde_json::{Value, json};

use super::{Alternatives, LEGACY, NFT, NFTABLES};
use crate::common::{add, del, plugin};
use crate::programs::executable;

/// Makes `iptables` and its companions scripts that run a variant and record how they were run.
fn wrap(host: &Alternatives, variant: &str) {
    for family in ["iptables", "ip6tables"] {
        for program in ["", "-save", "-restore"] {
            let real = variant.replacen("iptables", family, 1) + program;
            let script = format!(
                "echo {family}{program} $* >>'{}/runs'\nexec /usr/sbin/{real} \"$@\"",
                host.bin().display()
            );
            let path = host.bin().join(format!("{family}{program}"));
            fs::remove_file(&path).expect("a link");
            executable(&path, &script);
        }
    }
}

/// Returns the runs that were recorded since the last time.
pub(super) fn runs(host: &Alternatives) -> String {
    let file = host.bin().join("runs");
    let runs = fs::read_to_string(&file).unwrap_or_default();
    let _ = fs::remove_file(file);
    runs
}

#[test]
fn a_variant_that_is_the_default_needs_no_program_of_its_own_name() {
    for (variant, other) in [(NFT, LEGACY), (LEGACY, NFT)] {
        let host = Alternatives::without_own_names(variant, json!(variant));
        let call = host.call("c1", 8080);
        add(&call);
        assert_eq!((host.places_of("c1"), host.noted()), (vec![variant], json!(variant)));
        del(&call);
        host.assert_nothing_is_left();
        host.switch(other);
        let (code, msg, _) = call.run(plugin()).error();
        assert!(code == 103 && msg.contains(&format!("{variant}-save is not installed")), "{msg}");
    }
}

#[test]
fn a_script_is_asked_for_its_version_once_and_its_variant_is_noted() {
    for (variant, other) in [(NFT, LEGACY), (LEGACY, NFT)] {
        for own_names in [true, false] {
            let host = match own_names {
                true => Alternatives::new(other, Value::Null),
                false => Alternatives::without_own_names(other, Value::Null),
            };
            wrap(&host, variant);
            let call = host.call("c1", 8080);
            add(&call);
            let runs = runs(&host);
            assert_eq!(runs.matches("--version").count(), 1, "{variant}: {runs}");
            assert!(runs.contains("iptables-restore -w"), "the host's programs are run: {runs}");
            assert_eq!((host.places_of("c1"), host.noted()), (vec![variant], json!(variant)));
            del(&call);
            host.assert_nothing_is_left();
        }
    }
}

#[test]
fn links_tell_the_variant_and_no_program_is_asked() {
    for variant in [NFT, LEGACY] {
        let host = Alternatives::new(variant, Value::Null);
        // The links lead to the scripts through a name that tells.
        wrap(&host, variant);
        for family in ["iptables", "ip6tables"] {
            for program in ["", "-save", "-restore"] {
                let name = host.bin().join(format!("{family}{program}"));
                let told = host.bin().join(variant.replacen("iptables", family, 1) + program);
                fs::rename(&name, &told).expect("a script");
                super::link(&told, &name);
            }
        }
        let call = host.call("c1", 8080);
        add(&call);
        assert_eq!(host.places_of("c1"), [variant]);
        del(&call);
        let runs = runs(&host);
        assert!(!runs.contains("--version"), "{runs}");
        host.assert_nothing_is_left();
    }
}

#[test]
fn rules_that_no_installed_program_can_remove_are_an_error_for_their_owner_only() {
    for (variant, other) in [(NFT, LEGACY), (LEGACY, NFT)] {
        let host = Alternatives::new(variant, Value::Null);
        add(&host.call("c1", 8080));
        let host = Alternatives { more: "/usr/bin", ..host };
        host.switch(other);
        for state in ["kept", "lost"] {
            if state == "lost" {
                host.host().sh("rm -r /run/mesos-cni-port-mapper");
            }
            let (code, msg, _) = host.call("c1", 8080).as_verb("DEL").run(plugin()).error();
            assert_eq!(code, 11, "{variant}, {state}: DEL can be repeated: {msg}");
            for part in [&format!("{variant}-save"), "not installed", "rules of container c1 "] {
                assert!(msg.contains(part), "{variant}, {state}: {part}: {msg}");
            }
            del(&host.call("unknown", 8080));
        }
        let host = Alternatives { more: "/usr/sbin:/usr/bin", ..host };
        del(&host.call("c1", 8080));
        host.assert_nothing_is_left();
    }
}

#[test]
fn a_claim_of_an_uninstalled_variant_without_rules_is_no_obstacle() {
    let host = Alternatives::new(NFT, json!(NFT));
    let call = host.call("c1", 8080);
    add(&call);
    host.host().sh("nft flush ruleset");
    let host = Alternatives { more: "/usr/bin", ..host };
    host.switch(LEGACY);
    del(&host.call("c1", 8080));
    host.assert_nothing_is_left();
}

/// Makes the programs of a variant scripts that record how they were run, and fail.
pub(super) fn record_and_fail(host: &Alternatives, variant: &str) {
    for family in ["iptables", "ip6tables"] {
        for program in ["", "-save", "-restore"] {
            let name = variant.replacen("iptables", family, 1) + program;
            let script = format!("echo {name} $* >>'{}/runs'; exit 1", host.bin().display());
            executable(&host.bin().join(name), &script);
        }
    }
}

#[test]
fn a_del_starts_no_program_for_tables_that_others_use() {
    for (used, unused) in [(NFTABLES, LEGACY), (NFTABLES, NFT), (NFT, LEGACY), (LEGACY, NFT)] {
        for snat in [true, false] {
            let host = Alternatives::new(NFT, json!(used));
            for table in ["raw", "nat"] {
                host.host().sh(&format!(
                    "{unused} -w -t {table} -N OTHERS
                     {unused} -w -t {table} -A PREROUTING -j OTHERS"
                ));
            }
            record_and_fail(&host, unused);
            let call = host.call("c1", 8080).key("snat", json!(snat));
            add(&call);
            del(&call);
            assert_eq!(runs(&host), "", "{used}, with {unused} tables of others");
            call.key("backend", json!(unused)).run(plugin()).error();
            assert_ne!(runs(&host), "", "a call that needs {unused} runs its recording programs");
        }
    }
}

#[test]
fn a_guard_that_another_backend_left_is_removed_with_the_last_rules() {
    for (used, before) in [(NFTABLES, LEGACY), (NFTABLES, NFT), (NFT, LEGACY), (LEGACY, NFT)] {
        let host = Alternatives::new(NFT, json!(used));
        host.host().sh(&format!(
            "{before} -w -t raw -N PORT-MAPPER-GUARD
             {before} -w -t raw -A PORT-MAPPER-GUARD -d 127.0.0.0/8 ! -i lo -j DROP
             {before} -w -t raw -A PORT-MAPPER-GUARD -s 127.0.0.0/8 ! -i lo -j DROP
             {before} -w -t raw -A PREROUTING -j PORT-MAPPER-GUARD"
        ));
        let call = host.call("c1", 8080);
        add(&call);
        del(&call);
        host.assert_nothing_is_left();
    }
}
