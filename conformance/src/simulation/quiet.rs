//! A quiet world: faults end, clocks are right, everybody comes back; then everything must be as it was
//! said.
//!
//! | invariant | what is held against what |
//! |---|---|
//! | `the_world_comes_to_rest` | operations end once faults stop, and everybody can sign in |
//! | `the_outbox_drains` | nothing waits any more once it was sent or given up |
//! | `nothing_acknowledged_is_lost` | what waited was sent; everybody reads what they may, at least as new as acknowledged |
//! | `creates_happen_once` | the broker lists one container for each creation that was acknowledged, and no second |
//! | `store_count_and_digest_match` | every device's store adds up |
//! | `followers_catch_up` | who follows the events reads here what the broker has |
//! | `revoked_hold_no_later_key` | the keys that somebody had do not open what was written after they lost access |

use super::broker::ORIGIN;
use super::call::{Call, Outcome, Place, content_number};
use super::fault::Fault;
use super::invariants::{Held, Violation, violated};
use super::model::Fate;
use super::world::{Finished, World};
use absio_proto::crypto::container::Container;
use absio_proto::model::{ContainerId, Portion};
use absio_proto::{CryptoError, Error};
use core::time::Duration;
use std::collections::BTreeSet;

/// Rounds after which something that should end does not.
const ROUNDS: usize = 40;
/// Containers looked at on each device.
const LOOKED_AT: usize = 6;
/// Things that may happen before operations must have ended.
const PATIENCE: usize = 200_000;

impl World {
    /// A new account.
    pub(super) fn register(&mut self, user: usize) -> Held {
        let device = self.devices.iter().position(|device| device.users[0] == user).unwrap_or(0);
        let id = self.begin(device, Call::Register);
        self.run(id)?;
        match self.ids.len() == user + 1 {
            true => Ok(()),
            false => violated("the_world_comes_to_rest", "an account was not made"),
        }
    }

    /// Runs `call` alone and gives its result, which is judged as ever.
    fn ask(&mut self, device: usize, call: Call) -> Result<Result<Outcome, Error>, Violation> {
        let operation = call.operation(&self.ids);
        let id = self.begin_operation(device, call, operation);
        self.kept_result = Some(id);
        self.run(id)?;
        self.kept_result = None;
        match self.result.take() {
            Some(Finished { result, .. }) => Ok(result),
            None => Err(Violation {
                invariant: "the_world_comes_to_rest",
                what: "an operation did not end".into(),
            }),
        }
    }

    fn must(&mut self, device: usize, call: Call) -> Result<Outcome, Violation> {
        let what = format!("device {device}: {call:?}");
        self.ask(device, call)?.map_err(|error| Violation {
            invariant: "the_world_comes_to_rest",
            what: format!("{what}: {error:?}"),
        })
    }

    /// Stops faults, lets everything end, and looks at everything.
    pub(crate) fn quiet(&mut self) -> Held {
        self.faults.pause(true);
        self.journal.note(format!("{}: faults stop", self.steps));
        for device in &mut self.devices {
            device.skew = 0;
            device.cut_off_until = Duration::ZERO;
        }
        let mut patience = PATIENCE;
        while !self.tasks.is_empty() && patience > 0 && self.happen()? {
            patience -= 1;
        }
        if !self.tasks.is_empty() {
            let calls: Vec<_> = self.tasks.values().map(|task| task.call.name()).collect();
            return violated("the_world_comes_to_rest", format!("still under way: {calls:?}"));
        }
        for device in 0..self.devices.len() {
            let api_key = self.broker.api_key;
            if self.devices[device].disk.is_damaged {
                self.devices[device].replace_disk(api_key, ORIGIN);
                self.model.device_lost(device);
            } else if self.devices[device].disk.is_poisoned || self.random.chance(3_000) {
                self.restart(device, false)?;
            }
        }
        // Everybody sends what waits, then everybody looks.
        for device in 0..self.devices.len() {
            for user in self.devices[device].users.clone() {
                self.come_back(device, user)?;
                self.the_outbox_drains(device)?;
            }
        }
        for device in 0..self.devices.len() {
            for user in self.devices[device].users.clone() {
                self.come_back(device, user)?;
                self.look_around(device, user)?;
            }
        }
        for user in 0..self.ids.len() {
            self.creates_happen_once(user)?;
        }
        self.revoked_hold_no_later_key()?;
        self.model.nothing_waits();
        self.model.forget_deleted(self.ids.len());
        self.faults.pause(false);
        Ok(())
    }

