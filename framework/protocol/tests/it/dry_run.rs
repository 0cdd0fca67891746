//! Requests that are made from a file, and changed.

use std::path::Path;

use cni_protocol::{Request, RequestError, SpecVersion};
use cni_test_kit::TempDir;
use serde_json::{Value, json};

/// Returns the dry run of a file with this name and content.
fn dry_run(name: &str, text: &str) -> Result<Request, RequestError> {
    let directory = TempDir::new();
    let file = directory.path().join(name);
    std::fs::write(&file, text).unwrap();
    Request::dry_run(&file, "ours")
}

#[test]
fn from_a_list_the_object_of_the_plugin_is_used_with_the_name_and_version_of_the_list() {
    let plugins = r#"[{"type": "other"}, {"type": "ours", "key": 1}]"#;
    let list = format!(r#"{{"cniVersion": "1.0.0", "name": "net", "plugins": {plugins}}}"#);
    let request = dry_run("list", &list).unwrap();
    assert_eq!(request.version, SpecVersion::V1_0_0);
    assert_eq!(
        Value::Object(request.config),
        json!({"cniVersion": "1.0.0", "name": "net", "type": "ours", "key": 1})
    );
}

#[test]
fn a_file_that_can_not_be_used_is_named_in_the_error() {
    let missing = Request::dry_run(Path::new("/no/such"), "ours").unwrap_err();
    assert!(missing.to_string().contains("/no/such"), "{missing}");
    assert!(dry_run("no-json", "{").unwrap_err().to_string().contains("no-json"));
    let error = dry_run("no-such", r#"{"plugins": [{"type": "other"}]}"#).unwrap_err().to_string();
    assert!(error.contains("has no plugin of type") && error.contains("ours"), "{error}");
}

#[test]
fn setting_a_value_creates_the_objects_on_its_path_and_keeps_the_others() {
    let mut request = dry_run("set", r#"{"args": {"a": 1}, "text": "x"}"#).unwrap();
    request.set("/args/cni/labels", json!([2])).unwrap();
    request.set("/runtimeConfig", json!({"mac": "m"})).unwrap();
    request.set("/a~1b", json!(3)).unwrap();
    assert_eq!(
        Value::Object(request.config.clone()),
        json!({
            "args": {"a": 1, "cni": {"labels": [2]}},
            "text": "x",
            "runtimeConfig": {"mac": "m"},
            "a/b": 3,
        })
    );
    assert_eq!(request.value("/runtimeConfig/mac"), ["m"]);
    assert_eq!(request.value("/args/cni/labels"), ["2"]);
    assert_eq!(request.value("/a~1b"), ["3"]);
    let error = request.set("/text/more", json!(1)).unwrap_err().to_string();
    assert!(error.contains("/text/more"), "{error}");
}
