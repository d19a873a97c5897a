//! Key blobs and sealed messages.

use crate::world;
use absio_proto::crypto::key_blob::{BlobContext, open_blob, seal_blobs};
use absio_proto::crypto::message::{MessageContext, SealedMessage, seal_message};
use absio_proto::crypto::suite::SignatureLabel;
use absio_proto::crypto::{ContainerKeys, KeyRing, Secret};

fn context(sender: &KeyRing, recipient: &KeyRing) -> BlobContext {
    let (sender_index, signing) = sender.chain().active_signing().expect("a new user has keys");
    let (recipient_index, derivation) = recipient.chain().active_derivation().expect("a new user has keys");
    BlobContext {
        container: world::container(),
        header_epoch: 1,
        content_epoch: 3,
        sender: sender.user_id(),
        sender_index,
        sender_public: signing.to_bytes(),
        recipient: recipient.user_id(),
        recipient_index,
        recipient_public: derivation,
    }
}

/// Nothing but the genuine blob opens; container keys have one encoding.
///
/// # Panics
/// If that does not hold.
pub fn open(data: &[u8]) {
    let (sender, recipient) = (world::ring(1), world::ring(2));
    let context = context(&sender, &recipient);
    let secret = recipient.derivation_secret(context.recipient_index).expect("the ring has its secret");
    if open_blob(data, &context, &secret).is_ok() {
        assert_eq!(seeds()[0], data, "a forged blob was opened");
    }
    if let Ok(keys) = ContainerKeys::from_bytes(data) {
        assert_eq!(&keys.to_bytes()[..], data);
    }
}

/// The genuine blob, and container keys.
pub fn seeds() -> Vec<Vec<u8>> {
    let contexts = [context(&world::ring(1), &world::ring(2))];
    let mut seeds =
        seal_blobs(&world::keys(), &Secret::new([5; 32]), &contexts).expect("the recipient's key is sound");
    seeds.push(world::keys().to_bytes().to_vec());
    seeds
}

/// Nothing but the genuine message opens.
///
/// # Panics
/// If that does not hold.
pub fn message(data: &[u8]) {
    let (sender, recipient) = (world::ring(1), world::ring(2));
    let Ok(message) = SealedMessage::parse(data) else { return };
    let (_, signing) = sender.chain().active_signing().expect("a new user has keys");
    let secret = recipient.derivation_secret(1).or_else(|| recipient.derivation_secret(0));
    if message.open(&signing, &secret.expect("the ring has its secret")).is_ok() {
        assert_eq!(message_seeds()[0], data, "a forged message was opened");
    }
}

/// The genuine message.
pub fn message_seeds() -> Vec<Vec<u8>> {
    let (sender, recipient) = (world::ring(1), world::ring(2));
    let context = context(&sender, &recipient);
    let (_, signing) = sender.chain().active_signing().expect("a new user has keys");
    let message = seal_message(
        &MessageContext {
            sender: context.sender,
            sender_index: context.sender_index,
            recipient: context.recipient,
            recipient_index: context.recipient_index,
            subject: [0; 16],
            sent_at: world::NOW,
        },
        &signing,
        &context.recipient_public,
        &Secret::new([6; 32]),
        b"a short message",
        |signed| sender.sign(SignatureLabel::Message, signed).1,
    );
    vec![message.expect("the message is short")]
}
