//! A delegate that does nothing: it answers ADD with a fixed result and does not read its input.
//!
//! The container's address is `IP` in CNI_ARGS, so that attachments can have different ones.
#![allow(clippy::print_stdout, reason = "a CNI plugin answers on stdout")]

use std::env::var_os;

/// The address of the container.
const ADDRESS: &str = "10.200.0.2";

fn main() {
    if var_os("CNI_COMMAND").is_some_and(|verb| verb == "ADD") {
        let arguments = var_os("CNI_ARGS").unwrap_or_default();
        println!("{}", result(address(&arguments.to_string_lossy())));
    }
}

fn address(arguments: &str) -> &str {
    arguments.split(';').find_map(|pair| pair.strip_prefix("IP=")).unwrap_or(ADDRESS)
}

fn result(address: &str) -> String {
    let interfaces =
        r#"[{"name":"cni0"},{"name":"veth1"},{"name":"eth0","sandbox":"/run/netns/c1"}]"#;
    let ip = format!(r#"{{"interface":2,"address":"{address}/16","gateway":"10.200.0.1"}}"#);
    format!(r#"{{"cniVersion":"1.0.0","interfaces":{interfaces},"ips":[{ip}],"#)
        + r#""routes":[{"dst":"0.0.0.0/0"}]}"#
}
