//! Faults at system calls, injected into well-known programs.

use cni_test_kit::{CallBuilder, Fault, FaultedCall, Host};
use nix::libc;

const EIO: i32 = 5;

/// Runs a program with a fault at each of its system calls, and finally without a fault.
fn everywhere(call: &CallBuilder, program: &str, fault: Fault) -> Vec<FaultedCall> {
    let mut all = Vec::new();
    for number in 1.. {
        let faulted = call.run_with_fault(program, number, fault);
        let is_last = faulted.at.is_none();
        all.push(faulted);
        if is_last {
            break;
        }
    }
    all
}

fn call() -> CallBuilder {
    CallBuilder::version().stdin("text")
}

#[test]
fn a_program_is_killed_before_each_of_its_system_calls_that_changes_something_outside_it() {
    let all = everywhere(&call(), "/bin/cat", Fault::KillPlugin);
    let (last, killed) = all.split_last().unwrap();
    // It closes files, writes the text and exits, but is not killed where it only reads or maps.
    assert!((4..20).contains(&killed.len()), "{}", killed.len());
    let at = killed.iter().map(FaultedCall::to_string).collect::<String>();
    for (name, call, counts) in [("write", libc::SYS_write, true), ("mmap", libc::SYS_mmap, false)]
    {
        assert_eq!(at.contains(&format!("(system call {call} by cat)")), counts, "{name}: {at}");
    }
    assert!(killed.iter().all(|faulted| faulted.outcome.code() == Some(137)));
    assert!(killed.iter().all(|faulted| faulted.to_string().starts_with("cat killed before call")));
    assert_eq!((last.outcome.code(), last.outcome.stdout.as_str()), (Some(0), "text"));
    // The text is written by one system call: either all of it is written or nothing.
    assert!(killed.iter().all(|faulted| ["", "text"].contains(&faulted.outcome.stdout.as_str())));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_failed_system_call_does_not_happen_and_returns_the_error() {
    let all = everywhere(&call(), "/bin/cat", Fault::Fail(EIO));
    let is_reported =
        |faulted: &&FaultedCall| faulted.outcome.stderr.ends_with("cat: -: Input/output error\n");
    let refused =
        all.iter().find(is_reported).unwrap_or_else(|| panic!("no read failed: {all:#?}"));
    assert_eq!(refused.outcome.code(), Some(1));
    assert_eq!(all.last().unwrap().outcome.stdout, "text");
}

#[test]
fn only_the_caller_is_killed_and_its_parent_survives() {
    let call = CallBuilder::version().stdin("cat /dev/null; echo ended with $?");
    let all = everywhere(&call, "/bin/sh", Fault::KillCaller);
    let of_child = |faulted: &&FaultedCall| faulted.to_string().starts_with("cat killed");
    let child = all.iter().find(of_child).expect("the child was killed");
    assert_eq!(child.outcome.code(), Some(0), "{}", child.outcome);
    assert_eq!(child.outcome.stdout, "ended with 137\n");
}

#[test]
fn without_a_netfilter_subsystem_the_kernel_refuses_its_requests_and_no_others() {
    let host = Host::new();
    let call = CallBuilder::version().stdin("").within(&host);
    let list = |fault, script: &str| {
        let call = call.clone().stdin(script);
        call.run_with_fault("/bin/sh", 1, fault)
    };
    let refused =
        list(Fault::NoNfTables, "nft list ruleset; ip link show lo >/dev/null && echo up");
    assert!(refused.at.is_some_and(|at| at.ends_with("were refused")), "it sends requests");
    let message = &refused.outcome.stderr;
    assert!(message.contains("Invalid argument"), "as without the module: {}", refused.outcome);
    assert_eq!(refused.outcome.stdout, "up\n", "links are another interface");
    let other = list(Fault::NoConntrack, "nft list ruleset");
    assert_eq!((other.at, other.outcome.code()), (None, Some(0)), "{}", other.outcome);
}
