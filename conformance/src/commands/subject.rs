//! The plugin that a command judges, as the command line describes it.

use std::path::PathBuf;

use clap::Args;
use cni_conformance::exchange::quoted;
use cni_conformance::{Profile, Subject};

use super::values::{JsonObject, one_of};

/// The options that describe a plugin.
#[derive(Args)]
pub(super) struct SubjectArguments {
    /// Read the plugin and everything it needs from a JSON file, instead of PLUGIN
    #[arg(long, value_name = "FILE")]
    pub(super) subject: Option<PathBuf>,
    /// The plugin's object in a network configuration
    #[arg(long, value_name = "JSON|FILE", conflicts_with = "subject")]
    pub(super) config: Option<JsonObject>,
    /// The kind of plugin [default: interface]
    #[arg(long, conflicts_with = "subject")]
    #[arg(value_parser = one_of(Profile::ALL, Profile::as_str))]
    pub(super) profile: Option<Profile>,
}

/// A plugin, and the arguments that describe it.
pub(super) struct NamedSubject {
    pub(super) subject: Subject,
    /// What to type to name the same plugin again.
    pub(super) arguments: String,
}

impl SubjectArguments {
    /// Returns the plugin called `plugin`, or the one in the subject file.
    ///
    /// With a subject file, `plugin` is the first of the `cases`, and is moved there.
    pub(super) fn take(
        &self,
        plugin: Option<&str>,
        cases: &mut Vec<String>,
    ) -> Result<NamedSubject, String> {
        match (&self.subject, plugin) {
            (None, Some(plugin)) => self.of_plugin(plugin),
            (None, None) => Err("name a plugin, or a file with --subject".to_owned()),
            (Some(path), first_case) => {
                cases.splice(0..0, first_case.map(str::to_owned));
                let arguments = format!("--subject {}", quoted(&path.display().to_string()));
                Ok(NamedSubject { subject: Subject::read(path)?.found()?, arguments })
            }
        }
    }

    fn of_plugin(&self, plugin: &str) -> Result<NamedSubject, String> {
        let profile = self.profile.unwrap_or(Profile::Interface);
        let mut arguments = format!("{} --profile {profile}", quoted(plugin));
        if let Some(config) = &self.config {
            arguments.push_str(&format!(" --config {}", quoted(&config.typed)));
        }
        let config = self.config.as_ref().map(|config| config.object.clone());
        let subject = Subject::new(plugin, profile, config.unwrap_or_default()).found()?;
        Ok(NamedSubject { subject, arguments })
    }
}
