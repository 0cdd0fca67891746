//! What two answers must have in common, while addresses and generated names differ.

use std::net::IpAddr;

use cni_protocol::{AddResult, SpecVersion};
use serde::Serialize;
use serde_json::{Map, Value};

use super::recording::Answer;
use crate::exchange::Exchange;

/// The code that cni-trace records for a plugin that fails without an error object.
const NO_ERROR_OBJECT: u64 = 102;
/// The code that cni-trace records for a plugin that exceeds its time limit.
const TIMED_OUT: u64 = 11;

/// The shape of an answer: the name of each aspect, and a description of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shape(Vec<(&'static str, String)>);

/// An aspect in which two answers differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The name of the aspect.
    pub what: &'static str,
    /// The aspect of the recorded answer.
    pub recorded: String,
    /// The aspect of the answer now.
    pub seen: String,
}

impl Shape {
    /// Returns the shape of a recorded answer; `version` is that of a result without `cniVersion`.
    pub fn of_recorded(answer: &Answer, version: SpecVersion) -> Self {
        match (&answer.error, &answer.result) {
            (Some(error), _) => Self::failure(code(error).unwrap_or_default()),
            (None, Some(result)) => Self::success(result, version),
            (None, None) => Self::of_outcome("success".to_owned()),
        }
    }

    /// Returns the shape of the answer to a call that was just made.
    pub fn of_exchange(exchange: &Exchange, has_result: bool, version: SpecVersion) -> Self {
        let document: Option<Map<String, Value>> = serde_json::from_str(&exchange.stdout).ok();
        let document = document.unwrap_or_default();
        let is_error = document.contains_key("msg") && code(&document).is_some_and(|it| it != 0);
        match exchange.exit {
            Some(0) if is_error => Self::failure(code(&document).unwrap_or_default()),
            Some(0) if has_result => Self::success(&document, version),
            Some(0) => Self::of_outcome("success".to_owned()),
            None if exchange.signal.is_none() => Self::failure(TIMED_OUT),
            _ => {
                let own = code(&document).filter(|code| *code != 0);
                Self::failure(own.unwrap_or(NO_ERROR_OBJECT))
            }
        }
    }

    /// Returns the aspects in which another shape differs.
    pub fn differences(&self, seen: &Self) -> Vec<Difference> {
        let find = |shape: &Self, what| {
            let found = shape.0.iter().find(|(known, _)| *known == what);
            found.map_or("nothing", |(_, description)| description).to_owned()
        };
        let (recorded, now) = (self.0.iter(), seen.0.iter());
        let mut aspects: Vec<_> = recorded.chain(now).map(|(what, _)| *what).collect();
        let mut known = Vec::new();
        aspects.retain(|what| {
            !known.contains(what) && {
                known.push(*what);
                true
            }
        });
        let both = |what| Difference { what, recorded: find(self, what), seen: find(seen, what) };
        let each = aspects.into_iter().map(both);
        each.filter(|difference| difference.recorded != difference.seen).collect()
    }

    fn of_outcome(outcome: String) -> Self {
        Self(vec![("outcome", outcome)])
    }

    fn failure(code: u64) -> Self {
        Self::of_outcome(format!("error {code}"))
    }

    fn success(result: &Map<String, Value>, version: SpecVersion) -> Self {
        let result = match AddResult::from_value(Value::Object(result.clone()), version) {
            Ok(result) => result,
            Err(error) => {
                return Self::of_outcome(format!("success, but the result is invalid: {error}"));
            }
        };
        Self(vec![
            ("outcome", "success".to_owned()),
            ("version", result.version().to_string()),
            ("interfaces", interfaces(&result)),
            ("addresses", families(result.ips().iter().map(|ip| ip.address))),
            ("routes", routes(&result)),
            ("dns", dns(&result)),
        ])
    }
}

/// Iterates over the names and descriptions of the aspects.
impl<'a> IntoIterator for &'a Shape {
    type Item = &'a (&'static str, String);
    type IntoIter = std::slice::Iter<'a, (&'static str, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

fn code(error: &Map<String, Value>) -> Option<u64> {
    error.get("code")?.as_u64()
}

