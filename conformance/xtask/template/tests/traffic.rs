//! Around Debian's bridge, on a disposable host.

use cni_test_kit::{CallBuilder, Host, Traffic};
use serde_json::json;

const PLUGIN: &str = env!("CARGO_BIN_EXE_new-plugin");

#[test]
fn the_container_is_reached_and_nothing_of_it_is_left() {
    let host = Host::new();
    let container = host.container("c1");
    let config = json!({
        "cniVersion": "1.0.0",
        "delegate": {
            "type": "bridge", "bridge": "br0", "isGateway": true,
            "ipam": {"type": "host-local", "subnet": "10.22.0.0/24"},
        },
    });
    let call =
        CallBuilder::add("net").config(config).cni_path("/usr/lib/cni").container(&container);
    call.run(PLUGIN).expect_success();
    let _server = container.serve(Traffic::Http, 80);
    host.fetch("http://10.22.0.2:80/").expect("an answer of the container");
    assert!(host.sh("cat /run/new-plugin/*").contains("10.22.0.2"));
    call.as_verb("DEL").run(PLUGIN).expect_success();
    assert_eq!(host.sh("ls /run/new-plugin").trim(), "");
}
