//! Publishes each container's addresses as a hosts file; dnsmasq's `--hostsdir` reads it as soon as
//! it appears.
//!
//! A wrapper that acts on the result: what `after_add` builds, `before_del` removes, and `gc` what
//! no DEL came for.
//!
//! ```json
//! {"type": "publish-hosts", "hostsDir": "/run/hosts.d", "delegate": {"type": "bridge", …}, …}
//! ```

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
};

use cni_wrapper::{AddResult, Attachment, Call, Error, Middleware, about, run};

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    hosts_dir: PathBuf,
}

/// Attachments are told apart by all three; no name has an @ in it.
fn file_name(attachment: &Attachment) -> String {
    format!("{}@{}@{}", attachment.network, attachment.container_id, attachment.ifname)
}

fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::io(format!("removing {}", file.display()), error))
        }
        _ => Ok(()),
    }
}

struct PublishHosts;

impl Middleware for PublishHosts {
    type Config = Config;

    async fn after_add(
        &self,
        call: &Call,
        config: &Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let name = &call.attachment.container_id;
        let file = config.hosts_dir.join(file_name(&call.attachment));
        let lines: String =
            result.ips().iter().map(|ip| format!("{} {name}\n", ip.address)).collect();
        fs::write(&file, lines)
            .map_err(|error| Error::io(format!("writing {}", file.display()), error))
    }

    async fn before_del(&self, call: &Call, config: &Config) -> Result<(), Error> {
        remove(&config.hosts_dir.join(file_name(&call.attachment)))
    }

    async fn gc(&self, call: &Call, config: &Config, valid: &[Attachment]) -> Result<(), Error> {
        let (ours, valid) = (format!("{}@", call.attachment.network), valid.iter().map(file_name));
        let valid: Vec<String> = valid.collect();
        let entries = fs::read_dir(&config.hosts_dir)
            .map_err(|error| Error::io(format!("reading {}", config.hosts_dir.display()), error))?;
        let stale = entries.flatten().filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with(&ours) && !valid.contains(&name)
        });
        let mut errors: Vec<Error> =
            stale.filter_map(|entry| remove(&entry.path()).err()).collect();
        match errors.len() {
            0 => Ok(()),
            1 => errors.pop().map_or(Ok(()), Err),
            _ => Err(Error::Several { each: errors }),
        }
    }
}

fn main() -> ExitCode {
    run(about!(), PublishHosts)
}
