//! What a test planned to happen.

use std::collections::VecDeque;

type Act<R> = Box<dyn FnOnce(&mut R) + Send>;

/// What happens to a ruleset of type `R`.
pub(super) struct Plan<R> {
    acts: VecDeque<Act<R>>,
    commits: Countdowns,
    operations: Countdowns,
}

impl<R> Default for Plan<R> {
    fn default() -> Self {
        Self {
            acts: VecDeque::new(),
            commits: Countdowns::default(),
            operations: Countdowns::default(),
        }
    }
}

impl<R> Plan<R> {
    pub(super) fn act(&mut self, act: Act<R>) {
        self.acts.push_back(act);
    }

    pub(super) fn next_act(&mut self) -> Option<Act<R>> {
        self.acts.pop_front()
    }

    pub(super) fn refuse_commit(&mut self, number: usize, errno: i32) {
        self.commits.0.push((number, errno));
    }

    pub(super) fn refuse_operation(&mut self, number: usize, errno: i32) {
        self.operations.0.push((number, errno));
    }

    /// Counts a commit; the error number when it is to be refused.
    pub(super) fn refuses_commit(&mut self) -> Option<i32> {
        self.commits.next()
    }

    /// Counts an operation; the error number when it is to be refused.
    pub(super) fn refuses_operation(&mut self) -> Option<i32> {
        self.operations.next()
    }

    pub(super) fn len(&self) -> usize {
        self.acts.len() + self.commits.0.len() + self.operations.0.len()
    }
}

/// How many come first, and the error number of the one after them.
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
