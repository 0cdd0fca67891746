//! What the toolkit shares with the `cni-plugin` crate.

use cni_plugin::{error::CniError, reply::ErrorReply};
use cni_test_kit::fake_call;
use cni_wrapper::{Error, Verb};
use serde_json::json;

#[test]
fn a_configuration_is_readable_as_the_type_of_that_crate() {
    let call = fake_call(Verb::Add, json!({"type": "x", "ipam": {"type": "host-local"}}));
    let view = call.network_config().expect("readable by that crate");
    assert_eq!(view.ipam.map(|ipam| ipam.plugin).as_deref(), Some("host-local"));
}

#[test]
fn an_error_of_that_crate_keeps_its_code() {
    assert_eq!(Error::from(CniError::MissingField("x")).code(), 104);
    assert_eq!(Error::from(CniError::MissingInput).code(), 7);
    assert_eq!(Error::from(CniError::Io(std::io::ErrorKind::NotFound.into())).code(), 5);
}

#[test]
fn a_reply_of_that_crate_keeps_code_and_text() {
    let version = "1.0.0".parse().expect("a version");
    let reply = ErrorReply { cni_version: version, code: 120, msg: "no", details: "why".into() };
    let error = Error::from(reply);
    assert_eq!((error.code(), error.to_string()), (120, "no".to_owned()));
}
