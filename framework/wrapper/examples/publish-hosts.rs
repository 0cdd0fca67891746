//! Publishes the addresses of each container as a hosts file, which dnsmasq reads from its
//! `--hostsdir`.
//!
//! A wrapper that acts on the result: `before_del` removes the file that `after_add` writes, and
//! `gc` removes files of containers for which there was no DEL.
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

/// All three names identify an attachment, and none of them can contain an `@`.
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

    async fn is_attached(&self, call: &Call, config: &Config) -> Result<bool, Error> {
        Ok(config.hosts_dir.join(file_name(&call.attachment)).exists())
    }

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
        Error::combine(stale.filter_map(|entry| remove(&entry.path()).err()).collect())
    }
}

fn main() -> ExitCode {
    run(about!(), PublishHosts)
}
