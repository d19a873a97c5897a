//! Group commit: threads that commit while a flush is under way wait, and the first of them then
//! carries out all that gathered in one transaction. A lone commit waits for nobody.

use crate::bounds::commit_size;
use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOutcome};
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// The outcome of one commit.
pub(crate) type CommitResult = Result<StoreOutcome, StoreError>;

/// Commits in one transaction at most.
const MEMBERS: usize = 512;
/// Bytes of commits in one transaction at most, unless a single one is larger.
const BYTES: usize = 16 << 20;

#[derive(Default)]
pub(crate) struct GroupCommit {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    next_ticket: u64,
    waiting: Vec<(u64, Commit)>,
    finished: BTreeMap<u64, CommitResult>,
    /// Whether some thread carries out a group.
    led: bool,
}

impl Queue {
    fn take_group(&mut self) -> Vec<(u64, Commit)> {
        let mut bytes = 0usize;
        let fitting = self.waiting.iter().take(MEMBERS).take_while(|(_, commit)| {
            bytes = bytes.saturating_add(commit_size(commit));
            bytes <= BYTES
        });
        let count = fitting.count().max(1).min(self.waiting.len());
        self.waiting.drain(..count).collect()
    }
}

impl GroupCommit {
    /// Carries out `commit`, alone or with others, by `perform` on this thread or another's.
    ///
    /// `perform` gives one result for each commit, in order, or an error for which nothing was
    /// written. A group for which there is no room is tried again one by one.
    pub(crate) fn submit(
        &self,
        commit: Commit,
        perform: impl Fn(&[Commit]) -> Result<Vec<CommitResult>, StoreError>,
    ) -> CommitResult {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push((ticket, commit));
        loop {
            if let Some(result) = queue.finished.remove(&ticket) {
                return result;
            }
            if queue.led {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.led = true;
            let (tickets, commits): (Vec<_>, Vec<_>) = queue.take_group().into_iter().unzip();
            drop(queue);
            let results = perform_group(&commits, &perform);
            queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.led = false;
            queue.finished.extend(tickets.into_iter().zip(results));
            self.changed.notify_all();
        }
    }
}

/// One result for each of `commits`, whatever `perform` does.
fn perform_group(
    commits: &[Commit],
    perform: &impl Fn(&[Commit]) -> Result<Vec<CommitResult>, StoreError>,
) -> Vec<CommitResult> {
    match perform(commits) {
        Ok(results) if results.len() == commits.len() => results,
        Ok(_) => {
            let broken = StoreError::new(StoreErrorKind::Unavailable, "the engine lost an outcome");
            vec![Err(broken); commits.len()]
        }
        Err(error) if error.kind == StoreErrorKind::Full && commits.len() > 1 => {
            commits.chunks(1).flat_map(|commit| perform_group(commit, perform)).collect()
        }
        Err(error) => vec![Err(error); commits.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(commits: &[Commit]) -> Vec<CommitResult> {
        commits.iter().map(|_| Ok(StoreOutcome::Committed(Vec::new()))).collect()
    }

    #[test]
    fn commits_that_wait_share_the_next_group() {
        const FOLLOWERS: usize = 6;
        let group = &GroupCommit::default();
        let sizes = &Mutex::new(Vec::new());
        let perform = &|commits: &[Commit]| {
            let mut sizes = sizes.lock().unwrap();
            sizes.push(commits.len());
            if sizes.len() == 1 {
                // The first group is not done before all the others wait.
                while group.queue.lock().unwrap().waiting.len() < FOLLOWERS {
                    std::thread::yield_now();
                }
            }
            Ok(committed(commits))
        };
        std::thread::scope(|scope| {
            for _ in 0..=FOLLOWERS {
                scope.spawn(|| assert!(group.submit(Commit::default(), perform).is_ok()));
            }
        });
        assert_eq!(*sizes.lock().unwrap(), [1, FOLLOWERS]);
        assert!(group.queue.lock().unwrap().finished.is_empty());
    }

    #[test]
    fn a_group_without_room_is_tried_one_by_one() {
        let sizes = Mutex::new(Vec::new());
        let perform = |commits: &[Commit]| {
            sizes.lock().unwrap().push(commits.len());
            match commits {
                [one] if one.writes.is_empty() => Ok(committed(commits)),
                _ => Err(StoreError::new(StoreErrorKind::Full, "no room")),
            }
        };
        let large = Commit {
            writes: vec![absio_proto::effect::Write::Delete { key: Vec::new() }],
            ..Commit::default()
        };
        let results = perform_group(&[Commit::default(), large, Commit::default()], &perform);
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(*sizes.lock().unwrap(), [3, 1, 1, 1]);
    }

    #[test]
    fn a_group_is_bounded_but_never_empty() {
        let sized = |bytes: usize| Commit {
            writes: vec![absio_proto::effect::Write::Put { key: Vec::new(), value: vec![0; bytes] }],
            ..Commit::default()
        };
        let waiting = vec![(0, sized(BYTES + 1)), (1, sized(BYTES)), (2, sized(1))];
        let mut queue = Queue { waiting, ..Queue::default() };
        assert_eq!(queue.take_group().len(), 1);
        assert_eq!(queue.take_group().len(), 1);
        assert_eq!(queue.take_group().len(), 1);
        queue.waiting = (0..MEMBERS as u64 + 1).map(|ticket| (ticket, Commit::default())).collect();
        assert_eq!(queue.take_group().len(), MEMBERS);
    }
}
