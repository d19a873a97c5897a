//! What a broker does besides answering: [`Sweep`] when it starts, [`Housekeeping`] from time to time.
//!
//! Both work in batches, one plan of the engine each, and may be stopped after any of them: nothing
//! they remove is in use.

use crate::engine::{Engine, Logic};
use crate::rows::{self, IdempotencyRow, PartRow, UploadRow};
use crate::state::BrokerState;
use crate::turn::{Inbound, Plan, Turn, Turned, damaged};
use absio_proto::effect::{BlobId, Reply};
use absio_proto::wire::UploadId;
use absio_proto::{Cx, Error, Operation, RemoteError, Step, drive};

/// Rows or blobs looked at in one plan.
const BATCH: usize = 1000;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows of nonces and idempotency keys that had expired.
    pub rows: u64,
    /// Uploads that were not used, or are not any more.
    pub uploads: u64,
    /// Blobs.
    pub blobs: u64,
}

/// What one batch gives: what was removed, and where to go on; none at the end.
struct Batch<C> {
    swept: Swept,
    next: Option<C>,
}

/// Batches one after another.
struct Batches<L: Logic<Output = Batch<C>> + From<C>, C> {
    swept: Swept,
    engine: Engine<L>,
}

impl<L: Logic<Output = Batch<C>> + From<C>, C> Batches<L, C> {
    fn new(first: C) -> Self {
        Self { swept: Swept::default(), engine: Engine::new(L::from(first), Inbound::nothing()) }
    }
}

impl<L: Logic<Output = Batch<C>> + From<C>, C> Operation<BrokerState> for Batches<L, C> {
    type Output = Swept;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, BrokerState>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Swept, Error>> {
        loop {
            let batch = drive!(&mut self.engine, cx, reply);
            self.swept.rows += batch.swept.rows;
            self.swept.uploads += batch.swept.uploads;
            self.swept.blobs += batch.swept.blobs;
            match batch.next {
                Some(next) => self.engine = Engine::new(L::from(next), Inbound::nothing()),
                None => return Step::Done(Ok(self.swept)),
            }
        }
    }
}

/// Removes blobs that no row refers to: what crashes left behind. To be run before the broker
/// answers requests, because a blob is written before the row that refers to it.
pub struct Sweep(Batches<SweepBatch, Option<BlobId>>);

impl Sweep {
    /// A sweep of all blobs.
    #[must_use]
    pub fn new() -> Self {
        Self(Batches::new(None))
    }
}

impl Default for Sweep {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation<BrokerState> for Sweep {
    type Output = Swept;

    fn resume(&mut self, cx: &mut Cx<'_, BrokerState>, reply: Option<Reply>) -> Step<Result<Swept, Error>> {
        self.0.resume(cx, reply)
    }
}

/// Looks at the blobs behind this one.
struct SweepBatch(Option<BlobId>);

impl From<Option<BlobId>> for SweepBatch {
    fn from(after: Option<BlobId>) -> Self {
        Self(after)
    }
}

impl Logic for SweepBatch {
    type Output = Batch<Option<BlobId>>;

    fn turn(&mut self, turn: &mut Turn<'_>) -> Turned<Plan<Self::Output>> {
        let blobs = turn.blobs(self.0, BATCH)?;
        let keys: Vec<_> = blobs.iter().map(|blob| rows::reference(*blob)).collect();
        let referred = turn.rows(&keys)?;
        let orphans = blobs.iter().zip(referred).filter(|(_, row)| row.is_none());
        let discard: Vec<_> = orphans.map(|(blob, _)| *blob).collect();
        let swept = Swept { blobs: discard.len() as u64, ..Swept::default() };
        let next = (blobs.len() == BATCH).then(|| blobs.last().copied());
        Ok(Plan { discard, ..Plan::answer(Batch { swept, next }) })
    }

    fn refused(&mut self, error: RemoteError) -> Result<Self::Output, Error> {
        Err(error.into())
    }
}

/// Removes expired nonces and idempotency rows, uploads that were not used in time, and the parts of
/// contents that were replaced or deleted.
pub struct Housekeeping(Batches<Chore, Chore>);

impl Housekeeping {
    /// One round of everything.
    #[must_use]
    pub fn new() -> Self {
        Self(Batches::new(Chore::Nonces))
    }
}

impl Default for Housekeeping {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation<BrokerState> for Housekeeping {
    type Output = Swept;

    fn resume(&mut self, cx: &mut Cx<'_, BrokerState>, reply: Option<Reply>) -> Step<Result<Swept, Error>> {
        self.0.resume(cx, reply)
    }
}

/// What to look at next, in this order.
enum Chore {
    Nonces,
    Idempotency,
    /// Uploads from this key on.
    Uploads(Vec<u8>),
    Trash,
}

impl Logic for Chore {
    type Output = Batch<Self>;

