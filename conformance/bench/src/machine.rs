//! The machine of a run: kernel, processors, versions; nothing that identifies it.

use std::process::Command;

use serde::{Deserialize, Serialize};

use super::client::Scheduling;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) kernel: String,
    pub(crate) processors: String,
    pub(crate) scheduling: String,
    /// Whether the programs were optimised.
    pub(crate) optimised: bool,
    /// How the programs were linked.
    pub(crate) linked: String,
    pub(crate) versions: Vec<String>,
}

impl Machine {
    pub(crate) fn observe(scheduling: Scheduling, optimised: bool) -> Self {
        let versions = [
            first_line("iptables-nft", &["--version"]),
            first_line("iptables-legacy", &["--version"]),
            first_line("nft", &["--version"]),
            first_line(
                "dpkg-query",
                &["-W", "-f", "${Package} ${Version}", "containernetworking-plugins"],
            ),
            first_line("rustc", &["--version"]),
        ];
        Self {
            date: first_line("date", &["--utc", "+%Y-%m-%d"]).unwrap_or_default(),
            kernel: first_line("uname", &["-sr"]).unwrap_or_default(),
            processors: processors(),
            scheduling: match scheduling {
                Scheduling::RealTime => "real-time (round robin) for single calls and traffic",
                Scheduling::Nice | Scheduling::Ordinary => {
                    "ordinary: this machine does not allow real-time scheduling"
                }
            }
            .to_owned(),
            optimised,
            linked: match optimised {
                true => {
                    "plugins statically, as they are packaged; delegate, transaction and empty \
                     process with shared libraries"
                }
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

/// Returns the first line that a program prints; `None` if it fails.
fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(args).output().ok().filter(|out| out.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}
