//! What to run, and how.

use std::thread;
use std::time::Duration;

use crate::run::versions::Versions;
use crate::spec::case::Case;
use crate::spec::cases;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs only the cases whose id begins with one of these, or that have it as their code; all
    /// cases if empty.
    pub only: Vec<String>,
    /// Excludes the cases whose id begins with one of these.
    pub skip: Vec<String>,
    /// The versions that the plugin is tested in.
    pub versions: Versions,
    /// The time limit of one call of the plugin.
    pub limit: Duration,
    /// The number of cases that run concurrently.
    pub jobs: usize,
    /// Stops after the first case that fails.
    pub fail_fast: bool,
    /// Divides the cases into parts, and runs only the one with this number, counted from 1; then
    /// the number of parts.
    pub shard: Option<(usize, usize)>,
    /// How many times more a case is run that fails or is broken.
    pub retries: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            skip: Vec::new(),
            versions: Versions::default(),
            // On a busy machine, a call of a plugin that starts a dozen others has taken more than
            // half a minute.
            limit: Duration::from_secs(120),
            // Four for each processor, since most of the time cases wait for the kernel, which
            // removes links and rules with a delay.
            jobs: 4 * thread::available_parallelism().map_or(1, usize::from),
            fail_fast: false,
            shard: None,
            retries: 0,
        }
    }
}

impl Options {
    /// Returns the selected cases, in the order of the specification.
    pub fn cases(&self) -> Vec<&'static Case> {
        let named = |case: &Case, names: &[String]| {
            names.iter().any(|name| case.id.starts_with(name) || case.requirement().code == name)
        };
        let (number, count) = self.shard.unwrap_or((1, 1));
        let cases = cases::all()
            .filter(|case| self.only.is_empty() || named(case, &self.only))
            .filter(|case| !named(case, &self.skip));
        // Neighbours take about the same time, so they go to different parts.
        cases.skip(number.saturating_sub(1)).step_by(count.max(1)).collect()
    }
}
