//! Copies the files that the ADD of the template created: state, leases.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Attachment, filled, template};
use crate::fixture::Fixture;
use crate::outcome::Outcome;
use crate::rows::NETWORK;

/// The directories in which plugins keep state.
const DIRECTORIES: [&str; 2] = ["/run", "/var/lib/cni"];
/// The directories of the benchmark itself and of namespaces.
const OTHERS: [&str; 3] = ["bench-calls", "bench-iptables", "netns"];

/// A file that contains the template's container id.
pub(super) struct TemplateFile {
    directory: PathBuf,
    name: String,
    text: String,
}

/// Returns all files of the template.
pub(super) fn of_template(fixture: &Fixture) -> Outcome<Vec<TemplateFile>> {
    let mut found = Vec::new();
    for directory in DIRECTORIES {
        collect(&fixture.path(directory), &mut found)
            .map_err(|error| format!("{directory}: {error}"))?;
    }
    Ok(found)
}

fn collect(directory: &Path, found: &mut Vec<TemplateFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if kind.is_dir() && !OTHERS.contains(&name.as_str()) {
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

/// Returns the file name of a copy. Names that the toolkit chooses contain a hash of the
/// attachment.
fn name(template_name: &str, copy: &Attachment) -> String {
    let of_toolkit = |id: &str| {
        let attachment = cni_wrapper::Attachment::new(NETWORK, id, "eth0");
        cni_wrapper::AttachmentStore::<()>::file_stem(&attachment)
    };
    filled(&template_name.replace(&of_toolkit(&template().id), &of_toolkit(&copy.id)), copy)
}
