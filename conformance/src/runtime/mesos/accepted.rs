//! What Mesos reads of a result: `ip4`, `ip6` and `dns` of the oldest format.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

/// The part of a result that Mesos reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// `ip4.ip`, with its prefix length.
    pub ip4: Option<String>,
    /// `ip6.ip`, verbatim.
    pub ip6: Option<String>,
    dns: Dns,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Dns {
    nameservers: Vec<String>,
    domain: Option<String>,
    search: Vec<String>,
    options: Vec<String>,
}

impl Accepted {
    /// Reads the result of an ADD. Mesos ignores unknown members, so a result of 0.3.0 or later has
    /// no addresses.
    ///
    /// # Errors
    /// The error message of Mesos.
    pub fn read(stdout: &str) -> Result<Self, String> {
        let result: Map<String, Value> =
            serde_json::from_str(stdout).map_err(|error| format!("JSON parse failed: {error}"))?;
        let read =
            || Ok(Self { ip4: ip(&result, "ip4")?, ip6: ip(&result, "ip6")?, dns: dns(&result)? });
        read().map_err(|problem: String| format!("Protobuf parse failed: {problem}"))
    }

    /// Returns the IPv4 address for the container's /etc/hosts and the status of the task.
    ///
    /// # Errors
    /// If `ip4.ip` is not an address with a prefix length; then the container does not start.
    pub fn address4(&self) -> Result<Option<Ipv4Addr>, String> {
        let Some(ip) = &self.ip4 else { return Ok(None) };
        let parse = || {
            let (address, prefix) = ip.split_once('/')?;
            let prefix: u8 = prefix.parse().ok()?;
            address.parse().ok().filter(|_| prefix <= 32)
        };
        let problem = || format!("Unable to parse the IP address {ip} for the container");
        parse().ok_or_else(problem).map(Some)
    }

    /// Returns the container's /etc/hosts.
    pub fn hosts(&self, hostname: &str) -> String {
        let own = self.address4().ok().flatten();
        let own = own.map(|address| format!("{address} {hostname}\n")).unwrap_or_default();
        format!("127.0.0.1 localhost\n{own}")
    }

    /// Returns the container's resolv.conf; `None` if it gets that of the host, since there is no
    /// nameserver.
    pub fn resolv_conf(&self) -> Option<String> {
        let Dns { nameservers, domain, search, options } = &self.dns;
        if nameservers.is_empty() {
            return None;
        }
        let list = |key: &str, values: &[String]| match values.is_empty() {
            true => String::new(),
            false => format!("{key} {}\n", values.join(" ")),
        };
        let domain = domain.as_ref().map(|domain| format!("domain {domain}\n")).unwrap_or_default();
        let nameservers: String =
            nameservers.iter().map(|address| format!("nameserver {address}\n")).collect();
        Some(domain + &list("search", search) + &list("options", options) + &nameservers)
    }
}

fn ip(result: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    let Some(slot) = object(result, key)? else { return Ok(None) };
    let ip = text(slot, "ip")?;
    let ip = ip.ok_or_else(|| format!("Missing required fields: {key}.ip"))?;
    text(slot, "gateway")?;
    for (index, route) in list(slot, "routes")?.iter().enumerate() {
        let route = route.as_object().ok_or_else(|| expected("routes", route))?;
        let missing = || format!("Missing required fields: {key}.routes[{index}].dst");
        text(route, "dst")?.ok_or_else(missing)?;
        text(route, "gw")?;
    }
    Ok(Some(ip))
}

fn dns(result: &Map<String, Value>) -> Result<Dns, String> {
    let Some(dns) = object(result, "dns")? else { return Ok(Dns::default()) };
    Ok(Dns {
        nameservers: texts(dns, "nameservers")?,
        domain: text(dns, "domain")?,
        search: texts(dns, "search")?,
        options: texts(dns, "options")?,
    })
}

fn there<'v>(parent: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    parent.get(key).filter(|value| !value.is_null())
}

fn object<'v>(
    parent: &'v Map<String, Value>,
    key: &str,
) -> Result<Option<&'v Map<String, Value>>, String> {
    let Some(value) = there(parent, key) else { return Ok(None) };
    value.as_object().map(Some).ok_or_else(|| expected(key, value))
}

fn text(parent: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    let Some(value) = there(parent, key) else { return Ok(None) };
    value.as_str().map(|text| Some(text.to_owned())).ok_or_else(|| expected(key, value))
}

fn list<'v>(parent: &'v Map<String, Value>, key: &str) -> Result<&'v [Value], String> {
    let Some(value) = there(parent, key) else { return Ok(&[]) };
    value.as_array().map(Vec::as_slice).ok_or_else(|| expected(key, value))
}

fn texts(parent: &Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let text =
        |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| expected(key, value));
    list(parent, key)?.iter().map(text).collect()
}

fn expected(key: &str, value: &Value) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("Not expecting a JSON {kind} for field '{key}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_format_is_read() {
        let accepted = Accepted::read(
            r#"{"cniVersion":"7","ip4":{"ip":"10.9.8.7/16","routes":[{"dst":"0.0.0.0/0"}]},
                "ip6":{"ip":"fd00::7/64"},"dns":{"nameservers":["10.0.0.53","10.0.1.53"],
                "domain":"d","search":["a","b"],"options":["ndots:2"]},"x":1}"#,
        )
        .unwrap();
        assert_eq!(accepted.hosts("c1"), "127.0.0.1 localhost\n10.9.8.7 c1\n");
        assert_eq!(
            accepted.resolv_conf().unwrap(),
            "domain d\nsearch a b\noptions ndots:2\nnameserver 10.0.0.53\nnameserver 10.0.1.53\n"
        );
        assert_eq!(accepted.ip6.as_deref(), Some("fd00::7/64"));
    }

    #[test]
    fn other_formats_succeed_without_an_address() {
        for stdout in [
            "{}",
            r#"{"cniVersion":"1.0.0","ips":[{"address":"10.9.8.7/16"}]}"#,
            r#"{"code":7,"msg":"an error with exit 0"}"#,
            r#"{"ip4":null,"dns":{}}"#,
        ] {
            let accepted = Accepted::read(stdout).unwrap();
            assert_eq!(accepted, Accepted::default(), "{stdout}");
            assert_eq!(accepted.address4().unwrap(), None);
            assert_eq!(accepted.resolv_conf(), None);
        }
    }

    #[test]
    fn invalid_results_are_refused() {
        for (stdout, part) in [
            ("", "JSON parse failed"),
            ("[]", "JSON parse failed"),
            (r#"{"ip4":{}}"#, "Missing required fields: ip4.ip"),
            (
                r#"{"ip6":{"ip":"::1/64","routes":[{}]}}"#,
                "Missing required fields: ip6.routes[0].dst",
            ),
            (r#"{"ip4":{"ip":1}}"#, "Not expecting a JSON number for field 'ip'"),
            (r#"{"dns":{"nameservers":"10.0.0.53"}}"#, "Not expecting a JSON string"),
        ] {
            let problem = Accepted::read(stdout).unwrap_err();
            assert!(problem.contains(part), "{stdout}: {problem}");
        }
        let bare = Accepted::read(r#"{"ip4":{"ip":"10.9.8.7"}}"#).unwrap();
        assert!(
            bare.address4().unwrap_err().contains("10.9.8.7"),
            "a container with it does not start"
        );
    }
}
