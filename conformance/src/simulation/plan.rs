//! What happens next: a step is one operation of the API on some device, or a tick.

use super::call::{Call, Place};
use super::fault::Fault;
use super::invariants::Violation;
use super::model::{Edit, Sets};
use super::random::Random;
use super::world::World;
use absio_proto::model::{ContainerId, Portion};
use core::time::Duration;

/// Containers that a user has in reach before deleting becomes likelier than creating.
const PLENTY: usize = 8;
/// Operations of one device at once.
const AT_ONCE: usize = 2;

/// The kinds of steps with their usual weights.
const USUAL: [(&str, u64); 17] = [
    ("tick", 12),
    ("create", 14),
    ("update content", 14),
    ("update header", 7),
    ("update type", 3),
    ("update access", 9),
    ("get", 26),
    ("delete", 5),
    ("list", 4),
    ("follow", 8),
    ("sync", 3),
    ("drain", 8),
    ("keys", 3),
    ("rotate", 1),
    ("credentials", 1),
    ("check", 3),
    ("sign out", 1),
];

/// The weights of one run: the usual ones, each from nothing to three times as much.
pub(super) fn weights(random: &mut Random) -> Vec<u64> {
    USUAL.iter().map(|(_, weight)| weight * (1 + random.below(6)) / 2).collect()
}

impl World {
    /// One step, and a while in which things happen.
    pub(crate) fn step(&mut self) -> Result<(), Violation> {
        self.steps += 1;
        let which = self.random.weighted(&self.weights.clone());
        let device = self.random.index(self.devices.len());
        self.misfortune(device);
        let name = USUAL[which].0;
        if name == "tick" {
            let time = self.random.below(20_000);
            self.now += Duration::from_millis(time);
            self.journal.note(format!("{}: {time} ms pass", self.steps));
        } else if self.devices[device].disk.is_poisoned {
            self.restart(device, false)?;
        } else if self.devices[device].running < AT_ONCE {
            match self.devices[device].signed_in {
                None => self.sign_in(device),
                Some((user, place)) => {
                    if let Some(call) = self.draw(name, device, user, place) {
                        self.begin(device, call);
                    }
                }
            }
        }
        for _ in 0..self.random.below(60) {
            if !self.happen()? {
                break;
            }
        }
        Ok(())
    }

    /// What befalls a device between operations.
    fn misfortune(&mut self, device: usize) {
        if self.faults.strikes(Fault::Partition) {
            let until = self.now + Duration::from_millis(self.faults.draw(Fault::Partition, 120_000));
            self.devices[device].cut_off_until = until;
        }
        if self.faults.strikes(Fault::ClockJump) {
            const JUMPS: [i64; 6] = [0, 1_000, -30_000, 240_000, 7_200_000, -86_400_000];
            let jump = usize::try_from(self.faults.draw(Fault::ClockJump, 6)).unwrap_or(0);
            self.devices[device].skew = JUMPS[jump];
        }
    }

    pub(super) fn sign_in(&mut self, device: usize) {
        let users = &self.devices[device].users;
        let user = users[self.random.index(users.len())];
        let place = match self.random.below(8) {
            0 => Place::Ofs,
            1 => Place::Server,
            _ => Place::Both,
        };
        let refreshed = self.random.chance(3_000);
        self.begin(device, Call::SignIn { user, place, refreshed });
    }

    /// Where an operation is done by somebody who signed in there.
    fn place(&mut self, signed_in: Place) -> Place {
        match (signed_in, self.random.below(10)) {
            (Place::Server | Place::Ofs, _) => signed_in,
            (_, 0) => Place::Server,
            (_, 1 | 2) => Place::Ofs,
            (_, 3..=5) => Place::Outbox,
            _ => Place::Both,
        }
    }

