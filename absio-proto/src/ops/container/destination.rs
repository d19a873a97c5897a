//! Where a revision goes.

use crate::effect::BlobId;

/// Where a revision goes, and where the chunks of a long content are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To the broker.
    #[default]
    Broker,
    /// To the broker; what was sealed is given back for the local store.
    Both(BlobId),
    /// To the broker as [`Both`](Self::Both), and into the outbox before; there it stays if nobody answers.
    Outbox(BlobId),
    /// To the local store alone.
    Local(BlobId),
}

impl Destination {
    pub(crate) const fn reaches_broker(self) -> bool {
        !matches!(self, Self::Local(_))
    }

    /// The blob for the chunks of a long content.
    pub(crate) const fn blob(self) -> Option<BlobId> {
        match self {
            Self::Broker => None,
            Self::Both(blob) | Self::Outbox(blob) | Self::Local(blob) => Some(blob),
        }
    }
}
