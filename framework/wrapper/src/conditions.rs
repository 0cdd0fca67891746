//! What must be so of a container for a rule to apply.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};

use crate::{Pattern, Request};

/// Conditions on what a runtime says of a container, all of which must hold: for a plugin with rules.
///
/// ```
/// use cni_wrapper::Conditions;
///
/// let when: Conditions = serde_json::from_str(
///     r#"{"labels": {"tier": ["db", "db-*"]}, "cniArgs": {"K8S_POD_NAMESPACE": "kube-*"}, "values": {"/runtimeConfig/mac": true}}"#,
/// )?;
/// assert!(!when.is_empty());
/// let mistake = serde_json::from_str::<Conditions>(r#"{"values": {"mac": true}}"#).unwrap_err();
/// assert!(mistake.to_string().contains("no JSON pointer"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Conditions {
    /// By the label's key.
    labels: IndexMap<String, Pattern>,
    /// By the key in `CNI_ARGS`.
    cni_args: IndexMap<String, Pattern>,
    /// By the JSON pointer (RFC 6901) of a value in the configuration, as in `/runtimeConfig/mac`.
    #[serde(deserialize_with = "by_pointer")]
    values: IndexMap<String, Pattern>,
}

impl Conditions {
    /// There is none, so they hold of every container.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.cni_args.is_empty() && self.values.is_empty()
    }

    /// The first that does not hold of the container that is asked for, in words: `label tier is web`; `None` when all do.
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
        (!pattern.fits(&values)).then(|| format!("{kind} {key} is {is}"))
    })
}

fn by_pointer<'d, D: Deserializer<'d>>(from: D) -> Result<IndexMap<String, Pattern>, D::Error> {
    let values = IndexMap::<String, Pattern>::deserialize(from)?;
    match values.keys().find(|pointer| !pointer.starts_with('/')) {
        None => Ok(values),
        Some(pointer) => Err(de::Error::custom(format!(
            "{pointer:?} is no JSON pointer: it begins with a slash, as /runtimeConfig/mac"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{CniArgs, SpecVersion};

    fn request() -> Request {
        let config = json!({
            "args": {"cni": {"labels": [{"key": "tier", "value": "web"}]}},
            "runtimeConfig": {"bandwidth": {"ingressRate": 1000}},
        });
        let Value::Object(config) = config else { unreachable!("it is an object") };
        Request {
            verb: crate::Verb::Add,
            attachment: crate::Attachment::default(),
            netns: None,
            args: CniArgs::parse("K8S_POD_NAMESPACE=default").unwrap(),
            version: SpecVersion::NEWEST,
            config,
            environment: crate::Environment::default(),
        }
    }

    #[test]
    fn the_first_that_does_not_hold_is_told_with_what_is() {
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
