//! Faults at system calls, tried on programs that everybody knows.

use cni_test_kit::{CallBuilder, Fault, FaultedCall};

const EIO: i32 = 5;

/// All that happens to a program by a fault at each of its system calls, and at last without one.
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
    CallBuilder::version().stdin("words")
}

#[test]
fn a_program_is_killed_before_each_of_its_calls_and_then_not_any_more() {
    let all = everywhere(&call(), "/bin/cat", Fault::KillPlugin);
    let (last, killed) = all.split_last().unwrap();
    assert!(killed.len() > 10, "{}", killed.len());
    assert!(killed.iter().all(|faulted| faulted.outcome.code() == Some(137)));
    assert!(killed.iter().all(|faulted| faulted.to_string().starts_with("cat killed before call")));
    assert_eq!((last.outcome.code(), last.outcome.stdout.as_str()), (Some(0), "words"));
    // The words come with one call: they are all there, or none.
    assert!(killed.iter().all(|faulted| ["", "words"].contains(&faulted.outcome.stdout.as_str())));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_call_that_fails_did_not_happen_and_its_caller_is_told_why() {
    let all = everywhere(&call(), "/bin/cat", Fault::Fail(EIO));
    let said =
        |faulted: &&FaultedCall| faulted.outcome.stderr.ends_with("cat: -: Input/output error\n");
    let refused = all.iter().find(said).unwrap_or_else(|| panic!("no read failed: {all:#?}"));
    assert_eq!(refused.outcome.code(), Some(1));
    assert_eq!(all.last().unwrap().outcome.stdout, "words");
}

#[test]
fn the_caller_is_killed_where_that_is_asked_for_and_its_parent_lives() {
    let call = CallBuilder::version().stdin("cat /dev/null; echo ended with $?");
    let all = everywhere(&call, "/bin/sh", Fault::KillCaller);
    let of_child = |faulted: &&FaultedCall| faulted.to_string().starts_with("cat killed");
    let child = all.iter().find(of_child).expect("the child was killed");
    assert_eq!(child.outcome.code(), Some(0), "{}", child.outcome);
    assert_eq!(child.outcome.stdout, "ended with 137\n");
}
