//! The verdicts of a run as a file, with which a later run is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cni_protocol::SpecVersion;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::run::record::Report;
use crate::run::versions::Versions;
use crate::subject::Subject;

/// The verdict of each case in each version, as a file that is kept with the tests of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// The file name of the plugin.
    pub plugin: String,
    /// The kind of plugin that it is.
    pub profile: String,
    /// The versions that it was tested in.
    pub versions: Vec<String>,
    /// Why it could not be tested at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untested: Option<String>,
    /// The cases in the order of the specification: `{"CASE": {"VERDICT": ["VERSION", …]}}`.
    #[serde(default)]
    pub cases: Map<String, Value>,
}

impl Verdicts {
    /// Returns the verdicts of a run.
    pub fn of(report: &Report) -> Self {
        let mut cases = Map::new();
        for record in &report.records {
            let case = cases.entry(record.case.id).or_insert_with(|| json!({}));
            let versions = &mut case[record.verdict.as_str()];
            let mut list = versions.as_array().cloned().unwrap_or_default();
            list.push(record.version.as_str().into());
            *versions = list.into();
        }
        Self {
            plugin: report.subject.name(),
            profile: report.subject.profile.to_string(),
            versions: report.versions.iter().map(ToString::to_string).collect(),
            untested: None,
            cases,
        }
    }

    /// Returns no verdicts, with the reason why the plugin could not be tested.
    pub fn untested(subject: &Subject, reason: &str) -> Self {
        Self {
            plugin: subject.name(),
            profile: subject.profile.to_string(),
            versions: Vec::new(),
            untested: Some(reason.to_owned()),
            cases: Map::new(),
        }
    }

    /// Reads them from a file.
    ///
    /// # Errors
    /// If it cannot be read or parsed.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Writes them to a file, a line for each case.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let written = fs::write(path, self.text());
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    fn text(&self) -> String {
        let mut lines = vec![
            format!("    \"plugin\": {}", json!(self.plugin)),
            format!("    \"profile\": {}", json!(self.profile)),
            format!("    \"versions\": {}", json!(self.versions)),
        ];
        lines.extend(self.untested.iter().map(|why| format!("    \"untested\": {}", json!(why))));
        let cases = self.cases.iter().map(|(id, ends)| format!("\n        {}: {ends}", json!(id)));
        let cases: Vec<String> = cases.collect();
        let end = if cases.is_empty() { "" } else { "\n    " };
        lines.push(format!("    \"cases\": {{{}{end}}}", cases.join(",")));
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }

    /// Keeps the versions that `versions` would select. Versions selected by name are compared as
    /// they are.
    pub(crate) fn in_versions(mut self, versions: &Versions) -> Self {
        if matches!(versions, Versions::These(_)) {
            return self;
        }
        let claimed: Vec<SpecVersion> =
            self.versions.iter().filter_map(|version| version.parse().ok()).collect();
        let chosen: Vec<String> = versions.of(&claimed).iter().map(ToString::to_string).collect();
        let is_chosen = |version: &Value| chosen.iter().any(|one| version == one.as_str());
        for ends in self.cases.values_mut().filter_map(Value::as_object_mut) {
            for in_these in ends.values_mut().filter_map(Value::as_array_mut) {
                in_these.retain(is_chosen);
            }
        }
        self.versions = chosen;
        self
    }

    /// Returns what differs in `now`, a line each. The verdicts of cases that are `flaky` may
    /// differ. If only some cases ran (`partly`), missing ones are not a difference.
    pub fn changes(&self, now: &Self, flaky: &dyn Fn(&str) -> bool, partly: bool) -> Vec<String> {
        let (before, after) = (self.flat(), now.flat());
        let missing = before.iter().filter(|(key, _)| !partly && !after.contains_key(*key));
        let mut changes: Vec<String> = missing
            .map(|((id, version), verdict)| {
                format!("{id} in {version}: was {verdict}, did not run")
            })
            .collect();
        for ((id, version), verdict) in &after {
            let known = before.get(&(id.clone(), version.clone()));
            let excused = flaky(id) && *verdict != "broken";
            if known != Some(verdict) && !(excused && known.is_some()) {
                let was = known.map_or("not run", |known| known);
                changes.push(format!("{id} in {version}: was {was}, is now {verdict}"));
            }
        }
        changes
    }

