//! Brings a device up to date with the broker, whatever it missed.
//!
//! ```text
//!  Checking ──▶ (Repairing) ──▶ the key file (compared) ──▶ Following events to their end
//!                                                                    │
//!  Synced ◀── (Settling) ◀── Expiring ◀── Looking … ◀── Listing … ◀──┘
//! ```
//!
//! Events are hints that a broker may withhold; the list it gives is another, and what is kept is
//! held against it. Whatever differs, is new, was never confirmed, or is not listed is asked for by
//! itself and verified.

use super::SyncState;
use super::follow::{Extent, Follow, Look, What};
use crate::effect::{Progress, ProgressUnit, Reply};
use crate::error::{Error, InputError, LocalError, Misuse, RemoteCode};
use crate::model::{ContainerId, Timestamp};
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::container::ListPage;
use crate::ops::key_file::{Checksum, KeyFileChecksum};
use crate::ops::ofs::{Check, Expire, LoadKeyFile, Repair, Scan, Transact};
use crate::session::Session;
use crate::wire::ContainerList;
use crate::{attempt, drive};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a sync did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// How the key file here and the broker's stand to each other. It is not replaced: that takes the
    /// passphrase.
    pub key_file: SyncState,
    /// Containers that are newer here now, or here at all.
    pub refreshed: BTreeSet<ContainerId>,
    /// Containers of which nothing is kept any more, for proof or because the access expired.
    pub erased: BTreeSet<ContainerId>,
    /// Containers that the broker says are gone, without proof: kept, and marked.
    pub reported: BTreeSet<ContainerId>,
    /// Containers that the broker lists and that are not here.
    pub unknown: BTreeSet<ContainerId>,
    /// Containers with a change that waits to be sent.
    pub held: BTreeSet<ContainerId>,
    /// Containers that could not be brought up to date, and why.
    pub failed: BTreeMap<ContainerId, Error>,
    /// Since when something that was kept here is known to be lost and not settled; none if nothing
    /// is.
    pub incomplete_since: Option<Timestamp>,
}

impl Synced {
    const fn new() -> Self {
        Self {
            key_file: SyncState::InSync,
            refreshed: BTreeSet::new(),
            erased: BTreeSet::new(),
            reported: BTreeSet::new(),
            unknown: BTreeSet::new(),
            held: BTreeSet::new(),
            failed: BTreeMap::new(),
            incomplete_since: None,
        }
    }

    /// The newest word on a container counts.
    fn note(&mut self, container: ContainerId, what: What) {
        self.failed.remove(&container);
        self.held.remove(&container);
        self.reported.remove(&container);
        let set = match what {
            What::Refreshed => {
                self.erased.remove(&container);
                &mut self.refreshed
            }
            What::Erased => {
                self.refreshed.remove(&container);
                &mut self.erased
            }
            What::Reported => &mut self.reported,
            What::Held => &mut self.held,
            What::Failed(error) => {
                self.failed.insert(container, error);
                return;
            }
            What::Unchanged | What::NotKept => return,
        };
        set.insert(container);
    }
}

/// What is kept of a container, as far as the list is held against it.
#[derive(Clone, Copy)]
struct Kept {
    revision: u64,
    /// The broker confirmed it, and said nothing else since.
    is_settled: bool,
    is_local: bool,
}

/// Brings the local store of the signed-in user up to date: the records are checked and repaired, the
/// events followed to their end, what is kept is held against the broker's list, what has expired is
/// erased. Changes that wait to be sent are sent before, by whoever keeps them.
///
/// # Errors
/// Of the broker and the store when they are not there; what was done until then stands. What concerns
/// one container alone is in [`Synced::failed`].
pub struct Sync {
    extent: Extent,
    fetch_all: bool,
    remote: Option<KeyFileChecksum>,
    kept: BTreeMap<ContainerId, Kept>,
    /// Names on the broker's list, of containers that are kept.
    listed: BTreeSet<ContainerId>,
    due: VecDeque<ContainerId>,
    looked_at: u64,
    after: Option<ContainerId>,
    list_ended: bool,
    synced: Synced,
    state: State,
}

