//! A process exits without waiting for deleted objects to be freed.
//!
//! The benchmark of the `nftables` backend measures how much time that saves. These tests show how
//! it works: the socket remains open until the process has exited, and then the kernel closes it.

use std::fs;

use cni_netlink::nftables::{Kernel, Ruleset, Transaction};

use crate::host::{inside, run_helper, wait_until};
use crate::ruleset::{dnat4, table, target4, tcp};

/// Returns a socket over which an element was deleted. Closing it makes the process wait.
fn after_a_deletion() -> Kernel {
    let (mut kernel, set) = (Kernel::open().expect("a socket"), dnat4());
    let mut add = Transaction::new(table());
    add.add_table().add_set(&set).add_element(&set, tcp(80), target4("10.0.0.1", 80), None);
    kernel.commit(&add, None).expect("committed");
    let mut delete = Transaction::new(table());
    delete.delete_element(&set, tcp(80));
    kernel.commit(&delete, None).expect("committed");
    kernel
}

/// Returns the number of netfilter sockets in this network namespace, without the kernel's.
fn open_sockets() -> usize {
    let table = fs::read_to_string("/proc/net/netlink").expect("the sockets");
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    columns
        .filter(|columns| {
            matches!(columns[..], [_, protocol, port, ..] if protocol == "12" && port != "0")
        })
        .count()
}

/// Returns the processes in this network namespace.
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

#[test]
fn a_socket_that_is_closed_later_remains_open_until_its_process_exits() {
    inside(|| {
        drop(after_a_deletion());
        assert_eq!(open_sockets(), 0, "closed immediately");
        after_a_deletion().close_in_background();
        assert_eq!(
            open_sockets(),
            1,
            "left to the kernel (fails if io_uring is disabled on this host)"
        );
        (0..20).for_each(|_| after_a_deletion().close_in_background());
        assert_eq!(open_sockets(), 16, "the number of sockets that a process leaves is limited");
    });
}

#[test]
fn the_kernel_closes_it_after_its_process_has_exited() {
    inside(|| {
        let before = processes();
        run_helper("env", close_later_and_exit);
        wait_until("the kernel has closed it", || open_sockets() == 0);
        assert_eq!(processes(), before, "no process is left");
    });
}

#[test]
#[ignore = "a helper of the test above, which starts it"]
fn close_later_and_exit() {
    after_a_deletion().close_in_background();
    assert_eq!(open_sockets(), 1);
}
