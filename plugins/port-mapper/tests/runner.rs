//! How the iptables backend runs its programs, shown with programs that only pretend.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use async_std::task::block_on;
use port_mapper::Error;
use port_mapper::backend::iptables::{Iptables, Variant};
use port_mapper::backend::{Backend, Before, Hints, Installed, Surroundings};
use port_mapper::claim::Claim;
use port_mapper::family::Family;
use serde_json::json;

/// A directory of pretended programs, which note how they were run.
struct Pretence(PathBuf);

/// Prints a listing if there is one.
const SAVE: &str = "cat \"$here/listing\" 2>/dev/null; exit 0";
/// Notes what it is told.
const RESTORE: &str = "cat >>\"$here/told\"; exit 0";

impl Pretence {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("port-mapper-runner-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        let pretence = Self(path);
        pretence.program("iptables-save", SAVE);
        pretence.program("iptables-restore", RESTORE);
        pretence.program("iptables", "echo 'iptables v1.8.9 (nf_tables)'");
        pretence
    }

    fn program(&self, name: &str, body: &str) {
        let here = self.0.display();
        // Written aside and renamed: a file that is open for writing somewhere can't be executed.
        let path = self.0.join(format!("{name}.new"));
        let text = format!("#!/bin/sh\nhere={here}\necho \"{name} $*\" >>\"$here/runs\"\n{body}\n");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(path, self.0.join(name)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }

    fn backend(&self, variant: Variant) -> Result<Iptables, Error> {
        let path = format!("{}:/usr/bin:/bin", self.0.display());
        let lock = self.0.join("xtables.lock").into_os_string();
        let surroundings = Surroundings { path: Some(path.into()), xtables_lock_file: Some(lock) };
        Iptables::find(variant, &surroundings, Duration::from_secs(1))
    }

    fn install(&self) -> Result<Installed, Error> {
        block_on(self.backend(Variant::Usual)?.install(&claim(), Before::Nothing, &|_| false))
    }

    fn remove(&self, families: Option<Vec<Family>>) -> Result<(), Error> {
        let hints = Hints { families, ..Hints::default() };
        block_on(self.backend(Variant::Usual)?.remove(&claim().owner, None, &hints))
    }
}

impl Drop for Pretence {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn claim() -> Claim {
    serde_json::from_value(json!({
        "version": 1, "owner": {"network": "n", "containerId": "c1", "ifname": "eth0"},
        "chain": "MESOS", "snat": true, "addresses": ["10.0.0.2/24"],
        "mappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}],
    }))
    .unwrap()
}

#[test]
fn an_add_is_one_listing_and_one_change() {
    let pretence = Pretence::new("add");
    assert!(pretence.install().unwrap().changed);
    assert_eq!(pretence.read("runs"), "iptables-save \niptables-restore -w 1 --noflush\n");
    assert!(pretence.read("told").contains("-A MESOS -p tcp"));
}

#[test]
fn nothing_to_change_is_one_listing_and_nothing_to_map_is_nothing() {
    let pretence = Pretence::new("nothing");
    pretence.remove(Some(vec![Family::V4])).unwrap();
    assert_eq!(pretence.read("runs"), "iptables-save \n");
    pretence.remove(Some(Vec::new())).unwrap();
    let empty = Claim { mappings: Vec::new(), ..claim() };
    let backend = pretence.backend(Variant::Usual).unwrap();
    assert!(!block_on(backend.install(&empty, Before::Nothing, &|_| false)).unwrap().changed);
    assert_eq!(pretence.read("runs"), "iptables-save \n");
}

#[test]
fn without_127_0_0_1_only_the_nat_table_is_listed() {
    let pretence = Pretence::new("nat");
    let backend = pretence.backend(Variant::Usual).unwrap();
    block_on(backend.install(&Claim { snat: false, ..claim() }, Before::Nothing, &|_| false))
        .unwrap();
    assert!(pretence.read("runs").starts_with("iptables-save -t nat\n"));
}

#[test]
fn programs_get_a_clean_environment() {
    let pretence = Pretence::new("environment");
    pretence.program("iptables-save", "env >\"$here/environment\"; exit 0");
    pretence.install().unwrap();
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
    let pretence = Pretence::new("missing");
    let error = pretence.backend(Variant::Legacy).map(drop).unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().starts_with("iptables-legacy-save is not installed in "), "{error}");
    assert_eq!(pretence.read("runs"), "");
}

#[test]
fn a_missing_ip6tables_matters_only_where_ipv6_rules_must_be() {
    let pretence = Pretence::new("ipv6");
    pretence.remove(None).unwrap();
    let error = pretence.remove(Some(vec![Family::V6])).unwrap_err();
    assert!(error.to_string().starts_with("ip6tables-save is not installed"), "{error}");
    let six = Claim { addresses: vec!["fd00::2/64".parse().unwrap()], ..claim() };
    let backend = pretence.backend(Variant::Usual).unwrap();
    assert!(
        block_on(backend.install(&six, Before::Nothing, &|_| false)).unwrap_err().is_unavailable()
    );
}

#[test]
fn a_failed_listing_is_a_failed_del_and_not_an_empty_one() {
    let pretence = Pretence::new("listing");
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
    let pretence = Pretence::new("old");
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
fn a_held_lock_is_a_passing_condition_whoever_says_so() {
    let pretence = Pretence::new("held");
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
    let pretence = Pretence::new("race");
    // At the first try the chain appears between listing and change.
    pretence.program(
        "iptables-restore",
        "if [ -e \"$here/listing\" ]; then cat >\"$here/told\"; exit 0; fi\n\
         printf '*nat\\n:MESOS - [0:0]\\nCOMMIT\\n' >\"$here/listing\"\n\
         echo 'line 2 failed: Chain already exists.' >&2; exit 1",
    );
    assert!(pretence.install().unwrap().changed);
    assert!(!pretence.read("told").contains("-N MESOS"), "{}", pretence.read("told"));
    assert_eq!(pretence.read("runs").lines().count(), 4);
}

#[test]
fn a_change_that_is_refused_twice_alike_is_not_tried_again_and_its_words_are_told() {
    let pretence = Pretence::new("refused");
    pretence.program("iptables-restore", "echo 'line 7 failed' >&2; exit 1");
    let error = pretence.install().unwrap_err();
    assert_eq!(error.code(), 103);
    assert!(
        error.to_string().ends_with("changing rules failed (exit status: 1): line 7 failed"),
        "{error}"
    );
    let runs = pretence.read("runs");
    assert_eq!(runs.matches("iptables-restore").count(), 2, "{runs}");
}

#[test]
fn an_iptables_that_is_too_old_is_told_so() {
    let pretence = Pretence::new("version");
    pretence.program("iptables", "echo 'iptables v1.4.19.1'");
    pretence.program("iptables-restore", "echo 'line 7 failed' >&2; exit 1");
    let error = pretence.install().unwrap_err();
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("v1.4.19.1 is too old; 1.4.20 or newer"), "{error}");
    assert!(block_on(pretence.backend(Variant::Usual).unwrap().ready()).is_err());
}

#[test]
fn a_missing_comment_match_is_named() {
    let pretence = Pretence::new("comment");
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
    let pretence = Pretence::new("incompatible");
    fs::write(pretence.0.join("listing"), "# Table `nat' is incompatible, use 'nft' tool.\n")
        .unwrap();
    let error = pretence.remove(None).unwrap_err();
    assert!(error.to_string().contains("table nat holds rules made by nft"), "{error}");
}