enum State {
    Start,
    Checking(Check),
    Repairing(Box<Repair>),
    AskingKeyFile(Checksum),
    LoadingKeyFile(LoadKeyFile),
    Following(Box<Follow>),
    Scanning(Scan),
    Listing(ListPage),
    Looking(ContainerId, Box<Look>),
    Telling(Leaf<()>),
    Expiring(Expire),
    Settling(Transact),
    Done,
}

impl Sync {
    /// Refreshes what is kept and fetches what events say is new.
    #[must_use]
    pub fn new() -> Self {
        Self {
            extent: Extent::Everything,
            fetch_all: false,
            remote: None,
            kept: BTreeMap::new(),
            listed: BTreeSet::new(),
            due: VecDeque::new(),
            looked_at: 0,
            after: None,
            list_ended: false,
            synced: Synced::new(),
            state: State::Start,
        }
    }

    /// Fetches every container that the broker lists and that is not here: all of this user's
    /// containers are on this device then.
    #[must_use]
    pub fn fetching_all(self) -> Self {
        Self { fetch_all: true, extent: Extent::Everything, ..self }
    }

    /// Refreshes what is kept and fetches nothing new.
    #[must_use]
    pub fn kept_only(self) -> Self {
        Self { fetch_all: false, extent: Extent::Kept, ..self }
    }

    fn start(cx: &Cx<'_>) -> Result<State, Error> {
        if cx.session.signed_in()?.id() != cx.session.local()?.user_id() {
            return Err(InputError::NotAuthenticated.into());
        }
        Ok(State::Checking(Check::new()))
    }

    fn compare(&mut self, here: Option<KeyFileChecksum>) -> State {
        self.synced.key_file = match (here, self.remote) {
            (_, None) => SyncState::RemoteMissing,
            (None, Some(_)) => SyncState::LocalMissing,
            (Some(here), Some(remote)) if here.checksum == remote.checksum => SyncState::InSync,
            _ => SyncState::Differs,
        };
        self.follow()
    }

    fn follow(&self) -> State {
        State::Following(Box::new(Follow::new().with_extent(self.extent)))
    }

    /// Remembers what is kept.
    fn scan(&mut self, entries: &[(Vec<u8>, Vec<u8>)], cx: &Cx<'_>) -> Result<(), Error> {
        let keys = &cx.session.local()?.keys;
        for (name, value) in entries {
            let record = keys.open_record(name, value).and_then(|data| ContainerRecord::decode(&data).ok());
            let record = record.ok_or_else(|| LocalError::Degraded {
                reason: "what is kept of a container does not verify".into(),
            })?;
            if let Some(kept) = &record.kept {
                let kept = Kept {
                    revision: kept.head.view.body().revision,
                    is_settled: record.fresh_at.is_some() && !record.is_reported,
                    is_local: record.is_local,
                };
                self.kept.insert(record.container, kept);
            }
        }
        Ok(())
    }

    fn take(&mut self, list: ContainerList) -> Result<State, Error> {
        self.after = list.containers.last().map(|summary| summary.container_id);
        self.list_ended = !list.more;
        for summary in list.containers {
            let container = summary.container_id;
            match self.kept.get(&container) {
                Some(kept) => {
                    self.listed.insert(container);
                    if !kept.is_local && (!kept.is_settled || kept.revision != summary.revision) {
                        self.due.push_back(container);
                    }
                }
                None if self.fetch_all => self.due.push_back(container),
                None => {
                    self.synced.unknown.insert(container);
                }
            }
        }
        if self.list_ended {
            let gone = self.kept.iter().filter(|(id, kept)| !kept.is_local && !self.listed.contains(id));
            self.due.extend(gone.map(|(id, _)| *id));
        }
        self.next()
    }

