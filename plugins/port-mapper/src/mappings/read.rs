//! Reads port mappings from a network configuration: Mesos's form and the runtimes' common form.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{HostAddress, Mapping, Protocol, overlap};
use crate::error::Problem;
use crate::owner::start;

/// One of the two forms: where it stands and how it calls things.
struct Form {
    list: &'static str,
    host_port: &'static str,
    container_port: &'static str,
    host_ip: Option<&'static str>,
    range: Option<&'static str>,
}

/// What Mesos's isolator adds to the configuration.
const MESOS: Form = Form {
    list: "args.\"org.apache.mesos\".network_info.port_mappings",
    host_port: "host_port",
    container_port: "container_port",
    host_ip: None,
    range: None,
};

/// The capability `portMappings`. `range`, the number of consecutive ports, is called as Podman calls it.
const CAPABILITY: Form = Form {
    list: "runtimeConfig.portMappings",
    host_port: "hostPort",
    container_port: "containerPort",
    host_ip: Some("hostIP"),
    range: Some("range"),
};

/// More than anybody reads, and than a message shows.
const MOST_PROBLEMS: usize = 1000;

/// All mappings of a request: those of `args."org.apache.mesos".network_info.port_mappings` and those of
/// `runtimeConfig.portMappings`. What stands there twice is one mapping.
///
/// # Errors
///
/// Every value that can't be honoured, with its path, up to `MOST_PROBLEMS`; no mapping is skipped. A host port that leads to two
/// container ports is one too.
pub fn read(
    args: Option<&Value>,
    runtime_config: Option<&Value>,
) -> Result<Vec<Mapping>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut found: Vec<(Mapping, &Form, usize)> = Vec::new();
    let mut known = HashSet::new();
    let lists = [
        (mesos_list(args, &mut problems), &MESOS),
        (capability_list(runtime_config, &mut problems), &CAPABILITY),
    ];
    for (list, form) in lists {
        for (index, value) in list.into_iter().flatten().enumerate() {
            match form.mapping(value, index) {
                Ok(mapping) if known.insert(mapping) => found.push((mapping, form, index)),
                Ok(_) => {}
                Err(wrong) if problems.len() < MOST_PROBLEMS => problems.extend(wrong),
                Err(_) => {}
            }
        }
    }
    let mappings: Vec<Mapping> = found.iter().map(|(mapping, ..)| *mapping).collect();
    problems.extend(overlap::contradictions(&mappings).into_iter().map(|(earlier, later)| {
        let ((one, form, index), (other, its, at)) = (&found[earlier], &found[later]);
        let why =
            format!("{other} contradicts {}, {one}; map each host port once", form.at(*index));
        Problem::new(its.at(*at), why)
    }));
    if problems.is_empty() { Ok(mappings) } else { Err(problems) }
}

fn mesos_list<'a>(args: Option<&'a Value>, problems: &mut Vec<Problem>) -> Option<&'a Vec<Value>> {
    let mut place = "args".to_owned();
    let mut object = present(args);
    for key in ["org.apache.mesos", "network_info", "port_mappings"] {
        let Value::Object(members) = object? else {
            problems.push(Problem::new(place, expected(object?, "an object")));
            return None;
        };
        object = member(members, key);
        place =
            if key.contains('.') { format!("{place}.\"{key}\"") } else { format!("{place}.{key}") };
    }
    list(object?, &MESOS, problems)
}

fn capability_list<'a>(
    runtime_config: Option<&'a Value>,
    problems: &mut Vec<Problem>,
) -> Option<&'a Vec<Value>> {
    match present(runtime_config)? {
        Value::Object(members) => {
            list(present(members.get("portMappings"))?, &CAPABILITY, problems)
        }
        other => {
            problems.push(Problem::new("runtimeConfig", expected(other, "an object")));
            None
        }
    }
}

fn list<'a>(value: &'a Value, form: &Form, problems: &mut Vec<Problem>) -> Option<&'a Vec<Value>> {
    if value.as_array().is_none() {
        problems.push(Problem::new(form.list, expected(value, "a list")));
    }
    value.as_array()
}

