//! Which key file the broker holds, without fetching it.

use crate::effect::Reply;
use crate::error::Error;
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::Session;
use crate::wire::{self, KeyFileState, Route};
use crate::{attempt, drive};

/// SHA-256 and generation of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFileChecksum {
    /// SHA-256 of the sealed bytes.
    pub checksum: [u8; 32],
    /// Counts the versions, from 1.
    pub generation: u64,
}

/// Asks the broker for the checksum of the signed-in user's key file. One round trip.
pub struct Checksum(Exchange);

impl Checksum {
    /// The operation.
    pub fn new() -> Self {
        Self(Exchange::new(Route::KeyFileChecksum))
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Checksum {
    type Output = KeyFileChecksum;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<KeyFileChecksum, Error>> {
        let body = drive!(&mut self.0, cx, reply);
        let state: KeyFileState = attempt!(wire::from_json("the checksum reply", &body));
        let checksum = state.checksum.0.try_into();
        let checksum = attempt!(checksum.map_err(|_| Error::Protocol("a checksum is not 32 bytes".into())));
        Step::Done(Ok(KeyFileChecksum { checksum, generation: state.generation }))
    }
}
