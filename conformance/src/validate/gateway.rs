//! A default route that the plugin `bridge` would add twice.

use serde_json::{Map, Value};

const DEFAULT_ROUTES: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Returns the key and the problem. With a gateway of its own, a route replaces the other one.
///
/// The default configuration of DC/OS has both keys, for a plugin that ignored the second route.
pub(super) fn problem(kind: &str, plugin: &Map<String, Value>) -> Option<(&'static str, String)> {
    let is_gateway = plugin.get("isDefaultGateway") == Some(&Value::Bool(true));
    let routes = plugin.get("ipam")?.get("routes")?.as_array()?;
    let without_gateway = routes.iter().filter(|route| route.get("gw").is_none());
    let mut destinations = without_gateway.filter_map(|route| route.get("dst")?.as_str());
    let default = destinations.find(|destination| DEFAULT_ROUTES.contains(destination))?;
    (kind == "bridge" && is_gateway).then(|| {
        let why = format!(
            "\"isDefaultGateway\" adds the default route, and so does {default}: the plugin fails \
             with \"file exists\"; remove one of them"
        );
        ("ipam.routes", why)
    })
}
