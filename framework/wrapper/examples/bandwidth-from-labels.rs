//! Limits the bandwidth of a container by its label `bandwidth`, such as `10M`, for runtimes that
//! have labels but no bandwidth.
//!
//! `rewrite` passes the limit to each delegate that declares the capability `bandwidth`, as the
//! runtime would. It has the last word, so a label wins over a limit of the runtime.
//!
//! ```json
//! {"type": "bandwidth-from-labels", "delegate": [{"type": "bridge", …},
//!  {"type": "bandwidth", "capabilities": {"bandwidth": true}}], …}
//! ```

use std::process::ExitCode;

use cni_wrapper::{Call, Error, Middleware, Object, about, run};
use serde_json::{Value, json};

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default = "default_label")]
    bandwidth_label: String,
}

fn default_label() -> String {
    "bandwidth".to_owned()
}

/// Returns the limit in bits per second, if the container has one.
fn limit(call: &Call, label: &str) -> Result<Option<u64>, Error> {
    let Some(text) = call.label(label).into_iter().next() else { return Ok(None) };
    let digits = text.trim_end_matches(['k', 'M', 'G']);
    let unit = match &text[digits.len()..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => 0, // several letters
    };
    let limit = digits.parse().ok().and_then(|number: u64| number.checked_mul(unit));
    limit.filter(|limit| *limit > 0).map(Some).ok_or_else(|| {
        let why =
            format!("{text:?} is not a bandwidth; write bits per second, such as 500k or 10M");
        Error::config(format!("label {label}"), why)
    })
}

struct BandwidthFromLabels;

impl Middleware for BandwidthFromLabels {
    type Config = Config;

    fn rewrite(&self, call: &Call, config: &Config, delegate: &mut Object) -> Result<(), Error> {
        let capabilities = delegate.get("capabilities").and_then(|all| all.get("bandwidth"));
        let (Some(Value::Bool(true)), Some(rate)) =
            (capabilities, limit(call, &config.bandwidth_label)?)
        else {
            return Ok(());
        };
        let burst = rate.min(u32::MAX.into()); // a second's worth, as far as the kernel allows
        let limits = json!({
            "ingressRate": rate, "ingressBurst": burst, "egressRate": rate, "egressBurst": burst,
        });
        match delegate.entry("runtimeConfig").or_insert_with(|| json!({})) {
            Value::Object(runtime) => drop(runtime.insert("bandwidth".to_owned(), limits)),
            other => {
                return Err(Error::config("runtimeConfig", format!("{other} is not an object")));
            }
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    run(about!(), BandwidthFromLabels)
}
