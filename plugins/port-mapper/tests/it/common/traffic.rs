//! Checks that ports are reachable or not.

use cni_test_kit::{Netns, Traffic};

use super::url;

/// The milliseconds to wait for an expected answer. The limit only ends a test that hangs.
const LONG: &str = "60000";
/// The milliseconds to wait for an answer that must not come. A closed port refuses at once; only a
/// dropped packet takes this long. A lost SYN is sent again after a second.
const SHORT: &str = "1500";

/// Checks that a fetch succeeds. Returns the name of the server and the client address that it saw.
#[track_caller]
pub(crate) fn reached(place: &Netns, address: &str, port: u16, why: &str) -> String {
    let answer = place.peer(&["fetch", &url(address, port), "--timeout", LONG]);
    answer.unwrap_or_else(|error| panic!("{} {address}:{port}: {why}: {error}", place.name()))
}

/// The peer's messages about a port that cannot be reached. Any other error is a fault of the test.
const UNREACHED: [&str; 4] = [
    ": refused",
    ": timed out",
    ": No route to host (os error 113)",
    ": Network is unreachable (os error 101)",
];

fn is_unreached(answer: &Result<String, String>) -> bool {
    answer.as_ref().is_err_and(|error| UNREACHED.iter().any(|reason| error.ends_with(reason)))
}

/// Checks that nothing answers a fetch.
#[track_caller]
pub(crate) fn unreached(place: &Netns, address: &str, port: u16, why: &str) {
    let answer = place.peer(&["fetch", &url(address, port), "--timeout", SHORT]);
    assert!(is_unreached(&answer), "{} {address}:{port}: {why}: {answer:?}", place.name());
}

/// Sends a request over TCP or UDP. Returns the answer.
#[track_caller]
pub(crate) fn exchanged(place: &Netns, traffic: Traffic, address: &str, port: u16) -> String {
    let words = ["exchange", traffic.as_str(), address, &port.to_string(), "--timeout", LONG];
    let answer = place.peer(&words);
    answer.unwrap_or_else(|error| panic!("{} {traffic} {address}: {error}", place.name()))
}

/// Checks that a request over TCP or UDP is not answered.
#[track_caller]
pub(crate) fn unanswered(place: &Netns, traffic: Traffic, address: &str, port: u16, why: &str) {
    let words = ["exchange", traffic.as_str(), address, &port.to_string(), "--timeout", SHORT];
    let answer = place.peer(&words);
    assert!(is_unreached(&answer), "{} {traffic} {address}: {why}: {answer:?}", place.name());
}
