//! Writes all of a partition as one stream, for another store of any engine.
//!
//! ```text
//!  Loading the key file ──▶ Looking (at the state) ──▶ Naming (what blobs there are) ──▶ Confirming
//!                                                                                          │
//!  Exported ◀── the end ◀── Confirming ◀── Recording (each record) ◀── Reading (each blob) ◀┘
//! ```

use super::ask::{self, Answer};
use super::stream::Outgoing;
use super::transact::blobs_of;
use super::{LoadKeyFile, Scan};
use crate::effect::{BlobId, Reply, StoreError, StoreErrorKind};
use crate::error::{Error, LocalError, Misuse};
use crate::ofs::export::{self, BLOCK};
use crate::ofs::key_file::RootSalt;
use crate::ofs::keys::Kind;
use crate::ofs::state::{State as Totals, Sum};
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::BTreeSet;

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Records.
    pub records: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of the stream.
    pub bytes: u64,
}

/// Writes the signed-in user's partition through [`Effect::Content`](crate::effect::Effect::Content):
/// records and blobs as they are, sealed, and the key file, sealed. What is damaged or incomplete is
/// not exported in silence: [`LocalError::Degraded`].
///
/// # Errors
/// [`StoreErrorKind::Unavailable`] if something was written meanwhile: export it again.
pub struct Export {
    head: Option<Vec<u8>>,
    blobs: BTreeSet<BlobId>,
    count: u64,
    sum: Sum,
    written: u64,
    out: Option<Outgoing>,
    state: State,
}

enum State {
    Start,
    KeyFile(LoadKeyFile),
    Head(Answer),
    Naming(Scan),
    Confirming(Answer),
    NextBlob,
    ReadingBlob(BlobId, u64, Answer),
    Recording(Scan),
    ConfirmingEnd(Answer),
    Closing,
}

impl Export {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            head: None,
            blobs: BTreeSet::new(),
            count: 0,
            sum: Sum::default(),
            written: 0,
            out: None,
            state: State::Start,
        }
    }

    fn out(&mut self) -> Result<&mut Outgoing, Error> {
        self.out.as_mut().ok_or_else(|| Misuse::ResumedAfterDone.into())
    }

    fn begin(&mut self, file: Option<crate::crypto::SealedKeyFile>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let salt = RootSalt(cx.random()?);
        let local = cx.session.local()?;
        // Whoever signed in with a key file of their own may have none on this device.
        let file = match file {
            Some(file) => file,
            None => local.user.require_key_file()?.1.clone(),
        };
        let mut out = Outgoing::new(local.keys.export_mac());
        out.push(&export::key_file(&salt, &salt.seal(&file)));
        self.out = Some(out);
        look(cx).map(State::Head)
    }

    /// The records add up to the state that was read, and nothing was written since.
    fn confirm(&self, now: &Option<Vec<u8>>, cx: &Cx<'_>) -> Result<(), Error> {
        if *now != self.head {
            let reason = "it was written to while it was exported; export it again";
            return Err(StoreError::new(StoreErrorKind::Unavailable, reason).into());
        }
        let keys = &cx.session.local()?.keys;
        let degraded = |reason: &str| LocalError::Degraded { reason: reason.into() };
        let totals = match &self.head {
            None => Totals::default(),
            Some(value) => {
                let data = keys.open_record(&keys.name(Kind::State, &[]), value);
                Totals::decode(&data.ok_or_else(|| degraded("what was written last does not verify"))?)?
            }
        };
        if (totals.count, totals.sum) != (self.count, self.sum) {
            return Err(degraded("its records are not the ones that were written").into());
        }
        Ok(())
    }

    fn next_blob(&mut self) -> Result<State, Error> {
        let Some(blob) = self.blobs.pop_first() else {
            return Ok(State::Recording(Scan::new(&Kind::COUNTED)));
        };
        self.written += 1;
        self.out()?.push(&export::blob(&blob));
        Ok(State::ReadingBlob(blob, 0, ask::read_blob(blob, 0, BLOCK as u64)))
    }

    fn read_blob(&mut self, blob: BlobId, offset: u64, bytes: Option<Vec<u8>>) -> Result<State, Error> {
        let bytes = bytes.ok_or_else(|| LocalError::Degraded {
            reason: "the content of a container is lost; get it from the server again".into(),
        })?;
        let out = self.out()?;
        if !bytes.is_empty() {
            out.push(&export::blob_part(&bytes));
        }
        if bytes.len() >= BLOCK {
            let offset = offset.saturating_add(bytes.len() as u64);
            return Ok(State::ReadingBlob(blob, offset, ask::read_blob(blob, offset, BLOCK as u64)));
        }
        out.push(&export::blob_part(&[]));
        Ok(State::NextBlob)
    }
}

