//! The faults that a test has planned.

use std::collections::VecDeque;

type Action<R> = Box<dyn FnOnce(&mut R) + Send>;

/// The planned faults of a ruleset of type `R`.
pub(super) struct Faults<R> {
    actions: VecDeque<Action<R>>,
    commits: Countdowns,
    operations: Countdowns,
}

impl<R> Default for Faults<R> {
    fn default() -> Self {
        Self {
            actions: VecDeque::new(),
            commits: Countdowns::default(),
            operations: Countdowns::default(),
        }
    }
}

impl<R> Faults<R> {
    pub(super) fn act(&mut self, act: Action<R>) {
        self.actions.push_back(act);
    }

    pub(super) fn next_act(&mut self) -> Option<Action<R>> {
        self.actions.pop_front()
    }

    pub(super) fn refuse_commit(&mut self, number: usize, errno: i32) {
        self.commits.0.push((number, errno));
    }

    pub(super) fn refuse_operation(&mut self, number: usize, errno: i32) {
        self.operations.0.push((number, errno));
    }

    /// Counts a commit. Returns the error number if it must be refused.
    pub(super) fn refuses_commit(&mut self) -> Option<i32> {
        self.commits.next()
    }

    /// Counts an operation. Returns the error number if it must be refused.
    pub(super) fn refuses_operation(&mut self) -> Option<i32> {
        self.operations.next()
    }

    pub(super) fn len(&self) -> usize {
        self.actions.len() + self.commits.0.len() + self.operations.0.len()
    }
}

/// For each planned refusal the number of calls before it, and its error number.
#[derive(Default)]
struct Countdowns(Vec<(usize, i32)>);

impl Countdowns {
    fn next(&mut self) -> Option<i32> {
        let due = self.0.iter().position(|(left, _)| *left == 0);
        let due = due.map(|at| self.0.swap_remove(at).1);
        for (left, _) in &mut self.0 {
            *left = left.saturating_sub(1);
        }
        due
    }
}
