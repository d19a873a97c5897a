//! The reference model: what was written, by whom, and what became of it, in a few maps.
//!
//! A write that was answered has a revision; one whose answer was lost *may* have been made. Reads are
//! held against both: what is read is what somebody wrote, nothing acknowledged is missing behind it,
//! and one revision reads the same everywhere.

use super::random::Random;
use absio_proto::crypto::ContainerKeys;
use absio_proto::model::{ContainerId, Grant, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// A change of one user's access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Grant { user: usize, is_full: bool, until: Option<u64> },
    Remove { user: usize },
}

impl Edit {
    pub(crate) const fn user(&self) -> usize {
        match self {
            Self::Grant { user, .. } | Self::Remove { user } => *user,
        }
    }

    pub(crate) fn grant(&self, ids: &[UserId]) -> Option<Grant> {
        let Self::Grant { user, is_full, until } = self else { return None };
        let grant = if *is_full { Grant::full(ids[*user]) } else { Grant::recipient(ids[*user]) };
        Some(match until {
            Some(until) => grant.until(Timestamp::from_millis(*until)),
            None => grant,
        })
    }
}

/// What a write sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sets {
    pub(crate) content: bool,
    pub(crate) header: bool,
    pub(crate) kind: bool,
    pub(crate) length: usize,
    pub(crate) access: Vec<Edit>,
    /// The write that created the container.
    pub(crate) created_by_write: u64,
    /// Who created it.
    pub(crate) creator: usize,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Under way, or nobody knows.
    Maybe,
    /// Nobody was told, and nothing of it waits any more: it was made or not.
    Unknown,
    /// It waits in an outbox, and builds this revision.
    Queued { sequence: u64, revision: u64 },
    /// It made this revision.
    Done(u64),
    /// It was not made.
    Refused,
}

/// One create, update or delete.
pub(crate) struct Written {
    pub(crate) user: usize,
    pub(crate) device: usize,
    pub(crate) container: Option<ContainerId>,
    pub(crate) sets: Sets,
    pub(crate) is_delete: bool,
    pub(crate) fate: Fate,
    /// The newest write that had begun when this one was known to be done.
    done_before: Option<u64>,
}

/// What one revision is known to say: numbers of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) content: Option<u64>,
    pub(crate) header: Option<u64>,
    pub(crate) kind: Option<u64>,
}

/// A container that somebody was told of.
pub(crate) struct Known {
    pub(crate) creator: usize,
    pub(crate) created_by_write: u64,
    /// The device that keeps it, if no broker does.
    pub(crate) local: Option<usize>,
    pub(crate) revisions: BTreeMap<u64, Said>,
    /// All writes to it, the first is its creation.
    pub(crate) writes: Vec<u64>,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) writes: BTreeMap<u64, Written>,
    pub(crate) containers: BTreeMap<ContainerId, Known>,
    /// Keys that readers saw.
    pub(crate) keys: BTreeMap<(ContainerId, usize), ContainerKeys>,
    next: u64,
}

impl Model {
    /// A write begins.
    pub(crate) fn begin(
        &mut self,
        user: usize,
        device: usize,
        container: Option<ContainerId>,
        sets: Sets,
        is_delete: bool,
    ) -> u64 {
        self.next += 1;
        let number = self.next;
        if let Some(known) = container.and_then(|id| self.containers.get_mut(&id)) {
            known.writes.push(number);
        }
        let (fate, done_before) = (Fate::Maybe, None);
        self.writes.insert(number, Written { user, device, container, sets, is_delete, fate, done_before });
        number
    }

    /// Learns which container a creation made.
    pub(crate) fn created(&mut self, write: u64, id: ContainerId, local: Option<usize>) {
        let Some(written) = self.writes.get_mut(&write) else { return };
        written.container = Some(id);
        let creator = written.user;
        self.containers.entry(id).or_insert_with(|| Known {
            creator,
            created_by_write: write,
            local,
            revisions: BTreeMap::new(),
            writes: vec![write],
        });
    }

