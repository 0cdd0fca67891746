//! Counts the processes of a call with strace.

use std::collections::BTreeMap;

use super::figures::{Processes, Trace};
use super::fixture::{Fixture, measured_attachment};
use super::rows::Row;
use crate::outcome::Outcome;

const FILE: &str = "/run/bench-calls/trace";
const CALLS: &str = "trace=execve,clone,clone3,fork,vfork";

/// Counts the processes of one ADD and one DEL of the row on this host.
pub(crate) fn count(row: &Row, fixture: &mut Fixture) -> Outcome<Processes> {
    Ok(Processes { add: traced(row, fixture, "ADD")?, del: traced(row, fixture, "DEL")? })
}

fn traced(row: &Row, fixture: &mut Fixture, verb: &str) -> Outcome<Trace> {
    let mut call = row.call(verb, &measured_attachment(0));
    let program = std::mem::replace(&mut call.program, "/usr/bin/strace".to_owned());
    let args = ["-f", "-qq", "-o", FILE, "-e", CALLS, "-e", "signal=none", "--", &program];
    call.arguments = args.map(str::to_owned).into();
    fixture.client.run_ok(call)?;
    let text = std::fs::read_to_string(fixture.path(FILE));
    Ok(read(&text.map_err(|error| format!("strace's output: {error}"))?))
}

/// Reads strace's lines, `PID CALL(…) = RESULT`. A call is split into two lines if another process
/// ran during it.
fn read(text: &str) -> Trace {
    let mut trace = Trace { processes: 1, programs: Vec::new() };
    let mut started: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        let Some((pid, line)) = line.trim_start().split_once(char::is_whitespace) else { continue };
        let line = line.trim_start();
        let whole = if line.ends_with("<unfinished ...>") {
            started.insert(pid, line);
            continue;
        } else if line.starts_with("<...") {
            started.remove(pid)
        } else {
            Some(line)
        };
        let (Some(call), Some((_, result))) = (whole, line.rsplit_once(" = ")) else { continue };
        let succeeded = !result.starts_with(['-', '?']);
        if call.starts_with("execve(") {
            trace.programs.extend(program(call).filter(|_| succeeded));
        } else if !call.contains("CLONE_THREAD") && succeeded {
            trace.processes += 1;
        }
    }
    trace
}

/// Returns the file name of the executed program.
fn program(call: &str) -> Option<String> {
    let path = call.split('"').nth(1)?;
    path.rsplit('/').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACED: &str = r#"10 execve("/usr/lib/cni/portmap", ["portmap"], 0x1 /* 7 vars */) = 0
10 clone(child_stack=0xc0, flags=CLONE_VM|CLONE_FS|CLONE_THREAD|CLONE_SYSVSEM) = 11
10 clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD}, 88 <unfinished ...>
12 execve("/run/bench-iptables/iptables", ["iptables", "-S"], 0x1 /* 7 vars */ <unfinished ...>
10 <... clone3 resumed>) = 12
12 <... execve resumed>) = 0
10 vfork( <unfinished ...>
13 execve("/nowhere/ip6tables", ["ip6tables"], 0x1) = -1 ENOENT (No such file or directory)
13 execve("/sbin/ip6tables", ["ip6tables"], 0x1) = 0
10 <... vfork resumed>) = 13
"#;

    #[test]
    fn threads_and_failed_calls_are_not_counted() {
        let trace = read(TRACED);
        assert_eq!(trace.processes, 3);
        assert_eq!(trace.programs, ["portmap", "iptables", "ip6tables"]);
        assert_eq!(trace.iptables(), [1, 1]);
    }
}
