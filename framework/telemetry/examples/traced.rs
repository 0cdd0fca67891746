//! Sets the network's DNS domain in every result, and records calls if its configuration says so.
//!
//! ```json
//! {
//!     "type": "traced",
//!     "domain": "example.org",
//!     "recording": "/var/log/cni.jsonl",
//!     "delegate": {…}
//! }
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use cni_telemetry::{Sinks, Tracer};
use cni_wrapper::{AddResult, Call, Error, Middleware, Stack, about, run};

#[derive(serde::Deserialize)]
struct Config {
    domain: String,
    recording: Option<PathBuf>,
}

struct SetDomain;

impl Middleware for SetDomain {
    type Config = Config;

    async fn after_add(
        &self,
        _: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let mut dns = result.dns();
        dns.domain = Some(config.domain.clone());
        Ok(result.set_dns(&dns)?)
    }
}

fn sinks(call: &Call) -> Result<Sinks, Error> {
    let Config { recording, .. } = call.read_config()?;
    Ok(Sinks::default().with_recording("recording", recording))
}

fn main() -> ExitCode {
    let tracer = |inner| Box::new(Tracer::new(inner, about!(), sinks)) as _;
    run(about!(), Stack::new().with_plugin(tracer).with(SetDomain))
}