    fn next(&mut self) -> Result<State, Error> {
        Ok(match self.due.pop_front() {
            Some(container) => {
                let known = self.kept.contains_key(&container);
                let extent = if known { Extent::Kept } else { Extent::Everything };
                State::Looking(container, Box::new(Look::new(container, extent)))
            }
            None if self.list_ended => State::Expiring(Expire::new()),
            None => State::Listing(ListPage::new(self.after)),
        })
    }

    /// Whether all that the broker lists is here, so that nothing is missing any more.
    fn settles(&mut self, cx: &Cx<'_>) -> Result<bool, Error> {
        self.synced.incomplete_since = cx.session.local()?.state.incomplete_since;
        let whole = self.synced.unknown.is_empty() && self.synced.failed.is_empty();
        Ok(whole && self.synced.incomplete_since.is_some())
    }

    fn finish(&mut self) -> Step<Result<Synced, Error>> {
        self.state = State::Done;
        Step::Done(Ok(core::mem::replace(&mut self.synced, Synced::new())))
    }
}

impl Default for Sync {
    fn default() -> Self {
        Self::new()
    }
}

fn checksum_of(file: Option<crate::crypto::SealedKeyFile>) -> Option<KeyFileChecksum> {
    file.map(|file| KeyFileChecksum { checksum: file.checksum(), generation: file.generation() })
}

impl Operation for Sync {
    type Output = Synced;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Synced, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(Self::start(cx)),
                State::Checking(check) => match check.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(_)) => State::AskingKeyFile(Checksum::new()),
                    Step::Done(Err(Error::Local(_))) => State::Repairing(Box::default()),
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Repairing(repair) => {
                    drive!(repair, cx, reply);
                    State::AskingKeyFile(Checksum::new())
                }
                State::AskingKeyFile(checksum) => match checksum.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(remote)) => {
                        self.remote = Some(remote);
                        State::LoadingKeyFile(LoadKeyFile::new(attempt!(cx.session.local()).user_id()))
                    }
                    Step::Done(Err(error)) if error.is_remote(&RemoteCode::KeyFileNotFound) => {
                        State::LoadingKeyFile(LoadKeyFile::new(attempt!(cx.session.local()).user_id()))
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::LoadingKeyFile(load) => {
                    let here = checksum_of(drive!(load, cx, reply));
                    self.compare(here)
                }
                State::Following(follow) => {
                    let followed = drive!(follow, cx, reply);
                    for applied in followed.applied {
                        self.synced.note(applied.container, applied.what);
                    }
                    // Should more be waiting than one run takes: the list is held against what is kept anyway.
                    State::Scanning(Scan::new(&[Kind::Container]))
                }
                State::Scanning(scan) => match drive!(scan, cx, reply) {
                    Some(page) => {
                        attempt!(self.scan(&page.entries, cx));
                        continue;
                    }
                    None => State::Listing(ListPage::new(None)),
                },
                State::Listing(page) => {
                    let list = drive!(page, cx, reply);
                    attempt!(self.take(list))
                }
                State::Looking(container, look) => {
                    let container = *container;
                    let what = drive!(look, cx, reply);
                    self.synced.note(container, what);
                    self.looked_at += 1;
                    let total = self.looked_at + self.due.len() as u64;
                    let progress = Progress { unit: ProgressUnit::Containers, done: self.looked_at, total };
                    State::Telling(Leaf::progress(progress))
                }
                State::Telling(leaf) => {
                    drive!(leaf, cx, reply);
                    attempt!(self.next())
                }
                State::Expiring(expire) => {
                    for container in drive!(expire, cx, reply) {
                        self.synced.note(container, What::Erased);
                    }
                    if attempt!(self.settles(cx)) {
                        State::Settling(Transact::settle())
                    } else {
                        return self.finish();
                    }
                }
                State::Settling(transact) => {
                    drive!(transact, cx, reply);
                    self.synced.incomplete_since = None;
                    return self.finish();
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