impl Default for Export {
    fn default() -> Self {
        Self::new()
    }
}

fn look(cx: &Cx<'_>) -> Result<Answer, Error> {
    Ok(ask::get(vec![cx.session.local()?.keys.name(Kind::State, &[])]))
}

fn one(given: ask::Given) -> Result<Option<Vec<u8>>, Error> {
    Ok(ask::values(given, 1)?.into_iter().next().flatten())
}

impl Operation for Export {
    type Output = Exported;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Exported, Error>> {
        loop {
            if let Some(out) = self.out.as_mut().filter(|out| out.is_due()) {
                drive!(out, cx, reply);
            }
            self.state = match &mut self.state {
                State::Start => State::KeyFile(LoadKeyFile::new(attempt!(cx.session.local()).user_id())),
                State::KeyFile(load) => {
                    let file = drive!(load, cx, reply);
                    attempt!(self.begin(file, cx))
                }
                State::Head(answer) => {
                    self.head = attempt!(one(drive!(answer, cx, reply)));
                    let state = export::state(self.head.as_deref().unwrap_or_default());
                    attempt!(self.out()).push(&state);
                    State::Naming(Scan::new(&Kind::COUNTED))
                }
                State::Naming(scan) => {
                    let Some(page) = drive!(scan, cx, reply) else {
                        self.state = State::Confirming(attempt!(look(cx)));
                        continue;
                    };
                    let keys = &attempt!(cx.session.local()).keys;
                    for (name, value) in &page.entries {
                        self.count += 1;
                        self.sum = self.sum.plus(keys.element(name, value).unwrap_or_default());
                        // What does not open is told when the records are added up.
                        let data = keys.open_record(name, value);
                        let blobs = data.map(|data| blobs_of(page.kind, &data)).transpose();
                        self.blobs.extend(attempt!(blobs).unwrap_or_default());
                    }
                    continue;
                }
                State::Confirming(answer) => {
                    let now = attempt!(one(drive!(answer, cx, reply)));
                    attempt!(self.confirm(&now, cx));
                    State::NextBlob
                }
                State::NextBlob => attempt!(self.next_blob()),
                State::ReadingBlob(blob, offset, answer) => {
                    let (blob, offset) = (*blob, *offset);
                    let bytes = attempt!(ask::blob(drive!(answer, cx, reply)));
                    attempt!(self.read_blob(blob, offset, bytes))
                }
                State::Recording(scan) => {
                    let Some(page) = drive!(scan, cx, reply) else {
                        self.state = State::ConfirmingEnd(attempt!(look(cx)));
                        continue;
                    };
                    for (name, value) in &page.entries {
                        attempt!(self.out()).push(&export::record(name, value));
                    }
                    continue;
                }
                State::ConfirmingEnd(answer) => {
                    let now = attempt!(one(drive!(answer, cx, reply)));
                    attempt!(self.confirm(&now, cx));
                    let (blobs, records) = (self.written, self.count);
                    attempt!(self.out()).close(blobs, records);
                    State::Closing
                }
                State::Closing => {
                    let bytes = attempt!(self.out()).length();
                    return Step::Done(Ok(Exported { records: self.count, blobs: self.written, bytes }));
                }
            };
        }
    }
}
