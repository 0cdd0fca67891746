//! Conditions on a container, under which a rule applies.

use cni_protocol::Request;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};

use super::pattern::Pattern;

/// Conditions on what a runtime passes about a container, all of which must hold.
///
/// For the configuration of a plugin that has rules.
///
/// ```
/// use cni_wrapper::Conditions;
///
/// let when: Conditions = serde_json::from_str(
///     r#"{
///         "labels": {"tier": ["db", "db-*"]},
///         "cniArgs": {"K8S_POD_NAMESPACE": "kube-*"},
///         "values": {"/runtimeConfig/mac": true}
///     }"#,
/// )?;
/// assert!(!when.is_empty());
/// let mistake = serde_json::from_str::<Conditions>(r#"{"values": {"mac": true}}"#).unwrap_err();
/// assert!(mistake.to_string().contains("not a JSON pointer"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Conditions {
    /// Patterns by the key of a label.
    labels: IndexMap<String, Pattern>,
    /// Patterns by the key in `CNI_ARGS`.
    cni_args: IndexMap<String, Pattern>,
    /// Patterns by the JSON pointer (RFC 6901) of a value in the configuration, such as
    /// `/runtimeConfig/mac`.
    #[serde(deserialize_with = "by_pointer")]
    values: IndexMap<String, Pattern>,
}

impl Conditions {
    /// Returns whether there are no conditions, so that every container meets them.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.cni_args.is_empty() && self.values.is_empty()
    }

    /// Returns a description of the first condition that the container does not meet, such as
    /// `label tier is web`, or `None` if it meets all.
    pub fn unmet(&self, request: &Request) -> Option<String> {
        let arg = |key: &str| request.args.get(key).map(str::to_owned).into_iter().collect();
        first_unmet("label", &self.labels, |key| request.label(key))
            .or_else(|| first_unmet("CNI_ARGS", &self.cni_args, arg))
            .or_else(|| first_unmet("value", &self.values, |pointer| request.value(pointer)))
    }
}

fn first_unmet(
    kind: &str,
    conditions: &IndexMap<String, Pattern>,
    values: impl Fn(&str) -> Vec<String>,
) -> Option<String> {
    conditions.iter().find_map(|(key, pattern)| {
        let values = values(key);
        let is = if values.is_empty() { "absent".to_owned() } else { values.join(", ") };
        (!pattern.matches(&values)).then(|| format!("{kind} {key} is {is}"))
    })
}

fn by_pointer<'d, D: Deserializer<'d>>(from: D) -> Result<IndexMap<String, Pattern>, D::Error> {
    let values = IndexMap::<String, Pattern>::deserialize(from)?;
    match values.keys().find(|pointer| !pointer.starts_with('/')) {
        None => Ok(values),
        Some(pointer) => Err(de::Error::custom(format!(
            "{pointer:?} is not a JSON pointer, which begins with a slash, as in /runtimeConfig/mac"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use cni_protocol::{Environment, Verb};

    use super::*;

    fn request() -> Request {
        let environment: Environment = [
            ("CNI_CONTAINERID", "c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_NETNS", "/run/netns/c1"),
            ("CNI_ARGS", "K8S_POD_NAMESPACE=default"),
        ]
        .into_iter()
        .collect();
        let config = json!({
            "name": "net",
            "args": {"cni": {"labels": [{"key": "tier", "value": "web"}]}},
            "runtimeConfig": {"bandwidth": {"ingressRate": 1000}},
        });
        Request::read(Verb::Add, environment, config.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_first_condition_that_is_not_met_is_described_with_the_actual_value() {
        let table = [
            (json!({}), None),
            (json!({"labels": {"tier": "web"}, "cniArgs": {"K8S_POD_NAMESPACE": "def*"}}), None),
            (json!({"values": {"/runtimeConfig/bandwidth/ingressRate": "1000"}}), None),
            (json!({"labels": {"team": false}, "values": {"/runtimeConfig/mac": false}}), None),
            (json!({"labels": {"tier": "db", "team": true}}), Some("label tier is web")),
            (json!({"labels": {"team": true, "tier": "db"}}), Some("label team is absent")),
            (
                json!({"cniArgs": {"K8S_POD_NAMESPACE": ["a", "b"]}}),
                Some("CNI_ARGS K8S_POD_NAMESPACE is default"),
            ),
            (
                json!({"values": {"/runtimeConfig/mac": true}}),
                Some("value /runtimeConfig/mac is absent"),
            ),
            (json!({"values": {"/x": true}, "labels": {"tier": "db"}}), Some("label tier is web")),
        ];
        for (when, unmet) in table {
            let conditions: Conditions = serde_json::from_value(when.clone()).unwrap();
            assert_eq!(conditions.unmet(&request()).as_deref(), unmet, "{when}");
            assert_eq!(conditions.is_empty(), when == json!({}), "{when}");
        }
    }
}
