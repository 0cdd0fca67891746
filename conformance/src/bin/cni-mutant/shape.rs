//! Results in the format of each version.

use serde_json::{Value, json};

use crate::call::Call;

/// An address with its gateway, and the interface that has it.
pub(crate) struct Address {
    pub(crate) address: String,
    pub(crate) gateway: Option<String>,
    pub(crate) interface: Option<u64>,
}

/// Returns a result in the version of the call.
pub(crate) fn result(call: &Call, interfaces: Value, ips: &[Address], routes: &[Value]) -> Value {
    if !call.at_least("0.3.0") {
        return slots(call, ips, routes);
    }
    let tagged = !call.at_least("1.0.0");
    let ips: Vec<Value> = ips
        .iter()
        .map(|ip| {
            let mut value = json!({ "address": ip.address });
            if let Some(gateway) = &ip.gateway {
                value["gateway"] = gateway.as_str().into();
            }
            if let Some(interface) = ip.interface {
                value["interface"] = interface.into();
            }
            if tagged {
                value["version"] = if ip.address.contains(':') { "6" } else { "4" }.into();
            }
            value
        })
        .collect();
    let mut result = json!({ "cniVersion": call.version, "ips": ips, "routes": routes });
    if !interfaces.is_null() {
        result["interfaces"] = interfaces;
    }
    result
}

fn slots(call: &Call, ips: &[Address], routes: &[Value]) -> Value {
    let mut result = json!({ "cniVersion": call.version });
    for (slot, colon) in [("ip4", false), ("ip6", true)] {
        let family = |text: &str| text.contains(':') == colon;
        let Some(ip) = ips.iter().find(|ip| family(&ip.address)) else { continue };
        let routes: Vec<&Value> =
            routes.iter().filter(|route| route["dst"].as_str().is_some_and(family)).collect();
        result[slot] = json!({ "ip": ip.address, "routes": routes });
        if let Some(gateway) = &ip.gateway {
            result[slot]["gateway"] = gateway.as_str().into();
        }
    }
    result
}

/// Returns the addresses and routes of a result of any version.
pub(crate) fn read(result: &Value) -> (Vec<Address>, Vec<Value>) {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut routes = list(&result["routes"]);
    let mut ips: Vec<Address> = list(&result["ips"])
        .iter()
        .filter_map(|ip| {
            let (gateway, interface) = (text(&ip["gateway"]), ip["interface"].as_u64());
            Some(Address { address: text(&ip["address"])?, gateway, interface })
        })
        .collect();
    for slot in ["ip4", "ip6"] {
        if let Some(address) = text(&result[slot]["ip"]) {
            let gateway = text(&result[slot]["gateway"]);
            ips.push(Address { address, gateway, interface: None });
            routes.extend(list(&result[slot]["routes"]));
        }
    }
    (ips, routes)
}