    fn turn(&mut self, turn: &mut Turn<'_>) -> Turned<Plan<Self::Output>> {
        match self {
            Self::Nonces => nonces(turn),
            Self::Idempotency => idempotency(turn),
            Self::Uploads(from) => uploads(turn, from.clone()),
            Self::Trash => trash(turn),
        }
    }

    fn refused(&mut self, error: RemoteError) -> Result<Self::Output, Error> {
        Err(error.into())
    }
}

fn batch(next: Option<Chore>) -> Plan<Batch<Chore>> {
    Plan::answer(Batch { swept: Swept::default(), next })
}

fn nonces(turn: &mut Turn<'_>) -> Turned<Plan<Batch<Chore>>> {
    let (start, end) = rows::nonces_until(turn.time());
    let expired = turn.scan(start, end, BATCH)?;
    let more = expired.len() == BATCH;
    let mut plan = batch(Some(if more { Chore::Nonces } else { Chore::Idempotency }));
    for (key, _) in expired.iter() {
        plan.delete(key.clone());
        plan.output.swept.rows += 1;
    }
    Ok(plan)
}

fn idempotency(turn: &mut Turn<'_>) -> Turned<Plan<Batch<Chore>>> {
    let (start, end) = rows::idempotency_until(turn.time());
    let expired = turn.scan(start, end, BATCH)?;
    let more = expired.len() == BATCH;
    let mut plan = batch(Some(if more { Chore::Idempotency } else { Chore::Uploads(rows::uploads()) }));
    let keys: Option<Vec<_>> = expired.iter().map(|(key, _)| rows::idempotency_of_expiry(key)).collect();
    let keys = keys.ok_or_else(damaged)?;
    turn.rows(&keys)?;
    for ((expiry_key, _), key) in expired.iter().zip(keys) {
        // The key may have been used again since.
        let row: Option<IdempotencyRow> = turn.typed_watch(&key)?;
        if row.is_some_and(|row| row.expires <= turn.time().as_millis()) {
            plan.delete(key);
        }
        plan.delete(expiry_key.clone());
        plan.output.swept.rows += 1;
    }
    Ok(plan)
}

/// Puts uploads into the trash that no container uses and nobody added a part to in time.
fn uploads(turn: &mut Turn<'_>, from: Vec<u8>) -> Turned<Plan<Batch<Chore>>> {
    let found = turn.scan(from, rows::end_of(&rows::uploads()), BATCH)?;
    let life = u64::try_from(turn.state.config().upload_life.as_millis()).unwrap_or(u64::MAX);
    let now = turn.time().as_millis();
    let mut unused = Vec::new();
    for (key, value) in found.iter() {
        let upload = rows::upload_of(key).ok_or_else(damaged)?;
        let row: UploadRow = rows::decode(value).ok_or_else(damaged)?;
        if !row.used {
            unused.push((key, value, upload));
        }
    }
    let touched: Vec<_> = unused.iter().map(|(_, _, upload)| rows::touched(*upload)).collect();
    let touched = turn.rows(&touched)?;
    let keys: Vec<_> = unused.iter().map(|(key, ..)| (*key).clone()).collect();
    turn.rows(&keys)?;
    let mut plan = batch(Some(Chore::Trash));
    for ((key, value, upload), touched) in unused.into_iter().zip(touched) {
        let touched = touched.as_deref().and_then(rows::number_of).ok_or_else(damaged)?;
        if touched.saturating_add(life) > now {
            continue;
        }
        // A container may have come to use it since.
        if turn.watch(key)?.as_ref() == Some(value) {
            plan.put(rows::trash(upload), Vec::new());
            plan.delete(key.clone());
            plan.delete(rows::touched(upload));
            plan.output.swept.uploads += 1;
        }
    }
    if let (true, Some((last, _))) = (found.len() == BATCH, found.last()) {
        plan.output.next = Some(Chore::Uploads([last.as_slice(), &[0]].concat()));
    }
    Ok(plan)
}

/// Removes parts of the first upload in the trash, or the last of them and the upload itself.
fn trash(turn: &mut Turn<'_>) -> Turned<Plan<Batch<Chore>>> {
    let all = rows::all_trash();
    let first = turn.scan(all.clone(), rows::end_of(&all), 1)?;
    let Some((key, _)) = first.first() else { return Ok(batch(None)) };
    let upload: UploadId = rows::upload_of(key).ok_or_else(damaged)?;
    let prefix = rows::parts(upload);
    let parts = turn.scan(prefix.clone(), rows::end_of(&prefix), BATCH)?;
    let mut plan = batch(Some(Chore::Trash));
    for (part_key, value) in parts.iter() {
        let row: PartRow = rows::decode(value).ok_or_else(damaged)?;
        plan.remove_blob(rows::blob_id(&row.blob).ok_or_else(damaged)?);
        plan.delete(part_key.clone());
        plan.output.swept.blobs += 1;
    }
    if parts.len() < BATCH {
        plan.delete(rows::upload(upload));
        plan.delete(rows::groups(upload));
        plan.delete(rows::touched(upload));
        plan.delete(key.clone());
    }
    Ok(plan)
}