/// null is the same as nothing, as in the original.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// A value in a message, cut short.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.len() > 60 { format!("{}...", start(&text, 57)) } else { text }
}

fn expected(value: &Value, what: &str) -> String {
    format!("{} is not {what}, which is expected here", shown(value))
}

/// A member by its key, else by the same key in other letters: Go's library reads keys so, and what does not matter to it is not kept
/// by its users. containerd 1.x says `HostPort`.
fn member<'a>(members: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let similar = || members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
    present(members.get(key).or_else(|| similar().map(|(_, value)| value)))
}

impl Form {
    fn at(&self, index: usize) -> String {
        format!("{}[{index}]", self.list)
    }

    fn mapping(&self, value: &Value, index: usize) -> Result<Mapping, Vec<Problem>> {
        let Value::Object(members) = value else {
            return Err(vec![Problem::new(self.at(index), expected(value, "an object"))]);
        };
        let mut problems = Vec::new();
        let mut field = |key: &str, read: &dyn Fn(Option<&Value>) -> Result<u16, String>| {
            read(member(members, key)).unwrap_or_else(|why| {
                problems.push(Problem::new(format!("{}.{key}", self.at(index)), why));
                1
            })
        };
        let host_port = field(self.host_port, &port);
        let container_port = field(self.container_port, &port);
        let longest = u16::MAX - host_port.max(container_port);
        let range = self.range.map_or(1, |key| field(key, &|value| range(value, longest)));
        let protocol = protocol(member(members, "protocol"));
        let host_ip = self.host_ip.map_or(Ok(HostAddress::Any), |key| {
            host_ip(member(members, key)).map_err(|why| (key, why))
        });
        let mut wrong = |key: &str, why| {
            problems.push(Problem::new(format!("{}.{key}", self.at(index)), why));
        };
        let protocol = protocol.unwrap_or_else(|why| {
            wrong("protocol", why);
            Protocol::Tcp
        });
        let host_ip = host_ip.unwrap_or_else(|(key, why)| {
            wrong(key, why);
            HostAddress::Any
        });
        let mapping = Mapping { host_ip, host_port, container_port, range, protocol };
        if problems.is_empty() { Ok(mapping) } else { Err(problems) }
    }
}

fn port(value: Option<&Value>) -> Result<u16, String> {
    let value = value.ok_or("it is missing; give a port from 1 to 65535")?;
    match number(value) {
        Some(0) => Err("0 is no port that can be mapped; give one from 1 to 65535".to_owned()),
        Some(port) => Ok(port),
        None => Err(format!("{} is no port; give a whole number from 1 to 65535", shown(value))),
    }
}

/// `longest`: how many ports follow the first.
fn range(value: Option<&Value>, longest: u16) -> Result<u16, String> {
    let Some(value) = value else { return Ok(1) };
    match number(value) {
        // Podman writes 0 where there is no range.
        Some(0) => Ok(1),
        Some(range) if range - 1 <= longest => Ok(range),
        Some(range) => Err(format!("{range} ports would reach beyond port 65535")),
        None => Err(format!("{} is no number of ports; give a whole number", shown(value))),
    }
}

/// Protobuf's JSON allows numbers as text, and whole numbers with a fraction of zero.
fn number(value: &Value) -> Option<u16> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Exact: in range, and without a fraction.
        (number.fract() == 0.0 && (0.0..=65535.0).contains(&number)).then_some(number as u16)
    })
}

fn protocol(value: Option<&Value>) -> Result<Protocol, String> {
    match value {
        None => Ok(Protocol::Tcp),
        Some(value) => value
            .as_str()
            .and_then(Protocol::parse)
            .ok_or_else(|| format!("{} is no protocol; use tcp, udp or sctp", shown(value))),
    }
}

fn host_ip(value: Option<&Value>) -> Result<HostAddress, String> {
    match value {
        None => Ok(HostAddress::Any),
        Some(Value::String(text)) if text == "any" => Err(format!("{text:?} is no IP address")),
        Some(Value::String(text)) => text.parse(),
        Some(other) => Err(expected(other, "text")),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
