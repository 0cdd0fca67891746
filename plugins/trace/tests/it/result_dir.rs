//! A `wrapper.resultDir` that is not the plugin's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use cni_test_kit::{Behaviour, Script};
use serde_json::json;

use crate::common::{Fixture, plugin};

#[test]
fn a_result_directory_of_another_program_is_refused_unchanged_and_keeps_no_container() {
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    let fixture = Fixture::new(&Script::succeed().on("ADD", Behaviour::result(result)));
    // Below the directory that is configured, each plugin has its own.
    let results = fixture.file("results");
    let own = results.join("cni-trace");
    fs::create_dir_all(&own).unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
    fs::write(own.join("socket"), "").unwrap();
    let call = fixture
        .around(json!({"type": "inner", "cniVersion": "1.0.0"}))
        .key("type", json!("cni-trace"))
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({ "resultDir": results }));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    assert!(msg.contains("mode 0755") && msg.contains("resultDir"), "{msg}");
    call.as_verb("DEL").run(plugin()).expect_success();
    let verbs: Vec<String> =
        fixture.plugins.calls("inner").into_iter().map(|call| call.verb).collect();
    assert_eq!(verbs, ["ADD", "DEL", "DEL"], "the ADD was rolled back, and DEL passed on");
    let mode = fs::metadata(&own).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o755, "its mode is not changed");
    assert_eq!(fs::read_dir(&own).unwrap().count(), 1, "nothing was stored");
}
