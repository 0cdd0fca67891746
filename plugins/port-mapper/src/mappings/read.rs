//! Reads port mappings from a network configuration: from Mesos's arguments, and from the
//! capability `portMappings` of other runtimes.

use std::collections::HashSet;

use cni_wrapper::json::shown;
use serde_json::{Map, Value};

use super::{HostAddress, Mapping, Protocol, overlap};
use crate::problem::{Problem, unexpected};

/// Where a list of mappings is in the configuration, and the names of its keys.
struct Form {
    list: &'static str,
    host_port: &'static str,
    container_port: &'static str,
    host_ip: Option<&'static str>,
    range: Option<&'static str>,
}

/// The mappings that Mesos's isolator adds to the configuration.
const MESOS: Form = Form {
    list: "args.\"org.apache.mesos\".network_info.port_mappings",
    host_port: "host_port",
    container_port: "container_port",
    host_ip: None,
    range: None,
};

/// The capability `portMappings`. The key `range`, a number of consecutive ports, is Podman's.
const CAPABILITY: Form = Form {
    list: "runtimeConfig.portMappings",
    host_port: "hostPort",
    container_port: "containerPort",
    host_ip: Some("hostIP"),
    range: Some("range"),
};

/// The number of problems after which no more are collected. A message shows fewer.
const MAX_PROBLEMS: usize = 1000;

/// Returns all mappings of a request, without duplicates: those of
/// `args."org.apache.mesos".network_info.port_mappings` and those of `runtimeConfig.portMappings`.
///
/// # Errors
///
/// All invalid values with their paths, up to `MAX_PROBLEMS`; no mapping is skipped silently. Two
/// mappings of one host port to different container ports are a problem, too.
pub fn read(
    args: Option<&Value>,
    runtime_config: Option<&Value>,
) -> Result<Vec<Mapping>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut found: Vec<(Mapping, &Form, usize)> = Vec::new();
    let mut seen = HashSet::new();
    let lists = [
        (mesos_list(args, &mut problems), &MESOS),
        (capability_list(runtime_config, &mut problems), &CAPABILITY),
    ];
    for (list, form) in lists {
        for (index, value) in list.into_iter().flatten().enumerate() {
            match form.mapping(value, index) {
                Ok(mappings) => {
                    let new = mappings.into_iter().filter(|mapping| seen.insert(*mapping));
                    found.extend(new.map(|mapping| (mapping, form, index)));
                }
                Err(invalid) if problems.len() < MAX_PROBLEMS => problems.extend(invalid),
                Err(_) => {}
            }
        }
    }
    let mappings: Vec<Mapping> = found.iter().map(|(mapping, ..)| *mapping).collect();
    problems.extend(overlap::contradictions(&mappings).into_iter().map(|(earlier, later)| {
        let (earlier, form, index) = &found[earlier];
        let (later, later_form, later_index) = &found[later];
        let path = form.path(*index);
        let why = format!("{later} contradicts {path}, {earlier}; map each host port once");
        Problem::new(later_form.path(*later_index), why)
    }));
    if problems.is_empty() { Ok(mappings) } else { Err(problems) }
}

/// Warns of keys that resemble one of a mapping, or `portMappings`, and that nothing reads.
pub fn warn_of_mistyped_keys(args: Option<&Value>, runtime_config: Option<&Value>) {
    if let Some(object) = runtime_config.and_then(Value::as_object) {
        cni_wrapper::warn_of_mistyped_keys("runtimeConfig", object, &["portMappings"]);
    }
    let mut problems = Vec::new();
    let lists = [
        (mesos_list(args, &mut problems), &MESOS),
        (capability_list(runtime_config, &mut problems), &CAPABILITY),
    ];
    for (list, form) in lists {
        for (index, mapping) in list.into_iter().flatten().enumerate() {
            if let Some(mapping) = mapping.as_object() {
                let known = form.keys();
                cni_wrapper::warn_of_mistyped_keys(&form.path(index), mapping, &known);
            }
        }
    }
}

fn mesos_list<'a>(args: Option<&'a Value>, problems: &mut Vec<Problem>) -> Option<&'a Vec<Value>> {
    let mut path = "args".to_owned();
    let mut object = present(args);
    for key in ["org.apache.mesos", "network_info", "port_mappings"] {
        let Value::Object(members) = object? else {
            problems.push(Problem::new(path, unexpected(object?, "an object")));
            return None;
        };
        object = member(members, key);
        path =
            if key.contains('.') { format!("{path}.\"{key}\"") } else { format!("{path}.{key}") };
    }
    list(object?, &MESOS, problems)
}

fn capability_list<'a>(
    runtime_config: Option<&'a Value>,
    problems: &mut Vec<Problem>,
) -> Option<&'a Vec<Value>> {
    match present(runtime_config)? {
        Value::Object(members) => list(member(members, "portMappings")?, &CAPABILITY, problems),
        other => {
            problems.push(Problem::new("runtimeConfig", unexpected(other, "an object")));
            None
        }
    }
}

