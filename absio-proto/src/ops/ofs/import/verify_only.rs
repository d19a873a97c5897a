//! The first half of an import by itself, so that another implementation can be held against it.

use super::verify::Verifier;
use crate::drive;
use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::model::UserId;
use crate::ofs::StoreKeys;
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::stream::Incoming;
use std::sync::Arc;

/// Verifies the export that [`Effect::Content`](crate::effect::Effect::Content) gives, and takes nothing of it.
///
/// # Errors
/// As [`Import`](super::Import).
pub struct VerifyExport {
    incoming: Incoming,
    verifier: Option<Verifier>,
}

impl VerifyExport {
    /// Verifies an export of `user`, whose partition has `keys`.
    #[must_use]
    pub fn new(user: UserId, keys: StoreKeys) -> Self {
        let incoming = Incoming::new(Some(keys.export_mac()));
        Self { incoming, verifier: Some(Verifier::new(user, Arc::new(keys))) }
    }
}

impl Operation for VerifyExport {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            let block = drive!(&mut self.incoming, cx, reply);
            let Some(mut verifier) = self.verifier.take() else {
                return Step::Done(Err(Misuse::ResumedAfterDone.into()));
            };
            let Some(block) = block else {
                let verified = verifier.finish(self.incoming.counts());
                return Step::Done(verified.map(|_| ()).map_err(Error::from));
            };
            if let Err(error) = verifier.take(&block) {
                return Step::Done(Err(error));
            }
            self.verifier = Some(verifier);
        }
    }
}
