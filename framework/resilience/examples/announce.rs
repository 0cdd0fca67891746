//! Announces each container to a server, and retries while the server is busy.
//!
//! The author's own configuration has a deadline and a retry policy:
//!
//! ```json
//! {
//!     "type": "announce",
//!     "server": "/run/names.sock",
//!     "deadline": 10,
//!     "retry": {"maxAttempts": 5, "backoff": 0.1},
//!     "delegate": {…}
//! }
//! ```

use std::process::ExitCode;

use async_std::io::{ReadExt, WriteExt};
use async_std::os::unix::net::UnixStream;
use cni_resilience::{ResilientCall, Retry, Seconds};
use cni_wrapper::{AddResult, Call, Error, Middleware, Verb, about, run};

#[derive(serde::Deserialize)]
struct Config {
    server: String,
    deadline: Seconds,
    #[serde(default)]
    retry: Retry,
}

struct Announce;

impl Middleware for Announce {
    type Config = Config;

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        _: &mut AddResult,
    ) -> Result<(), Error> {
        let id = &call.attachment.container_id;
        let call = ResilientCall::new(call, Verb::Add, config.deadline.duration())
            .with_retry(&config.retry);
        Ok(call.run(|| Box::pin(announce(&config.server, id))).await?)
    }
}

/// Sends the container's id to the server, and reads whether it was accepted.
async fn announce(server: &str, id: &str) -> Result<(), Error> {
    let failed = |why: std::io::Error| Error::TryAgainLater(format!("server {server}: {why}"));
    let mut stream = UnixStream::connect(server).await.map_err(failed)?;
    stream.write_all(format!("{id}\n").as_bytes()).await.map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(failed)?;
    match answer.as_str() {
        "ok\n" => Ok(()),
        "busy\n" => Err(Error::TryAgainLater(format!("server {server} is busy"))),
        _ => Err(Error::plugin(120, format!("server {server} refuses {id}: {answer}"))),
    }
}

fn main() -> ExitCode {
    run(about!(), Announce)
}
