//! A `stateDir` that is not the plugin's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use cni_test_kit::Script;
use serde_json::json;

use crate::common::{add, delegate, plugin, verbs};

#[test]
fn a_state_directory_of_another_program_is_refused_unchanged_and_keeps_no_container() {
    for key in ["concurrencyLimit", "circuitBreaker"] {
        let dir = delegate(&Script::succeed());
        let state = dir.path().join("state");
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
        fs::write(state.join("socket"), "").unwrap();
        let settings = match key {
            "concurrencyLimit" => json!({key: {"name": "ipam", "maxConcurrent": 1}}),
            _ => json!({key: {"failureThreshold": 1}}),
        };
        let call = add(&dir, settings);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 5, "{key}: {msg}");
        assert!(msg.contains("mode 0755") && msg.contains("stateDir"), "{key}: {msg}");
        call.as_verb("DEL").run(plugin()).expect_success();
        assert_eq!(verbs(&dir).last().map(String::as_str), Some("DEL"), "{key}: it is cleaned up");
        let mode = fs::metadata(&state).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o755, "{key}: its mode is not changed");
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1, "{key}: nothing was stored");
    }
}