    pub(crate) fn set_fate(&mut self, write: u64, fate: Fate) {
        if let Some(written) = self.writes.get_mut(&write) {
            written.fate = fate;
            written.done_before = matches!(fate, Fate::Done(_)).then_some(self.next);
        }
    }

    /// Settles what waits in the outbox of `user` on `device`, all of it or what has the number `sequence`.
    pub(crate) fn settle(
        &mut self,
        (device, user): (usize, Option<usize>),
        sequence: Option<u64>,
        fate: fn(u64) -> Fate,
    ) {
        let settled = |written: &Written| match written.fate {
            Fate::Queued { sequence: waiting, revision }
                if written.device == device
                    && Some(written.user) == user
                    && sequence.is_none_or(|sequence| sequence == waiting) =>
            {
                Some(fate(revision))
            }
            _ => None,
        };
        let all = self.writes.iter().filter_map(|(number, written)| Some((*number, settled(written)?)));
        for (number, fate) in all.collect::<Vec<_>>() {
            self.set_fate(number, fate);
        }
    }

    /// Writes of a container with their numbers, in the order in which they began.
    pub(crate) fn writes_of(&self, id: ContainerId) -> impl Iterator<Item = (u64, &Written)> {
        let numbers = self.containers.get(&id).map(|known| known.writes.as_slice()).unwrap_or_default();
        numbers.iter().filter_map(|number| self.writes.get(number).map(|written| (*number, written)))
    }

    /// The newest revision that somebody was told is made.
    pub(crate) fn top(&self, id: ContainerId) -> u64 {
        let acknowledged = self.writes_of(id).filter_map(|(_, written)| match written.fate {
            Fate::Done(revision) if !written.is_delete => Some(revision),
            _ => None,
        });
        acknowledged.max().unwrap_or(0)
    }

    /// Whether `user` gave it up, or may have.
    pub(crate) fn may_have_left(&self, id: ContainerId, user: usize) -> bool {
        let left =
            |written: &Written| written.is_delete && written.user == user && written.fate != Fate::Refused;
        self.writes_of(id).any(|(_, written)| left(written))
    }

    /// Whether changes of it wait on `device`.
    pub(crate) fn waits_on(&self, id: ContainerId, device: usize) -> bool {
        self.writes_of(id).any(|(_, written)| {
            written.device == device && matches!(written.fate, Fate::Queued { .. } | Fate::Maybe)
        })
    }

    /// The changes of one user's access, with what became of them.
    fn edits(&self, id: ContainerId, user: usize) -> impl Iterator<Item = (Fate, &Edit)> {
        self.writes_of(id).flat_map(move |(_, written)| {
            let edits = written.sets.access.iter().filter(move |edit| edit.user() == user);
            edits.map(move |edit| (written.fate, edit))
        })
    }

    /// Whether `user` could ever have been given it.
    pub(crate) fn ever_granted(&self, id: ContainerId, user: usize) -> bool {
        let Some(known) = self.containers.get(&id) else { return false };
        // Who else is named in what only one device keeps will never hear of it.
        known.creator == user
            || known.local.is_none()
                && self
                    .edits(id, user)
                    .any(|(fate, edit)| fate != Fate::Refused && matches!(edit, Edit::Grant { .. }))
    }

    /// The last change of one user's access, if there is no doubt about it: since which revision, and
    /// what it is.
    fn access(&self, id: ContainerId, user: usize) -> Option<(u64, &Edit)> {
        let mut last: Option<(u64, &Edit)> = None;
        for (fate, edit) in self.edits(id, user) {
            match fate {
                Fate::Done(revision) => {
                    if last.is_none_or(|(before, _)| before < revision) {
                        last = Some((revision, edit));
                    }
                }
                Fate::Refused => {}
                Fate::Maybe | Fate::Unknown | Fate::Queued { .. } => return None,
            }
        }
        last
    }

    /// The revision that took the access of `user` away, if it was and is for certain.
    pub(crate) fn revoked_in(&self, id: ContainerId, user: usize) -> Option<u64> {
        match self.access(id, user)? {
            (revision, Edit::Remove { .. }) => Some(revision),
            _ => None,
        }
    }

