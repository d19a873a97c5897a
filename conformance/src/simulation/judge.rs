//! What an operation gave, held against the model.

use super::call::{Call, Outcome, Place, content_number};
use super::device::{START, millis};
use super::fault::Fault;
use super::invariants::{self, Held, violated};
use super::model::{Fate, Said};
use super::world::{Finished, World};
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{Changed, Warning};
use absio_proto::provider::Got;
use absio_proto::{Error, RemoteCode};

impl World {
    pub(super) fn judge(&mut self, finished: &Finished) -> Held {
        let Finished { task, result } = finished;
        let (device, steps) = (task.device, self.steps);
        let said = match result {
            Ok(_) => "is done".to_owned(),
            Err(error) => format!("failed: {error:?}"),
        };
        let line = format!("{steps}: device {device} {} {said}", task.call.name());
        invariants::no_secret_is_seen(line.as_bytes(), "an error")?;
        self.journal.note(line);
        if let Err(error) = result {
            invariants::contract_is_kept(error)?;
            let is_damaged = self.devices[device].disk.is_damaged;
            // Who is signed in at the server alone has no outbox that could be sent.
            let has_store = self.devices[device].signed_in.is_none_or(|(_, place)| place != Place::Server);
            if has_store || !matches!(task.call, Call::Drain | Call::Queue | Call::Discard { .. }) {
                invariants::no_false_alarm(error, self.faults.enabled(), is_damaged)?;
            }
        }
        match (&task.call, result) {
            (Call::SignIn { user, place, .. }, Ok(_)) => {
                let owner = &mut self.devices[device];
                // Without a store of this user that works, the broker is all there is.
                let is_open = owner.session.local_user().is_some_and(|open| open.id() == self.ids[*user]);
                let place = if is_open { *place } else { Place::Server };
                owner.signed_in = Some((*user, place));
                owner.is_starting = false;
            }
            (Call::SignOut, Ok(_)) => self.devices[device].signed_in = None,
            (Call::SignIn { .. } | Call::SignOut, Err(_)) => {
                let is_anybody = self.devices[device].session.user().is_some();
                if !is_anybody {
                    self.devices[device].signed_in = None;
                }
            }
            (Call::Create { write, place, .. }, result) => {
                self.created(device, task.user, *write, *place, result)?
            }
            (Call::Update { write, container, place, .. }, result) => {
                self.updated(device, task.user, *write, *container, *place, result)?;
            }
            (Call::Delete { write, container, place }, result) => {
                let fate = match result {
                    // Sent or waiting: nobody says which, and it is looked up when the world is quiet.
                    Ok(_) if *place == Place::Outbox => Fate::Maybe,
                    Ok(_) => Fate::Done(u64::MAX),
                    Err(error) => fate_of(error),
                };
                self.model.set_fate(*write, fate);
                self.devices[device].seen.retain(|(_, id), _| id != container);
                self.devices[device].kept.retain(|(_, id), _| id != container);
            }
            (Call::Get { place, container, portion, is_fresh }, Ok(Outcome::Got(got))) => {
                let asked_broker = *place == Place::Server || *is_fresh;
                self.judge_read(task, (*container, *portion), asked_broker, got)?;
            }
            (_, Ok(Outcome::Listed(listed))) => {
                for entry in listed {
                    if let Some(user) = task.user {
                        invariants::users_are_separate(&self.model, entry.container, user)?;
                    }
                }
            }
            (_, Ok(Outcome::Registered(user))) => self.ids.push(*user),
            (_, Ok(Outcome::Drained(drained))) => self.drained(device, drained),
            (Call::Discard { sequence }, Ok(_)) => {
                self.settle(device, *sequence, |_| Fate::Refused);
            }
            _ => {}
        }
        Ok(())
    }

    fn created(
        &mut self,
        device: usize,
        user: Option<usize>,
        write: u64,
        place: Place,
        result: &Result<Outcome, Error>,
    ) -> Held {
        match result {
            Ok(Outcome::Changed(changed)) => {
                let Some(id) = changed.container.id else {
                    return violated("equals_the_model", "a created container has no id");
                };
                self.model.created(write, id, (place == Place::Ofs).then_some(device));
                self.changed(device, user, write, id, place, changed)
            }
            Ok(_) => Ok(()),
            Err(error) => {
                self.model.set_fate(write, fate_of(error));
                // Its id is random: nobody else made it.
                match error.is_remote(&RemoteCode::AlreadyExists) {
                    true => violated("creates_happen_once", format!("write {write}: {error:?}")),
                    false => Ok(()),
                }
            }
        }
    }

    fn updated(
        &mut self,
        device: usize,
        user: Option<usize>,
        write: u64,
        id: ContainerId,
        place: Place,
        result: &Result<Outcome, Error>,
    ) -> Held {
        match result {
            Ok(Outcome::Changed(changed)) => self.changed(device, user, write, id, place, changed),
            Ok(_) => Ok(()),
            Err(error) => {
                self.model.set_fate(write, fate_of(error));
                Ok(())
            }
        }
    }

