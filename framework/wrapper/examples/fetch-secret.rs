//! Fetches a secret for each container from a service, and keeps it in a file that the container
//! can mount.
//!
//! The problem: a token must not be in the image, nor in the configuration of the network.
//!
//! A wrapper with a client that needs an executor of its own, here tokio's: one line runs it on
//! another thread, so that the thread of the hooks stays free.
//!
//! ```json
//! {"type": "fetch-secret", "service": "127.0.0.1:8200", "secretsDir": "/run/secrets", …}
//! ```

use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use cni_wrapper::{
    AddResult, Attachment, AttachmentStore, Call, Error, Middleware, about, run, spawn_blocking,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(5);

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    service: SocketAddr,
    secrets_dir: PathBuf,
}

impl Config {
    /// The files are readable only by root.
    fn secrets(&self) -> AttachmentStore<String> {
        AttachmentStore::new(&self.secrets_dir)
    }
}

/// Asks the service. This is any async client.
async fn request(service: SocketAddr, id: String) -> io::Result<String> {
    let mut stream = TcpStream::connect(service).await?;
    stream.write_all(format!("GET /secrets/{id} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, secret)) if head.contains(" 200 ") => Ok(secret.trim().to_owned()),
        _ => Err(io::Error::other(format!("it answered {:?}", answer.lines().next()))),
    }
}

/// Runs the client with a runtime of one thread, which ends with it.
fn fetch(service: SocketAddr, id: String) -> io::Result<String> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { timeout(LIMIT, request(service, id)).await? })
}

struct FetchSecret;

impl Middleware for FetchSecret {
    type Config = Config;

    async fn is_attached(&self, call: &Call, config: &Config) -> Result<bool, Error> {
        Ok(config.secrets().read(&call.attachment)?.is_some())
    }

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        _: &mut AddResult,
    ) -> Result<(), Error> {
        let (service, id) = (config.service, call.attachment.container_id.clone());
        let failed = move |error| Error::io(format!("asking {service} for a secret"), error);
        let secret = spawn_blocking(move || fetch(service, id).map_err(failed)).await?;
        Ok(config.secrets().write(&call.attachment, &secret)?)
    }

    async fn before_del(&self, call: &Call, config: &Config) -> Result<(), Error> {
        Ok(config.secrets().remove(&call.attachment).map(drop)?)
    }

    async fn gc(&self, call: &Call, config: &Config, valid: &[Attachment]) -> Result<(), Error> {
        let stored = config.secrets().of_network(&call.attachment.network)?;
        let stale = stored.iter().filter(|(attachment, _)| !valid.contains(attachment));
        let removed = stale.map(|(attachment, _)| config.secrets().remove(attachment));
        Error::combine(removed.filter_map(Result::err).map(Error::from).collect())
    }
}

fn main() -> ExitCode {
    run(about!(), FetchSecret)
}
