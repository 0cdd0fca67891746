//! Keeps a disposable host, so that a person can look into it.

use std::io::{self, Read};

use cni_conformance::rootless;
use cni_test_kit::Host;

/// Prints how to enter the host, and waits until the end of stdin.
pub(super) fn until_end_of_input(host: &Host) {
    errln!("  the host        {}", entry(host.pid(), rootless()));
    errln!("  its containers  (inside) ip netns list; ip netns exec ns1 ip address");
    errln!("The host is kept until you press Ctrl-D.");
    // An error ends the input, too.
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

/// The command that enters the host.
fn entry(pid: u32, rootless: bool) -> String {
    let user = if rootless { " --user --preserve-credentials" } else { "" };
    format!("nsenter --target {pid} --mount --net --pid{user}")
}
