//! The parameters of one attachment, from the caller of a runtime.

use serde_json::{Map, Value};

/// The parameters of one attachment, like `RuntimeConf` of libcni.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuntimeConf {
    /// The container id.
    pub id: String,
    /// The path of the network namespace.
    pub netns: String,
    /// The interface name.
    pub ifname: String,
    /// The pairs in `CNI_ARGS`.
    pub args: Vec<(String, String)>,
    /// The values for capabilities.
    pub capability_args: Map<String, Value>,
}

/// Parses `KEY=VALUE;KEY=VALUE`, as cnitool does.
///
/// # Errors
/// The part that is not such a pair.
pub fn cni_args(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() && !value.contains('=') => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(format!("{pair:?} is not KEY=VALUE")),
    };
    text.split(';').filter(|text| !text.is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_pairs() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            cni_args("K=v;IgnoreUnknown=1").unwrap(),
            [pair("K", "v"), pair("IgnoreUnknown", "1")]
        );
        assert_eq!(cni_args("").unwrap(), []);
        for bad in ["K", "K=", "=v", "A=b=c"] {
            assert!(cni_args(bad).unwrap_err().contains(bad), "{bad}");
        }
    }
}
