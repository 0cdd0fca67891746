//! What the kernel and the disk show, to compare before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use cni_test_kit::{Process, Snapshot};

use super::Stage;
use crate::judgement::{Judgement, expect};

/// What is no leftover: host-local's note of the last address it gave, lock files, and what the stage
/// itself made: interfaces, which go with their container, and the directory of its stand-ins.
const TOLERATED: [&str; 5] =
    ["/last_reserved_ip", "/lock f ", ".lock f ", "given", "/run/stand-ins"];

/// How long a process may take to end that has no work left.
const PATIENCE: Duration = Duration::from_secs(5);

/// Links, addresses, routes, rules, settings, files and processes of a case's host and its containers.
#[derive(Clone, Debug)]
pub struct Picture {
    places: BTreeMap<String, Snapshot>,
    /// Containers whose network namespaces are gone though no case removed them.
    gone: BTreeSet<String>,
    processes: BTreeSet<u32>,
}

impl Picture {
    pub(super) fn take(stage: &Stage) -> Self {
        let tidy = |snapshot: Snapshot| {
            TOLERATED.iter().fold(snapshot, |snapshot, text| snapshot.without(text))
        };
        let containers = stage.containers();
        let (present, gone): (Vec<_>, Vec<_>) = containers
            .iter()
            .filter(|container| !stage.has_lost(container.name()))
            .partition(|container| stage.host().exists(&container.netns()));
        let mut places: BTreeMap<_, _> = present
            .iter()
            .map(|container| (container.name().to_owned(), tidy(container.snapshot())))
            .collect();
        places.insert("host".to_owned(), tidy(stage.host().snapshot()));
        let processes = stage.host().processes().iter().map(|process| process.pid).collect();
        let gone = gone.iter().map(|container| container.name().to_owned()).collect();
        Self { places, gone, processes }
    }

    /// What `later` has more (`+`) and less (`-`), a line each. Containers that only one of them shows are left out.
    pub fn difference(&self, later: &Self) -> String {
        let both = self.places.iter().filter_map(|(name, before)| {
            let difference = before.difference(later.places.get(name)?);
            (!difference.is_empty()).then(|| format!("{name}:\n{difference}"))
        });
        let gone = later.gone.difference(&self.gone);
        both.chain(gone.map(|name| format!("{name}:\n- its network namespace\n"))).collect()
    }

    /// The host's lines of one section, such as `nft`; see [`Snapshot::section`].
    pub fn on_host(&self, section: &str) -> &[String] {
        self.places.get("host").map_or(&[], |host| host.section(section))
    }

    /// All is now as it was in this picture.
    ///
    /// # Errors
    /// The finding of what is different.
    pub fn is_still_true(&self, stage: &Stage, when: &str) -> Judgement {
        let difference = self.difference(&stage.picture()) + &self.new_processes(stage);
        expect(difference.is_empty(), format!("{when}: all as it was before"), || difference)
    }

    /// As [`Picture::is_still_true`], but for what is not there any more because it was taken into the container,
    /// which is gone: what this picture has and `meanwhile`, taken after ADD, has not.
    ///
    /// # Errors
    /// The finding of what is different.
    pub fn is_true_but_for_what_was_taken(
        &self,
        stage: &Stage,
        meanwhile: &Self,
        when: &str,
    ) -> Judgement {
        let taken = self.difference(meanwhile);
        let taken: Vec<&str> = taken.lines().filter(|line| line.starts_with('-')).collect();
        let later = self.difference(&stage.picture()) + &self.new_processes(stage);
        let left = later.lines().filter(|line| !taken.contains(line));
        let left: Vec<&str> = left.filter(|line| line.starts_with(['+', '-'])).collect();
        expect(left.is_empty(), format!("{when}: all as it was before"), || left.join("\n"))
    }

    /// Nothing of this picture is missing now, but for lines of what is `own`: a container, or lines that hold one of
    /// these words. What is there besides is for other cases.
    ///
    /// # Errors
    /// The finding of what is missing.
    pub fn lost_only(&self, stage: &Stage, own: &[&str], when: &str) -> Judgement {
        let later = stage.picture();
        let mut missing = String::new();
        for (name, before) in self.places.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
            let difference = later.places.get(name).map(|after| before.difference(after));
            let lines = difference.iter().flat_map(|text| text.lines());
            for line in lines.filter(|line| line.starts_with('-')) {
                if !own.iter().any(|word| line.split_whitespace().any(|part| part == *word)) {
                    missing.push_str(&format!("{name}: {line}\n"));
                }
            }
        }
        expect(missing.is_empty(), format!("{when}: nothing of others is gone"), || missing)
    }

    /// The processes that are there now and were not then, a line each; those that are just ending are waited for.
    fn new_processes(&self, stage: &Stage) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut new = stage.host().processes();
            new.retain(|process| !self.processes.contains(&process.pid));
            if new.is_empty() || Instant::now() > deadline {
                let line = |process: &Process| format!("+ process: {}\n", process.command);
                return new.iter().map(line).collect();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Something is now different.
    pub fn has_changed(&self, stage: &Stage) -> bool {
        !self.difference(&stage.picture()).is_empty()
    }
}
