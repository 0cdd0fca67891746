//! The input of a plugin: it is accepted with every key unchanged, or refused with an error object.

use cni_wrapper::{Call, Environment, Reply, Request, SpecVersion, Verb};
use serde_json::Value;

const VERBS: [Verb; 5] = [Verb::Add, Verb::Del, Verb::Check, Verb::Gc, Verb::Status];

pub(crate) fn holds(input: &[u8]) {
    for verb in VERBS {
        match Request::read(verb, environment(), input) {
            Ok(request) => check_accepted(request, input),
            Err(rejection) => check_refused(&rejection.into()),
        }
    }
}

fn environment() -> Environment {
    let variables = [
        ("CNI_CONTAINERID", "c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_PATH", "/opt/cni/bin"),
    ];
    variables.into_iter().collect()
}

fn check_accepted(request: Request, input: &[u8]) {
    let input: Value = serde_json::from_slice(input).expect("accepted input is JSON");
    assert_eq!(Value::Object(request.config.clone()), input, "a key was lost or changed");
    let version = request.version;
    // `Call::new` parses the delegates, `prev_result` the previous result.
    match Call::new(request) {
        Ok(call) => drop(call.prev_result()),
        Err(error) => check_refused(&Reply::Failed(error, version)),
    }
}

fn check_refused(reply: &Reply) {
    let Reply::Failed(_, version) = reply else { panic!("{reply:?} is not an error") };
    assert_ne!(reply.exit_status(), 0);
    let printed = reply.to_bytes();
    let error: Value = serde_json::from_slice(&printed).expect("the output is one JSON document");
    assert_eq!(error["cniVersion"], version.as_str());
    assert!(error["code"].as_u64().is_some_and(|code| code > 0), "{error}");
    assert!(error["msg"].as_str().is_some_and(|msg| !msg.is_empty()), "{error}");
    assert!(SpecVersion::ALL.contains(version));
}
