//! On what was measured: kernel, processors, versions. Nothing that names the machine.

use std::process::Command;

use serde::Serialize;

use super::caller::Scheduling;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) kernel: String,
    pub(crate) processors: String,
    pub(crate) scheduling: String,
    /// Whether optimised programs were measured.
    pub(crate) optimised: bool,
    /// How the programs were linked.
    pub(crate) linked: String,
    pub(crate) versions: Vec<String>,
}

impl Machine {
    pub(crate) fn look(scheduling: Scheduling, optimised: bool) -> Self {
        let versions = [
            said("iptables-nft", &["--version"]),
            said("iptables-legacy", &["--version"]),
            said("nft", &["--version"]),
            said(
                "dpkg-query",
                &["-W", "-f", "${Package} ${Version}", "containernetworking-plugins"],
            ),
            said("rustc", &["--version"]),
        ];
        Self {
            date: said("date", &["--utc", "+%Y-%m-%d"]).unwrap_or_default(),
            kernel: said("uname", &["-sr"]).unwrap_or_default(),
            processors: processors(),
            scheduling: match scheduling {
                Scheduling::RealTime => "real-time (round robin) for single calls and traffic",
                Scheduling::Nice | Scheduling::Ordinary => "ordinary: this machine refuses better",
            }
            .to_owned(),
            optimised,
            linked: match optimised {
                true => "plugins statically, as they are shipped; delegate, transaction and empty process with shared libraries",
                false => "with shared libraries",
            }
            .to_owned(),
            versions: versions.into_iter().flatten().collect(),
        }
    }
}

fn processors() -> String {
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let list = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = list.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!("{count} × {}", model.unwrap_or("unknown processor"))
}

/// The first line that a program prints; nothing when it is not there.
fn said(program: &str, words: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(words).output().ok().filter(|out| out.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}
