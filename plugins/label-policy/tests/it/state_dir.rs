//! A `stateDir` that is not the plugin's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::common::{add, delegates, labelled, network, plugin};

#[test]
fn a_state_directory_of_another_program_is_refused_unchanged_and_keeps_no_container() {
    let dir = delegates();
    let state = dir.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    fs::write(state.join("socket"), "").unwrap();
    let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]);
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    assert!(msg.contains("mode 0755") && msg.contains("stateDir"), "{msg}");
    call.as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(dir.verbs(), ["shop DEL", "vault DEL"], "no ADD was passed on");
    let mode = fs::metadata(&state).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o755, "its mode is not changed");
    assert_eq!(fs::read_dir(&state).unwrap().count(), 1, "nothing was stored");
}

#[test]
fn gc_passes_on_to_all_delegates_before_it_names_the_refused_state_directory() {
    let dir = delegates();
    let state = dir.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    fs::write(state.join("socket"), "").unwrap();
    let gc = add(&dir, network(&dir)).as_verb("GC").key("cniVersion", json!("1.1.0"));
    let (code, msg, _) = gc.key("cni.dev/valid-attachments", json!([])).run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    let path = state.display().to_string();
    for part in [path.as_str(), "mode 0755", "stateDir", "restore its mode 0700"] {
        assert!(msg.contains(part), "{part} is not in {msg}");
    }
    assert_eq!(dir.verbs(), ["shop GC", "vault GC"]);
}