    /// Returns the verdict of each case and version.
    fn flat(&self) -> BTreeMap<(String, String), &str> {
        let mut flat = BTreeMap::new();
        for (id, ends) in &self.cases {
            for (verdict, versions) in ends.as_object().into_iter().flatten() {
                for version in versions.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    flat.insert((id.clone(), version.to_owned()), verdict.as_str());
                }
            }
        }
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(cases: Value) -> Verdicts {
        Verdicts {
            plugin: "bridge".to_owned(),
            profile: "interface".to_owned(),
            versions: vec!["0.4.0".to_owned(), "1.0.0".to_owned()],
            untested: None,
            cases: cases.as_object().cloned().unwrap_or_default(),
        }
    }

    fn never(_: &str) -> bool {
        false
    }

    #[test]
    fn written_verdicts_can_be_read() {
        let one = verdicts(json!({ "a.b": { "pass": ["0.4.0"], "fail": ["1.0.0"] }, "a.c": {} }));
        assert_eq!(serde_json::from_str::<Verdicts>(&one.text()).unwrap(), one);
        let mut none = verdicts(json!({}));
        none.untested = Some("the kernel has no \"vrf\"".to_owned());
        assert_eq!(serde_json::from_str::<Verdicts>(&none.text()).unwrap(), none);
    }

    #[test]
    fn only_the_verdicts_of_selected_versions_are_compared() {
        let all = verdicts(json!({ "a.b": { "pass": ["0.4.0"], "fail": ["1.0.0"] } }));
        let newest = all.clone().in_versions(&Versions::Newest);
        assert_eq!(newest.versions, ["1.0.0"]);
        let now = verdicts(json!({ "a.b": { "fail": ["1.0.0"] } }));
        assert!(newest.changes(&now, &never, false).is_empty());
        assert!(!all.changes(&now, &never, false).is_empty());
        let gone = verdicts(json!({}));
        assert_eq!(newest.changes(&gone, &never, false), ["a.b in 1.0.0: was fail, did not run"]);
    }

    #[test]
    fn a_verdict_that_improves_or_worsens_is_reported() {
        let old = verdicts(json!({ "a.b": { "pass": ["0.4.0"], "fail": ["1.0.0"] } }));
        let new = verdicts(json!({ "a.b": { "fail": ["0.4.0"], "pass": ["1.0.0"] } }));
        let changes = old.changes(&new, &never, false);
        assert_eq!(
            changes,
            ["a.b in 0.4.0: was pass, is now fail", "a.b in 1.0.0: was fail, is now pass"]
        );
        assert!(old.changes(&old, &never, false).is_empty());
    }

    #[test]
    fn a_new_or_missing_case_is_a_change() {
        let old = verdicts(json!({ "a.b": { "pass": ["1.0.0"] } }));
        let new = verdicts(json!({ "a.c": { "pass": ["1.0.0"] } }));
        let changes = old.changes(&new, &never, false);
        assert_eq!(
            changes,
            ["a.b in 1.0.0: was pass, did not run", "a.c in 1.0.0: was not run, is now pass"]
        );
        assert!(old.changes(&verdicts(json!({})), &never, true).is_empty());
    }

    #[test]
    fn a_flaky_case_excuses_a_deviation_and_nothing_else() {
        let old = verdicts(json!({ "a.b": { "info": ["1.0.0"] } }));
        let flaky = |id: &str| id == "a.b";
        let lucky = verdicts(json!({ "a.b": { "pass": ["1.0.0"] } }));
        assert!(old.changes(&lucky, &flaky, false).is_empty());
        let broken = verdicts(json!({ "a.b": { "broken": ["1.0.0"] } }));
        assert_eq!(old.changes(&broken, &flaky, false).len(), 1);
    }
}