    /// A write was acknowledged.
    fn changed(
        &mut self,
        device: usize,
        user: Option<usize>,
        write: u64,
        id: ContainerId,
        place: Place,
        changed: &Changed,
    ) -> Held {
        let Some(revision) = changed.container.metadata.as_ref().map(|metadata| metadata.revision) else {
            return Ok(());
        };
        let queued = changed.warnings.iter().find_map(|warning| match warning {
            Warning::Queued { sequence } => Some(*sequence),
            _ => None,
        });
        if let Some(sequence) = queued {
            self.model.set_fate(write, Fate::Queued { sequence, revision });
            return Ok(());
        }
        self.model.set_fate(write, Fate::Done(revision));
        let Some(sets) = self.model.writes.get(&write).map(|written| written.sets.clone()) else {
            return Ok(());
        };
        let number = |set: bool| set.then_some(write);
        let said =
            Said { content: number(sets.content), header: number(sets.header), kind: number(sets.kind) };
        invariants::equals_the_model(&mut self.model, id, revision, said)?;
        let is_kept = place != Place::Server && changed.warnings.is_empty();
        self.saw(device, user, id, revision, is_kept);
        Ok(())
    }

    /// A device was shown a revision that is no secret of its outbox.
    fn saw(&mut self, device: usize, user: Option<usize>, id: ContainerId, revision: u64, is_kept: bool) {
        let Some(user) = user else { return };
        if self.model.waits_on(id, device) {
            return;
        }
        let owner = &mut self.devices[device];
        let seen = owner.seen.entry((user, id)).or_default();
        *seen = revision.max(*seen);
        if is_kept {
            let kept = owner.kept.entry((user, id)).or_default();
            *kept = revision.max(*kept);
        }
    }

    fn judge_read(
        &mut self,
        task: &super::world::Task,
        (id, portion): (ContainerId, Portion),
        asked_broker: bool,
        got: &Got,
    ) -> Held {
        let Some(metadata) = &got.container.metadata else { return Ok(()) };
        let Some(user) = task.user else { return Ok(()) };
        let (device, revision) = (task.device, metadata.revision);
        if metadata.id != id {
            return violated("only_what_was_written", format!("{id} was asked for, {} came", metadata.id));
        }
        let content = match got.container.content.as_deref() {
            Some(bytes) => match content_number(bytes) {
                Some(number) => Some(number),
                None => return violated("only_what_was_written", format!("{id}: a content nobody wrote")),
            },
            None => None,
        };
        let header = got.container.header.as_ref().and_then(|header| header.get("write")?.as_u64());
        let kind =
            got.container.container_type.as_ref().and_then(|kind| kind.strip_prefix("type ")?.parse().ok());
        let said = Said { content, header, kind };
        invariants::users_are_separate(&self.model, id, user)?;
        invariants::only_what_was_written(&self.model, id, &said)?;
        if matches!(portion, Portion::All | Portion::Content | Portion::Header) {
            let ended = self.devices[device].now(self.now).utc.as_millis();
            let broker = (asked_broker && !self.faults.enabled().contains(Fault::StaleRead))
                .then_some(task.began.broker_clock);
            let clocks = ([task.began.device_clock, ended], broker);
            invariants::expired_access_never_opens(&self.model, (id, revision), user, clocks)?;
        }
        invariants::revoked_read_nothing_later(&self.model, id, user, &said)?;
        if let Some(keys) = got.container.container_keys() {
            self.model.keys.insert((id, user), keys.duplicate());
        }
        if self.model.waits_on(id, device) {
            return Ok(());
        }
        invariants::equals_the_model(&mut self.model, id, revision, said)?;
        if !self.devices[device].disk.is_damaged {
            invariants::pins_never_go_back(id, revision, task.began.seen)?;
        }
        let is_local = self.model.containers.get(&id).is_some_and(|known| known.local.is_some());
        if asked_broker && !got.from_cache && !is_local && !self.faults.enabled().contains(Fault::StaleRead) {
            invariants::nothing_acknowledged_is_lost(id, revision, task.began.top)?;
        }
        let is_kept = got.warnings.is_empty()
            && task.user.is_some()
            && !matches!(task.call, Call::Get { place: Place::Server, .. });
        self.saw(device, Some(user), id, revision, is_kept);
        Ok(())
    }

    fn drained(&mut self, device: usize, drained: &absio_proto::provider::outbox::Drained) {
        for sequence in &drained.sent {
            self.settle(device, *sequence, Fate::Done);
        }
    }

    /// What waited on a device under this number is settled.
    fn settle(&mut self, device: usize, sequence: u64, fate: fn(u64) -> Fate) {
        let user = self.devices[device].signed_in.map(|(user, _)| user);
        self.model.settle((device, user), Some(sequence), fate);
    }

    pub(super) fn broker_clock(&self) -> u64 {
        START + millis(self.now)
    }
}

/// What is known of a write that failed.
fn fate_of(error: &Error) -> Fate {
    match error.cause() {
        Error::Input(_) => Fate::Refused,
        _ => Fate::Maybe,
    }
}