    /// When the access of `user` ends, and since which revision that is so, if it is certain.
    pub(crate) fn expires(&self, id: ContainerId, user: usize) -> Option<(u64, u64)> {
        match self.access(id, user)? {
            (revision, Edit::Grant { until, .. }) => until.map(|until| (revision, until)),
            _ => None,
        }
    }

    /// Whether `user` can read it for certain, for as long as the access lasts.
    pub(crate) fn reads(&self, id: ContainerId, user: usize, now: u64) -> bool {
        let Some(known) = self.containers.get(&id) else { return false };
        if self.may_have_left(id, user) {
            return false;
        }
        known.creator == user
            || known.local.is_none()
                && matches!(
                    self.access(id, user),
                    Some((_, Edit::Grant { until, .. })) if until.is_none_or(|until| now < until)
                )
    }

    /// The containers that `user` may do something with on `device`.
    pub(crate) fn within_reach(&self, user: usize, device: usize) -> Vec<ContainerId> {
        let reach = |(id, known): (&ContainerId, &Known)| {
            let is_here = known.local.is_none_or(|local| local == device);
            (is_here && self.ever_granted(*id, user) && !self.has_left(*id, user)).then_some(*id)
        };
        self.containers.iter().filter_map(reach).collect()
    }

    /// What waits on a device whose disk is no more may be lost, and so are the containers that only it
    /// kept.
    pub(crate) fn device_lost(&mut self, device: usize) {
        for written in self.writes.values_mut().filter(|written| written.device == device) {
            if matches!(written.fate, Fate::Queued { .. }) {
                written.fate = Fate::Maybe;
            }
        }
        let lost: BTreeSet<_> = self
            .containers
            .iter()
            .filter(|(_, known)| known.local == Some(device))
            .map(|(id, _)| *id)
            .collect();
        self.containers.retain(|id, _| !lost.contains(id));
    }

    /// Whether `user` gave it up for certain, and was not given it again.
    fn has_left(&self, id: ContainerId, user: usize) -> bool {
        let left = |(number, written): (u64, &Written)| {
            let is_left = written.is_delete && written.user == user && matches!(written.fate, Fate::Done(_));
            is_left && !self.may_be_granted_after(number, id, user)
        };
        self.writes_of(id).any(left)
    }

    /// Whether `user` may have been given access after the write `number` was made: only a grant that was known
    /// to be done when it began was before it for certain.
    fn may_be_granted_after(&self, number: u64, id: ContainerId, user: usize) -> bool {
        self.writes_of(id).any(|(_, written)| {
            let grants = |edit: &Edit| edit.user() == user && matches!(edit, Edit::Grant { .. });
            let was_before = written.done_before.is_some_and(|newest| newest < number);
            written.fate != Fate::Refused && !was_before && written.sets.access.iter().any(grants)
        })
    }

    /// Everything was sent, or given up: what nobody was told of stays unknown.
    pub(crate) fn nothing_waits(&mut self) {
        for written in self.writes.values_mut().filter(|written| written.fate == Fate::Maybe) {
            written.fate = Fate::Unknown;
        }
    }

    /// Forgets containers that everybody gave up for certain, so that a long run stays quick.
    pub(crate) fn forget_deleted(&mut self, users: usize) {
        let is_gone = |id: &ContainerId| {
            (0..users).all(|user| !self.ever_granted(*id, user) || self.has_left(*id, user))
        };
        let gone: Vec<_> = self.containers.keys().copied().filter(is_gone).collect();
        for id in gone {
            for write in self.containers.remove(&id).map(|known| known.writes).unwrap_or_default() {
                self.writes.remove(&write);
            }
            self.keys.retain(|(container, _), _| *container != id);
        }
    }

    /// One of the containers, if there are any.
    pub(crate) fn pick(&self, random: &mut Random, user: usize, device: usize) -> Option<ContainerId> {
        random.pick(&self.within_reach(user, device)).copied()
    }
}
