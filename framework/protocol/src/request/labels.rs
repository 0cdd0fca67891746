//! The labels of a container.

use serde_json::Value;

use super::Request;
use crate::mesos::network_info;

impl Request {
    /// Returns the container's labels, in their order.
    ///
    /// They are read from Mesos's place (`args."org.apache.mesos".network_info.labels`) and from
    /// the common one (`args.cni.labels`). A key may occur more than once; a label without a value
    /// has an empty one.
    pub fn labels(&self) -> Vec<(String, String)> {
        let args = self.config.get("args");
        let common = args.and_then(|args| args.get("cni")?.get("labels"));
        let mesos = network_info(&self.config).and_then(|info| info.get("labels")?.get("labels"));
        let lists = [mesos, common].into_iter().flatten().filter_map(Value::as_array);
        lists.flatten().filter_map(label).collect()
    }

    /// Returns the values of the labels with this key; an empty list if there are none.
    pub fn label(&self, key: &str) -> Vec<String> {
        let labels = self.labels().into_iter().filter(|(name, _)| name == key);
        labels.map(|(_, value)| value).collect()
    }
}

fn label(label: &Value) -> Option<(String, String)> {
    let text = |key| label.get(key).and_then(Value::as_str).map(str::to_owned);
    Some((text("key")?, text("value").unwrap_or_default()))
}
