//! A throw-away host that is kept for a look.

use std::io::{self, Read};

use cni_conformance::rootless;
use cni_test_kit::Host;

/// Says how to enter the host, and leaves all as it is until the end of the input.
pub(super) fn until_the_end_of_input(host: &Host) {
    eprintln!("  the host        {}", entrance(host.pid(), rootless()));
    eprintln!("  its containers  (there) ip netns list; ip netns exec ns1 ip address");
    eprintln!("It stays until you press Ctrl-D.");
    // Any end of the input is one.
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

/// The command that enters it.
fn entrance(pid: u32, rootless: bool) -> String {
    let user = if rootless { " --user --preserve-credentials" } else { "" };
    format!("nsenter --target {pid} --mount --net --pid{user}")
}
