//! The files of a host, and the sysctls that plugins change.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::sandbox::netns::Netns;

/// Sysctls of each network namespace; `*` stands for each link.
const OF_A_NAMESPACE: [&str; 2] =
    ["/proc/sys/net/ipv4/conf/*/route_localnet", "/proc/sys/net/ipv4/ip_forward"];

/// Further sysctls of a host. Those of a container are removed with it, and /sys shows only the
/// host's links.
const OF_A_HOST: [&str; 12] = [
    "/proc/sys/net/ipv4/conf/*/forwarding",
    "/proc/sys/net/ipv4/conf/*/proxy_arp",
    "/proc/sys/net/ipv4/conf/*/rp_filter",
    "/proc/sys/net/ipv4/conf/*/arp_ignore",
    "/proc/sys/net/ipv4/conf/*/log_martians",
    "/proc/sys/net/ipv6/conf/*/forwarding",
    "/proc/sys/net/ipv6/conf/*/disable_ipv6",
    "/proc/sys/net/ipv6/conf/*/accept_ra",
    "/proc/sys/net/ipv6/conf/*/proxy_ndp",
    "/proc/sys/net/bridge/bridge-nf-call-arptables",
    "/proc/sys/net/bridge/bridge-nf-call-iptables",
    "/proc/sys/net/bridge/bridge-nf-call-ip6tables",
];
const HAIRPIN: &str = "/sys/class/net/*/brport/hairpin_mode";

/// Returns `PATH:VALUE` of each sysctl that is not 0.
pub(super) fn settings(netns: &Netns) -> Vec<String> {
    let mut patterns = OF_A_NAMESPACE.to_vec();
    if netns.name.is_none() {
        patterns.extend(OF_A_HOST);
        patterns.push(HAIRPIN);
    }
    let read = || patterns.iter().flat_map(|pattern| values(pattern)).collect();
    netns.within(read).unwrap_or_else(|| by_shell(netns, &patterns))
}

fn values(pattern: &str) -> Vec<String> {
    let line = |path: PathBuf| {
        let value = fs::read_to_string(&path).ok()?;
        (value.trim() != "0").then(|| format!("{}:{}", path.display(), value.trim()))
    };
    let Some((directory, rest)) = pattern.split_once("/*/") else {
        return line(pattern.into()).into_iter().collect();
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| line(entry.path().join(rest))).collect()
}

/// Does the same as [`settings`] if only processes can enter the namespace.
fn by_shell(netns: &Netns, patterns: &[&str]) -> Vec<String> {
    let patterns = patterns.join(" ");
    let script = format!(
        "for file in {patterns}; do
             [ -r \"$file\" ] && read -r value <\"$file\" || value=0
             [ \"$value\" = 0 ] || echo \"$file:$value\"
         done"
    );
    netns.sh(&script).lines().map(str::to_owned).collect()
}

/// Returns the content of a host's own directories: path, kind, mode, and the size of files.
pub(crate) fn files(netns: &Netns) -> Vec<String> {
    let mounts = netns.sandbox.mounts();
    let mut lines = Vec::new();
    if netns.name.is_some() {
        return lines;
    }
    let root = format!("/proc/{}/root", netns.sandbox.pid());
    let is_hidden = |path: &Path| {
        let fixed = ["/run/netns", "/run/xtables.lock"];
        fixed.iter().any(|fixed| path == Path::new(fixed))
            || mounts.needed().any(|item| item.path() == path)
    };
    for directory in mounts.own_directories() {
        walk(Path::new(&root), Path::new(directory), &is_hidden, &mut lines);
    }
    lines.sort();
    lines
}

fn walk(root: &Path, path: &Path, is_hidden: &dyn Fn(&Path) -> bool, lines: &mut Vec<String>) {
    let outside = root.join(path.strip_prefix("/").unwrap_or(path));
    // The file may have been removed since its directory was read.
    let Ok(found) = fs::symlink_metadata(&outside) else { return };
    if is_hidden(path) {
        return;
    }
    lines.push(line(path, &found));
    if found.is_dir() {
        for entry in fs::read_dir(&outside).into_iter().flatten().flatten() {
            walk(root, &path.join(entry.file_name()), is_hidden, lines);
        }
    }
}

fn line(path: &Path, found: &fs::Metadata) -> String {
    let (path, mode, kind) = (path.display(), found.mode() & 0o7777, found.file_type());
    let kind = match () {
        () if kind.is_file() => return format!("{path} f {mode:o} {} bytes", found.len()),
        () if kind.is_dir() => 'd',
        () if kind.is_symlink() => 'l',
        () if kind.is_socket() => 's',
        () if kind.is_fifo() => 'p',
        () if kind.is_block_device() => 'b',
        () => 'c',
    };
    format!("{path} {kind} {mode:o}")
}