fn list<'a>(value: &'a Value, form: &Form, problems: &mut Vec<Problem>) -> Option<&'a Vec<Value>> {
    if value.as_array().is_none() {
        problems.push(Problem::new(form.list, unexpected(value, "a list")));
    }
    value.as_array()
}

/// Treats `null` as absent, as the original does.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Returns a member by its key, or else by its key in another letter case.
///
/// Go's JSON library reads keys in any letter case, so Go programs write them in any: containerd
/// 1.x passes `HostPort`.
fn member<'a>(members: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let similar = || members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
    present(members.get(key).or_else(|| similar().map(|(_, value)| value)))
}

impl Form {
    fn keys(&self) -> Vec<&'static str> {
        let optional = [self.host_ip, self.range];
        let always = [self.host_port, self.container_port, "protocol"];
        always.into_iter().chain(optional.into_iter().flatten()).collect()
    }

    fn path(&self, index: usize) -> String {
        format!("{}[{index}]", self.list)
    }

    /// Returns a mapping for each protocol.
    fn mapping(&self, value: &Value, index: usize) -> Result<Vec<Mapping>, Vec<Problem>> {
        let Value::Object(members) = value else {
            return Err(vec![Problem::new(self.path(index), unexpected(value, "an object"))]);
        };
        let mut problems = Vec::new();
        let mut field = |key: &str, read: &dyn Fn(Option<&Value>) -> Result<u16, String>| {
            read(member(members, key)).unwrap_or_else(|why| {
                problems.push(Problem::new(format!("{}.{key}", self.path(index)), why));
                1
            })
        };
        let host_port = field(self.host_port, &port);
        let container_port = field(self.container_port, &port);
        let following = u16::MAX - host_port.max(container_port);
        let range = self.range.map_or(1, |key| field(key, &|value| range(value, following)));
        let protocols = protocols(member(members, "protocol"));
        let host_ip = self.host_ip.map_or(Ok(HostAddress::Any), |key| {
            host_ip(member(members, key)).map_err(|why| (key, why))
        });
        let mut report = |key: &str, why| {
            problems.push(Problem::new(format!("{}.{key}", self.path(index)), why));
        };
        let protocols = protocols.unwrap_or_else(|why| {
            report("protocol", why);
            Vec::new()
        });
        let host_ip = host_ip.unwrap_or_else(|(key, why)| {
            report(key, why);
            HostAddress::Any
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let mapping = |protocol| Mapping { host_ip, host_port, container_port, range, protocol };
        Ok(protocols.into_iter().map(mapping).collect())
    }
}

fn port(value: Option<&Value>) -> Result<u16, String> {
    let value = value.ok_or("it is missing; set a port from 1 to 65535")?;
    match number(value) {
        Some(0) => Err("0 is not a port that can be mapped; set a port from 1 to 65535".to_owned()),
        Some(port) => Ok(port),
        None => {
            Err(format!("{} is not a port number; set an integer from 1 to 65535", shown(value)))
        }
    }
}

/// Reads a number of ports, of which `following` exist after the first one.
fn range(value: Option<&Value>, following: u16) -> Result<u16, String> {
    let Some(value) = value else { return Ok(1) };
    match number(value) {
        // Podman writes 0 if there is no range.
        Some(0) => Ok(1),
        Some(range) if range - 1 <= following => Ok(range),
        Some(range) => Err(format!("{range} ports would extend beyond port 65535")),
        None => Err(format!("{} is not a number of ports; set an integer", shown(value))),
    }
}

/// Reads an integer. Protobuf's JSON format allows numbers as text, and integers with a fraction of
/// zero.
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
        // The conversion is exact: the number is in range and has no fraction.
        (number.fract() == 0.0 && (0.0..=65535.0).contains(&number)).then_some(number as u16)
    })
}

/// Reads a protocol, or several with commas between them: Marathon writes `udp,tcp`.
fn protocols(value: Option<&Value>) -> Result<Vec<Protocol>, String> {
    let Some(value) = value else { return Ok(vec![Protocol::Tcp]) };
    let names = value.as_str().into_iter().flat_map(|text| text.split(','));
    let protocols: Option<Vec<Protocol>> = names.map(Protocol::parse).collect();
    protocols.filter(|protocols| !protocols.is_empty()).ok_or_else(|| {
        format!(
            "{} is not a supported protocol; use tcp, udp or sctp, or several with commas between \
             them",
            shown(value)
        )
    })
}

fn host_ip(value: Option<&Value>) -> Result<HostAddress, String> {
    match value {
        None => Ok(HostAddress::Any),
        Some(Value::String(text)) if text == "any" => Err(format!("{text:?} is not an IP address")),
        Some(Value::String(text)) => text.parse(),
        Some(other) => Err(unexpected(other, "text")),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
