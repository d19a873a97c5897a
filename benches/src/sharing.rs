//! Wrapping a container's keys for its readers, beside bare X25519.

use absio_proto::crypto::key_blob::{BlobContext, seal_blobs};
use absio_proto::crypto::{ContainerKeys, Secret};
use absio_proto::model::{ContainerId, UserId};
use x25519_dalek::{PublicKey, StaticSecret};

/// A container's keys and the users to share them with.
pub struct Sharing {
    keys: ContainerKeys,
    ephemeral: Secret<32>,
    contexts: Vec<BlobContext>,
}

impl Sharing {
    /// With `users` recipients.
    #[must_use]
    pub fn new(users: u32) -> Self {
        let contexts = (0..users)
            .map(|user| BlobContext {
                container: ContainerId::from_bytes(crate::bytes(1)),
                header_epoch: 1,
                content_epoch: 1,
                sender: UserId::from_bytes(crate::bytes(2)),
                sender_index: 1,
                sender_public: crate::bytes(3),
                recipient: UserId::from_bytes(crate::bytes(1000 + u64::from(user))),
                recipient_index: 1,
                recipient_public: PublicKey::from(&StaticSecret::from(crate::bytes(2000 + u64::from(user))))
                    .to_bytes(),
            })
            .collect();
        let keys = ContainerKeys::new(Secret::new(crate::bytes(4)), Secret::new(crate::bytes(5)));
        Self { keys, ephemeral: Secret::new(crate::bytes(6)), contexts }
    }

    /// Wraps the keys for every user.
    ///
    /// # Panics
    /// If a recipient's key is refused.
    #[must_use]
    pub fn wrap(&self) -> Vec<Vec<u8>> {
        seal_blobs(&self.keys, &self.ephemeral, &self.contexts).expect("the recipients' keys are sound")
    }

    /// The limit: one bare X25519 shared secret a user.
    #[must_use]
    pub fn bare(&self) -> u8 {
        let secret = StaticSecret::from(*self.ephemeral.expose());
        self.contexts
            .iter()
            .map(|context| secret.diffie_hellman(&PublicKey::from(context.recipient_public)).as_bytes()[0])
            .fold(0, |all, byte| all ^ byte)
    }
}