    fn draw(&mut self, name: &str, device: usize, user: usize, signed_in: Place) -> Option<Call> {
        let place = self.place(signed_in);
        let target = self.model.pick(&mut self.random, user, device);
        let is_plenty = self.model.within_reach(user, device).len() >= PLENTY;
        Some(match name {
            "create" if is_plenty => self.delete(device, user, target?, signed_in)?,
            "create" => self.create(device, user, place),
            "update content" => self.update(device, user, target?, place, |sets| sets.content = true),
            "update header" => self.update(device, user, target?, place, |sets| sets.header = true),
            "update type" => self.update(device, user, target?, place, |sets| sets.kind = true),
            "update access" => {
                // Only creators change access here: what others may do is in the model for certain.
                let id = target
                    .filter(|id| self.model.containers.get(id).is_some_and(|known| known.creator == user))?;
                let edit = self.edit(user)?;
                self.update(device, user, id, place, move |sets| sets.access.push(edit))
            }
            "get" => {
                let container = target?;
                let place = self.local_or(container, place);
                let portion = match self.random.below(6) {
                    0 => Portion::Metadata,
                    1 => Portion::Header,
                    2 => Portion::Content,
                    _ => Portion::All,
                };
                let is_fresh = self.random.chance(3_000) && matches!(place, Place::Both);
                Call::Get { place, container, portion, is_fresh }
            }
            "delete" => self.delete(device, user, target?, signed_in)?,
            "list" => Call::List { place: if place == Place::Outbox { Place::Both } else { place } },
            "follow" if self.random.chance(2_000) => Call::Events,
            "follow" => Call::Follow,
            "sync" => Call::Sync,
            "drain" => Call::Drain,
            "keys" if self.random.chance(5_000) => Call::KeyFileState,
            "keys" => Call::PublicKeys { users: vec![self.random.index(self.ids.len())] },
            "rotate" => Call::RotateKeys,
            "credentials" => Call::ChangeCredentials { reminder: self.steps },
            "check" => match self.random.below(4) {
                0 => Call::Sweep,
                // Of a partition in which nothing was ever written, a repair cannot tell that it is not a lost one.
                1 if !self.devices[device].kept.is_empty() => Call::Repair,
                2 => Call::Queue,
                _ => Call::Check,
            },
            _ => Call::SignOut,
        })
    }

    fn local_or(&self, id: ContainerId, place: Place) -> Place {
        match self.model.containers.get(&id).is_some_and(|known| known.local.is_some()) {
            true => Place::Ofs,
            false => place,
        }
    }

    fn length(&mut self) -> usize {
        [60, 60, 60, 900, 5_000, 30_000][self.random.index(6)]
    }

    fn edit(&mut self, own: usize) -> Option<Edit> {
        let user = self.random.index(self.ids.len());
        if user == own {
            return None;
        }
        if self.random.chance(3_500) {
            return Some(Edit::Remove { user });
        }
        let until =
            self.random.chance(2_500).then(|| self.broker_clock() + 5_000 + self.random.below(300_000));
        Some(Edit::Grant { user, is_full: self.random.chance(5_000), until })
    }

    fn create(&mut self, device: usize, user: usize, place: Place) -> Call {
        let mut sets =
            Sets { content: true, header: true, creator: user, length: self.length(), ..Sets::default() };
        sets.kind = self.random.chance(5_000);
        if self.random.chance(5_000)
            && let Some(edit @ Edit::Grant { .. }) = self.edit(user)
        {
            sets.access.push(edit);
        }
        let write = self.model.begin(user, device, None, sets.clone(), false);
        Call::Create { place, write, sets }
    }

    fn update(
        &mut self,
        device: usize,
        user: usize,
        id: ContainerId,
        place: Place,
        set: impl FnOnce(&mut Sets),
    ) -> Call {
        let known = self.model.containers.get(&id);
        let (creator, created_by_write) =
            known.map_or((user, 0), |known| (known.creator, known.created_by_write));
        let mut sets = Sets { length: self.length(), creator, created_by_write, ..Sets::default() };
        set(&mut sets);
        let place = self.local_or(id, place);
        // A container of the broker is not changed behind its back.
        let place = if place == Place::Ofs && self.local_or(id, Place::Both) == Place::Both {
            Place::Both
        } else {
            place
        };
        let write = self.model.begin(user, device, Some(id), sets.clone(), false);
        Call::Update { place, container: id, write, sets }
    }

    fn delete(&mut self, device: usize, user: usize, id: ContainerId, signed_in: Place) -> Option<Call> {
        let place = if self.random.chance(4_000) { Place::Outbox } else { Place::Both };
        let place = if matches!(signed_in, Place::Server | Place::Ofs) { signed_in } else { place };
        let is_kept_by_broker = self.local_or(id, Place::Both) == Place::Both;
        if is_kept_by_broker && place == Place::Ofs {
            // That would give up the copy here and nothing else.
            return None;
        }
        let place = self.local_or(id, place);
        let sets = Sets { access: vec![Edit::Remove { user }], ..Sets::default() };
        let write = self.model.begin(user, device, Some(id), sets, true);
        Some(Call::Delete { place, container: id, write })
    }
}
