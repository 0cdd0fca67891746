//! Copies of the files that an ADD of the template left: a state directory, leases.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Attachment, filled, template};
use crate::Outcome;
use crate::rows::NETWORK;
use crate::scene::Scene;

/// Where plugins keep what must not outlive a reboot, or a host of ours.
const PLACES: [&str; 2] = ["/run", "/var/lib/cni"];
/// Of the bench itself and of namespaces.
const NOT_THEIRS: [&str; 3] = ["bench-calls", "bench-iptables", "netns"];

/// A file that names the template's container.
pub(super) struct TemplateFile {
    directory: PathBuf,
    name: String,
    text: String,
}

/// All files of the template.
pub(super) fn of_template(scene: &Scene) -> Outcome<Vec<TemplateFile>> {
    let mut found = Vec::new();
    for place in PLACES {
        collect(&scene.path(place), &mut found).map_err(|error| format!("{place}: {error}"))?;
    }
    Ok(found)
}

fn collect(directory: &Path, found: &mut Vec<TemplateFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if kind.is_dir() && !NOT_THEIRS.contains(&name.as_str()) {
            collect(&entry.path(), found)?;
        } else if kind.is_file() {
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).into_owned();
            if text.contains(&template().id) || name.contains(&template().id) {
                found.push(TemplateFile { directory: directory.to_owned(), name, text });
            }
        }
    }
    Ok(())
}

pub(super) fn fill(files: &[TemplateFile], copies: &[Attachment]) -> Outcome {
    for file in files {
        for copy in copies {
            let path = file.directory.join(name(&file.name, copy));
            fs::write(&path, filled(&file.text, copy))
                .map_err(|error| format!("{}: {error}", file.name))?;
        }
    }
    Ok(())
}

/// Of the file of a copy. One that is made by the toolkit has a hash of the attachment in it.
fn name(template_s: &str, copy: &Attachment) -> String {
    let made = |id: &str| {
        let attachment = cni_wrapper::Attachment::new(NETWORK, id, "eth0");
        cni_wrapper::AttachmentStore::<()>::file_stem(&attachment)
    };
    filled(&template_s.replace(&made(&template().id), &made(&copy.id)), copy)
}