fn interfaces(result: &AddResult) -> String {
    let all = result.interfaces();
    let (inside, outside): (Vec<_>, Vec<_>) = all.iter().partition(|it| it.sandbox.is_some());
    let names = |some: Vec<&cni_protocol::result::Interface>| {
        let mut names: Vec<_> = some.iter().map(|it| stem(&it.name)).collect();
        names.sort();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    format!("{} in the container, {} on the host", names(inside), names(outside))
}

/// Returns a name without the hash or random number at its end: `veth1f2e3d4c` becomes `veth*`.
fn stem(name: &str) -> String {
    const SHORTEST: usize = 4;
    let generated = name.bytes().rev().take_while(u8::is_ascii_hexdigit).count();
    if generated < SHORTEST {
        name.to_owned()
    } else {
        format!("{}*", &name[..name.len() - generated])
    }
}

fn families(addresses: impl Iterator<Item = IpAddr>) -> String {
    let (four, six): (Vec<_>, Vec<_>) = addresses.partition(IpAddr::is_ipv4);
    format!("{} IPv4, {} IPv6", four.len(), six.len())
}

fn routes(result: &AddResult) -> String {
    let routes = result.routes();
    let default = routes.iter().filter(|route| route.prefix == 0).count();
    let with_gateway = routes.iter().filter(|route| route.gw.is_some()).count();
    let all = families(routes.iter().map(|route| route.dst));
    format!("{all}, {default} default, {with_gateway} with a gateway")
}

fn dns(result: &AddResult) -> String {
    let dns = result.dns();
    let domain = if dns.domain.is_some() { "a" } else { "no" };
    let (servers, search, options) = (dns.nameservers.len(), dns.search.len(), dns.options.len());
    format!("{servers} servers, {domain} domain, {search} search domains, {options} options")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(result: Value) -> Shape {
        let answer = Answer { result: result.as_object().cloned(), error: None };
        Shape::of_recorded(&answer, SpecVersion::V1_0_0)
    }

    fn result() -> Value {
        json!({
            "cniVersion": "1.0.0",
            "interfaces": [
                {"name": "br0"}, {"name": "veth1f2e3d4c"}, {"name": "eth0", "sandbox": "/n"},
            ],
            "ips": [{"address": "10.0.0.2/24", "interface": 2}],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dns": {"nameservers": ["10.0.0.1"]},
        })
    }

    fn changed(pointer: &str, value: Value) -> Vec<&'static str> {
        let mut other = result();
        *other.pointer_mut(pointer).unwrap() = value;
        let differences = shape(result()).differences(&shape(other));
        differences.into_iter().map(|difference| difference.what).collect()
    }

    #[test]
    fn addresses_and_generated_names_may_differ() {
        let nothing = Vec::<&str>::new();
        assert_eq!(changed("/interfaces/1/name", json!("vethdeadbeef")), nothing);
        assert_eq!(changed("/interfaces/2/sandbox", json!("/other")), nothing);
        assert_eq!(changed("/ips/0/address", json!("192.168.7.9/16")), nothing);
        assert_eq!(changed("/dns/nameservers/0", json!("10.0.0.9")), nothing);
    }

    #[test]
    fn the_members_of_a_result_and_their_number_may_not() {
        assert_eq!(changed("/interfaces/0/name", json!("br1")), ["interfaces"]);
        assert_eq!(changed("/interfaces/2/name", json!("eth1")), ["interfaces"]);
        assert_eq!(changed("/ips/0/address", json!("fd00::2/64")), ["addresses"]);
        assert_eq!(changed("/ips", json!([])), ["addresses"]);
        assert_eq!(changed("/routes/0/dst", json!("10.1.0.0/16")), ["routes"]);
        assert_eq!(changed("/routes/0", json!({"dst": "0.0.0.0/0", "gw": "10.0.0.1"})), ["routes"]);
        assert_eq!(changed("/dns", json!({"domain": "a"})), ["dns"]);
        assert_eq!(changed("/cniVersion", json!("1.1.0")), ["version"]);
        assert_eq!(changed("/ips", json!(7))[0], "outcome");
    }

    #[test]
    fn failures_are_alike_if_their_codes_are() {
        let error = |code: u64| {
            let error = json!({"code": code, "msg": "no"}).as_object().cloned();
            Shape::of_recorded(&Answer { error, result: None }, SpecVersion::V1_0_0)
        };
        assert_eq!(error(11).differences(&error(11)), []);
        let [difference] = error(11).differences(&error(7)).try_into().unwrap();
        assert_eq!(
            (difference.recorded.as_str(), difference.seen.as_str()),
            ("error 11", "error 7")
        );
        assert_eq!(shape(result()).differences(&error(7)).len(), 6);
    }
}
