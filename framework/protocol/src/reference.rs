//! What is known about the reference plugins, for messages.

use serde_json::Value;

use crate::json::Object;

const DEFAULT_ROUTES: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Returns the default route that the plugin `bridge` would add twice with this configuration, and
/// therefore fail with "file exists".
///
/// `isDefaultGateway` adds it, and so does a route of `ipam` that has no gateway of its own.
///
/// ```
/// use cni_protocol::reference::doubled_default_route;
/// use serde_json::json;
///
/// let config = json!({
///     "type": "bridge", "isDefaultGateway": true, "ipam": {"routes": [{"dst": "0.0.0.0/0"}]},
/// });
/// assert_eq!(config.as_object().and_then(doubled_default_route), Some("0.0.0.0/0"));
/// ```
pub fn doubled_default_route(config: &Object) -> Option<&'static str> {
    if config.get("isDefaultGateway") != Some(&Value::Bool(true)) {
        return None;
    }
    let routes = config.get("ipam")?.get("routes")?.as_array()?;
    let has = |default: &&str| {
        let without_gateway = routes.iter().filter(|route| route.get("gw").is_none());
        without_gateway.filter_map(|route| route.get("dst")?.as_str()).any(|dst| dst == *default)
    };
    DEFAULT_ROUTES.into_iter().find(has)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_default_route_without_gateway_is_added_twice() {
        let found = |gateway: bool, routes: Value| {
            let config = json!({"isDefaultGateway": gateway, "ipam": {"routes": routes}});
            doubled_default_route(config.as_object().unwrap())
        };
        assert_eq!(found(true, json!([{"dst": "10.0.0.0/8"}, {"dst": "::/0"}])), Some("::/0"));
        assert_eq!(found(false, json!([{"dst": "0.0.0.0/0"}])), None);
        assert_eq!(found(true, json!([{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}])), None);
        assert_eq!(found(true, json!([])), None);
        assert_eq!(doubled_default_route(&Object::new()), None);
    }
}
