//! Remedies for errors of well-known plugins whose messages do not name the cause.

use cni_protocol::{Object, reference::doubled_default_route};

/// Returns what to do about an error of a delegate with this configuration, if it is known. The
/// default configuration of DC/OS has a default route that Debian's `bridge` adds twice.
pub(super) fn remedy(config: &Object, message: &str) -> Option<String> {
    let default = doubled_default_route(config).filter(|_| message.contains("file exists"))?;
    Some(format!(
        "\"isDefaultGateway\" adds the default route, and so does {default} in ipam.routes; remove \
         one of them"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_error_of_a_route_that_exists_has_a_remedy() {
        let config = json!({"isDefaultGateway": true, "ipam": {"routes": [{"dst": "::/0"}]}});
        let config = config.as_object().cloned().unwrap_or_default();
        let found = remedy(&config, "failed to add route: file exists").expect("a remedy");
        assert!(found.contains("isDefaultGateway") && found.contains("::/0"), "{found}");
        assert_eq!(remedy(&config, "no such device"), None);
        assert_eq!(remedy(&Object::new(), "file exists"), None);
    }
}