    fn come_back(&mut self, device: usize, user: usize) -> Held {
        self.must(device, Call::SignIn { user, place: Place::Both, refreshed: true }).map(drop)
    }

    fn the_outbox_drains(&mut self, device: usize) -> Held {
        const NAME: &str = "the_outbox_drains";
        for _ in 0..ROUNDS {
            let Outcome::Drained(drained) = self.must(device, Call::Drain)? else { continue };
            if let Some(error) = &drained.stopped_by {
                return violated(NAME, format!("device {device}: a drain stopped: {error:?}"));
            }
            for sequence in drained.conflicts.iter().chain(&drained.refused) {
                self.must(device, Call::Discard { sequence: *sequence })?;
            }
            let Outcome::Queue(queue) = self.must(device, Call::Queue)? else { continue };
            let waiting: BTreeSet<u64> = queue.iter().map(|queued| queued.sequence).collect();
            if waiting.is_empty() {
                self.all_was_sent(device);
                return Ok(());
            }
            for sequence in waiting {
                self.must(device, Call::Discard { sequence })?;
            }
        }
        violated(NAME, format!("device {device}: something waits for ever"))
    }

    /// What waited and waits no more was sent: nothing else takes it out of an outbox.
    fn all_was_sent(&mut self, device: usize) {
        let user = self.devices[device].signed_in.map(|(user, _)| user);
        self.model.settle((device, user), None, Fate::Done);
    }

    fn look_around(&mut self, device: usize, user: usize) -> Held {
        for _ in 0..ROUNDS {
            let Outcome::Followed(followed) = self.must(device, Call::Follow)? else { break };
            if !followed.more {
                break;
            }
        }
        match self.ask(device, Call::Check)? {
            Ok(Outcome::Checked(checked)) if checked.incomplete_since.is_none() => {}
            Ok(Outcome::Checked(_)) => {
                return violated(
                    "store_count_and_digest_match",
                    format!("device {device}: something is missing"),
                );
            }
            Ok(_) => {}
            Err(error) => {
                return violated("store_count_and_digest_match", format!("device {device}: {error:?}"));
            }
        }
        let mut reach = self.model.within_reach(user, device);
        while reach.len() > LOOKED_AT {
            reach.remove(self.random.index(reach.len()));
        }
        for id in reach {
            self.look_at(device, user, id)?;
        }
        Ok(())
    }

    fn look_at(&mut self, device: usize, user: usize, id: ContainerId) -> Held {
        // Long enough for whatever is asked meanwhile.
        let reads = self.model.reads(id, user, self.broker_clock() + 600_000);
        let is_local = self.model.containers.get(&id).is_some_and(|known| known.local.is_some());
        let get = |place, is_fresh| Call::Get { place, container: id, portion: Portion::All, is_fresh };
        let here = self.ask(device, get(Place::Ofs, false))?;
        if is_local {
            return match here {
                Err(error) if reads => violated("nothing_acknowledged_is_lost", format!("{id}: {error:?}")),
                _ => Ok(()),
            };
        }
        let there = self.ask(device, get(Place::Both, true))?;
        match (here, there) {
            (_, Err(error)) if reads => {
                let top = self.model.top(id);
                let is_of_wrong_clock =
                    self.faults.enabled().contains(Fault::ClockJump) && is_about_time(&error);
                if top == 0 || is_of_wrong_clock {
                    return Ok(());
                }
                violated(
                    "nothing_acknowledged_is_lost",
                    format!("user {user}, {id}, revision {top}: {error:?}"),
                )
            }
            (Ok(Outcome::Got(here)), Ok(Outcome::Got(there))) => {
                // A revision that changes nothing is told to nobody, so numbers may differ.
                let (here, there) = (&here.container, &there.container);
                let is_alike = (&here.content, &here.header, &here.container_type)
                    == (&there.content, &there.header, &there.container_type);
                match is_alike {
                    true => Ok(()),
                    false => violated("followers_catch_up", format!("device {device} keeps {id} as it was")),
                }
            }
            _ => Ok(()),
        }
    }

