//! A process that deleted something ends without waiting for it to be freed.

mod host;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use host::{inside, ruleset};
use netfilter::nftables::{Kernel, Ruleset, Transaction};
use ruleset::{dnat4, table, target4, tcp};

const TEST: &str = "a_process_that_closes_later_ends_at_once";
/// Says how the child ends: `later` or `now`.
const CHILD: &str = "NETFILTER_TEST_CLOSES";

#[allow(clippy::disallowed_methods, reason = "how a child knows that it is one")]
fn asked_to_close() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// What the child does: adds and deletes an element, and ends.
fn delete_and_end(how: &str) {
    let mut kernel = Kernel::open().expect("a socket");
    let set = dnat4();
    let mut transaction = Transaction::on(table());
    transaction.add_element(&set, tcp(80), target4("10.0.0.1", 80), None);
    transaction.delete_element(&set, tcp(81));
    kernel.commit(&transaction, None).expect("committed");
    match how {
        "later" => kernel.close_later(),
        _ => drop(kernel),
    }
}

/// How long a child takes.
fn child(how: &str) -> Duration {
    let mut kernel = Kernel::open().expect("a socket");
    let set = dnat4();
    let mut again = Transaction::on(table());
    again.add_table().add_set(&set).add_element(&set, tcp(81), target4("10.0.0.1", 80), None);
    kernel.commit(&again, None).expect("committed");
    drop(kernel);
    let mut itself = Command::new(std::env::current_exe().expect("the test binary"));
    itself.args([TEST, "--exact"]).env(CHILD, how).stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = itself.status().expect("starts");
    let took = start.elapsed();
    assert!(status.success());
    let mut kernel = Kernel::open().expect("a socket");
    assert_eq!(kernel.find(&table(), &[(&set, tcp(81))]).expect("asked"), [None], "it is gone");
    drop(kernel);
    // What it left behind must not be measured with the next one.
    let patience = Instant::now() + Duration::from_secs(5);
    while is_a_socket_open() {
        assert!(Instant::now() < patience, "the kernel never closed it");
        thread::sleep(Duration::from_millis(1));
    }
    took
}

fn median(how: &str) -> Duration {
    let mut times: Vec<Duration> = (0..15).map(|_| child(how)).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// The processes in this network namespace.
fn processes() -> Vec<String> {
    let own = fs::read_link("/proc/self/ns/net").expect("a namespace");
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let mut processes: Vec<String> = entries
        .filter(|entry| fs::read_link(entry.path().join("ns/net")).is_ok_and(|net| net == own))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.parse::<u32>().is_ok())
        .collect();
    processes.sort();
    processes
}

/// Whether a netfilter socket is open in this network namespace, the kernel's own left out.
fn is_a_socket_open() -> bool {
    let table = fs::read_to_string("/proc/net/netlink").expect("the sockets");
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(
        |columns| matches!(columns[..], [_, protocol, port, ..] if protocol == "12" && port != "0"),
    )
}

#[test]
fn a_process_that_closes_later_ends_at_once() {
    if let Some(how) = asked_to_close() {
        return delete_and_end(&how);
    }
    inside(TEST, || {
        let before = processes();
        let (now, later) = (median("now"), median("later"));
        let left: Vec<String> =
            processes().into_iter().filter(|process| !before.contains(process)).collect();
        assert_eq!(left, Vec::<String>::new(), "no process is left");
        // With little to wait for, on a kernel that hurries, there is nothing to gain.
        let waits = now > Duration::from_millis(8);
        assert!(!waits || later + Duration::from_millis(3) < now, "{later:?} against {now:?}");
    });
}
