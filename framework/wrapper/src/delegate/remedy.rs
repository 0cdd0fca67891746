//! Remedies for errors of well-known plugins whose messages do not name the cause.

use cni_protocol::Object;
use serde_json::Value;

const DEFAULT_ROUTES: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Returns what to do about an error of a delegate with this configuration, if it is known.
///
/// The reference plugin `bridge` adds the default route for `isDefaultGateway`, and fails if the
/// IPAM plugin adds it without a gateway, too. The default configuration of DC/OS has both.
pub(super) fn remedy(config: &Object, message: &str) -> Option<String> {
    let is_gateway = config.get("isDefaultGateway") == Some(&Value::Bool(true));
    let routes = config.get("ipam")?.get("routes")?.as_array()?;
    let without_gateway = routes.iter().filter(|route| route.get("gw").is_none());
    let mut destinations = without_gateway.filter_map(|route| route.get("dst")?.as_str());
    let default = destinations.find(|destination| DEFAULT_ROUTES.contains(destination))?;
    (is_gateway && message.contains("file exists")).then(|| {
        format!(
            "\"isDefaultGateway\" adds the default route, and so does {default} in ipam.routes; \
             remove one of them"
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_default_route_that_is_added_twice_has_a_remedy() {
        let config = |gateway: bool, route: &str| {
            let ipam = json!({"type": "host-local", "routes": [{"dst": route}]});
            let config = json!({"type": "bridge", "isDefaultGateway": gateway, "ipam": ipam});
            config.as_object().cloned().unwrap_or_default()
        };
        let failed = "failed to add route: file exists";
        for route in ["0.0.0.0/0", "::/0"] {
            let found = remedy(&config(true, route), failed).expect("a remedy");
            assert!(found.contains("isDefaultGateway") && found.contains(route), "{found}");
            assert_eq!(remedy(&config(false, route), failed), None);
            assert_eq!(remedy(&config(true, route), "no such device"), None);
        }
        let mut with_gateway = config(true, "0.0.0.0/0");
        with_gateway["ipam"]["routes"][0]["gw"] = json!("10.0.0.1");
        assert_eq!(remedy(&with_gateway, failed), None);
        assert_eq!(remedy(&config(true, "10.0.0.0/8"), failed), None);
        assert_eq!(remedy(&Object::new(), failed), None);
    }
}