    fn creates_happen_once(&mut self, user: usize) -> Held {
        const NAME: &str = "creates_happen_once";
        let Some(device) = self.devices.iter().position(|device| device.users[0] == user) else {
            return Ok(());
        };
        self.come_back(device, user)?;
        let Outcome::There(there) = self.must(device, Call::ListThere)? else { return Ok(()) };
        let there: BTreeSet<ContainerId> = there.into_iter().collect();
        for id in &there {
            if self.model.containers.contains_key(id) {
                continue;
            }
            // A creation whose answer was lost: which one, only its header tells.
            let get =
                Call::Get { place: Place::Server, container: *id, portion: Portion::All, is_fresh: false };
            let Ok(Outcome::Got(got)) = self.ask(device, get)? else { continue };
            let create = got.container.header.as_ref().and_then(|header| header.get("create")?.as_u64());
            let Some(create) = create else { continue };
            match self.model.writes.get(&create) {
                None => {}
                Some(written) => match written.container {
                    Some(other) => return violated(NAME, format!("write {create} made {other} and {id}")),
                    None => self.model.created(create, *id, None),
                },
            }
        }
        for (number, written) in &self.model.writes {
            let Some(id) = written.container.filter(|_| written.sets.creator == user && written.user == user)
            else {
                continue;
            };
            let Some(known) = self.model.containers.get(&id) else { continue };
            let is_creation = known.created_by_write == *number && known.local.is_none();
            if is_creation
                && matches!(written.fate, Fate::Done(_))
                && !self.model.may_have_left(id, user)
                && !there.contains(&id)
            {
                return violated(NAME, format!("user {user} created {id}, and the broker does not list it"));
            }
        }
        Ok(())
    }

    /// Tries the keys that somebody had on what was written after they lost access.
    fn revoked_hold_no_later_key(&mut self) -> Held {
        let revoked: Vec<_> = self
            .model
            .keys
            .keys()
            .filter_map(|(id, user)| self.model.revoked_in(*id, *user).map(|revision| (*id, *user, revision)))
            .collect();
        for (id, user, revoked_in) in revoked {
            let Some(creator) = self.model.containers.get(&id).map(|known| known.creator) else { continue };
            let device = self
                .devices
                .iter()
                .position(|device| device.signed_in.is_some_and(|(present, _)| present == creator));
            let Some(device) = device.filter(|_| self.model.reads(id, creator, 0)) else { continue };
            let Ok(Outcome::Encrypted(sealed)) = self.ask(device, Call::Encrypted { container: id })? else {
                continue;
            };
            let Some(data) = sealed.data().map(<[u8]>::to_vec) else { continue };
            let Some(keys) = self.model.keys.get(&(id, user)).map(|keys| keys.duplicate()) else { continue };
            let mut stolen: Container = Container::from_data(data).with_id(id);
            if stolen.decrypt(Some(keys)).is_err() {
                continue;
            }
            let number = stolen.content.as_deref().and_then(content_number);
            if let Some(Fate::Done(made_in)) =
                number.and_then(|number| self.model.writes.get(&number)).map(|w| w.fate)
                && made_in > revoked_in
            {
                let what = format!(
                    "user {user} lost {id} in revision {revoked_in}, and the old keys open {made_in}"
                );
                return violated("revoked_hold_no_later_key", what);
            }
        }
        Ok(())
    }
}

/// Whether a signature is dated so that it does not count: a device whose clock is behind retires a key
/// as of a moment before the other devices of its user signed with it (`docs/simulation.md`, "Known").
const fn is_about_time(error: &Error) -> bool {
    matches!(error, Error::Crypto(CryptoError::KeyNotValid { .. } | CryptoError::FromTheFuture { .. }))
}
