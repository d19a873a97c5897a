//! Erases what is kept of containers whose access has expired (S-058).
//!
//! ```text
//!  Scanning a page ──▶ Erasing (one commit a page) ──▶ Scanning … ──▶ which were erased
//! ```
//!
//! Opening an expired container is refused at once; this is for those that nobody opens. The pins
//! stay, so that no server can show less later.

use super::{Change, Scan, Transact};
use crate::effect::Reply;
use crate::error::{Error, LocalError};
use crate::model::{ContainerId, Timestamp, UserId};
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Erases every container of the signed-in user's partition to which the user's own access has
/// expired, by the clock or by the latest time that was ever written, whichever is later (F11). Gives
/// which they were.
pub struct Expire {
    scan: Scan,
    erased: Vec<ContainerId>,
    erasing: Option<Transact>,
}

impl Expire {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self { scan: Scan::new(&[Kind::Container]), erased: Vec::new(), erasing: None }
    }
}

impl Default for Expire {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the record holds something to which `user` has no access any more at `now`.
fn is_expired(record: &ContainerRecord, user: UserId, now: Timestamp) -> bool {
    let own = record.kept.as_ref().and_then(|kept| kept.head.view.entry(user));
    own.is_some_and(|own| own.is_expired(now))
}

/// Erases `containers`, those that are still expired when it is written.
fn erase(containers: &[ContainerId], user: UserId, now: Timestamp) -> Transact {
    let records = containers.iter().map(|id| (Kind::Container, id.as_bytes().to_vec())).collect();
    Transact::new(records, move |found| {
        let erase = |data: &Option<zeroize::Zeroizing<Vec<u8>>>| {
            let Some(data) = data else { return Ok(Change::Keep) };
            let mut record = ContainerRecord::decode(data)?;
            if !is_expired(&record, user, now) {
                return Ok(Change::Keep);
            }
            (record.kept, record.envelope) = (None, None);
            Ok(Change::Put(record.encode()))
        };
        found.iter().map(erase).collect()
    })
}

impl Operation for Expire {
    type Output = Vec<ContainerId>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<ContainerId>, Error>> {
        loop {
            if let Some(transact) = &mut self.erasing {
                drive!(transact, cx, reply);
                self.erasing = None;
            }
            let Some(page) = drive!(&mut self.scan, cx, reply) else {
                return Step::Done(Ok(core::mem::take(&mut self.erased)));
            };
            let local = attempt!(cx.session.local());
            let (keys, user) = (local.keys.clone(), local.user_id());
            let now = local.effective_time(cx.now.utc);
            let mut expired = Vec::new();
            for (name, value) in &page.entries {
                let record =
                    keys.open_record(name, value).and_then(|data| ContainerRecord::decode(&data).ok());
                let record = attempt!(record.ok_or_else(|| LocalError::Degraded {
                    reason: "what is kept of a container does not verify".into(),
                }));
                if is_expired(&record, user, now) {
                    expired.push(record.container);
                }
            }
            if !expired.is_empty() {
                for container in &expired {
                    cx.session.drop_head(*container);
                }
                self.erasing = Some(erase(&expired, user, now));
                self.erased.extend(expired);
            }
        }
    }
}
