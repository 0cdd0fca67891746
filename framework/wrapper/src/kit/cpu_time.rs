//! The processor time of a process: one that uses some is not stuck.

use std::fs;

/// How many generations of children are looked at: a plugin, its helper, and a script's program.
const GENERATIONS: u32 = 3;

/// Returns the processor time of a process and its children so far, in ticks of the kernel's clock.
///
/// `None` if there is no such process, or none that this process can see.
pub(super) fn cpu_time(process: u32) -> Option<u64> {
    of_generations(process, GENERATIONS)
}

fn of_generations(process: u32, left: u32) -> Option<u64> {
    let own = parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)?;
    if left == 0 {
        return Some(own);
    }
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_ascii_whitespace().filter_map(|child| child.parse().ok());
    let of_children: u64 = children.filter_map(|child| of_generations(child, left - 1)).sum();
    Some(own + of_children)
}

/// Parses the times of a process and of its children that have ended: the 14th to the 17th field.
/// The second is a name in parentheses, which may contain anything.
fn parse(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let times = fields.split_ascii_whitespace().skip(11).take(4);
    Some(times.filter_map(|time| time.parse::<u64>().ok()).sum())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_times_follow_a_name_that_may_contain_anything() {
        let stat = "7 (a) 1 (b) S 1 7 7 0 -1 4194560 10 11 12 13 100 20 3 4 20 0 1 0 99 5 6";
        assert_eq!(parse(stat), Some(127));
        assert_eq!(parse("7 (a"), None);
    }

    #[test]
    fn a_process_that_only_waits_uses_none_and_one_that_has_ended_has_none() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let own = cpu_time(std::process::id());
        assert!(cpu_time(child.id()).is_some() && own >= cpu_time(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(cpu_time(child.id()), None);
    }
}
