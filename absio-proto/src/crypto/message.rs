//! `MSG1`: a message sealed for one user and signed by its sender; the seed's integrated encryption
//! scheme (`docs/protocol.md`, section 8).

use crate::crypto::agreement::{Ephemeral, Labels, keys_from};
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::secret::Secret;
use crate::crypto::suite::{HashLabel, KeyLabel, SUITE_1, SignatureLabel, verify};
use crate::crypto::wrap::TAG;
use crate::error::{CryptoError, InputError};
use crate::limits;
use crate::model::{Timestamp, UserId};
use ed25519_dalek::VerifyingKey;
use x25519_dalek::StaticSecret;

const MAGIC: &[u8; 4] = b"MSG1";
const LABELS: Labels = Labels { extract: HashLabel::Message, expand: KeyLabel::Message };
/// Bytes in the clear before the ciphertext.
const CLEAR: usize = 106;
const SIGNATURE: usize = 64;

/// Who writes to whom, and about what. It travels in the clear and is under MAC and signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageContext {
    /// The sender.
    pub sender: UserId,
    /// Index of the sender's signing key.
    pub sender_index: u32,
    /// The recipient.
    pub recipient: UserId,
    /// Index of the recipient's derivation key.
    pub recipient_index: u32,
    /// What the message is about, as the sender says: any 16 bytes, zero for nothing.
    pub subject: [u8; 16],
    /// When it was sealed, as the sender says.
    pub sent_at: Timestamp,
}

/// A sealed message that was taken apart but not verified: what its outside claims, so that the
/// keys can be looked up.
#[derive(Clone, Copy, Debug)]
pub struct SealedMessage<'a> {
    /// Who claims to write to whom.
    pub context: MessageContext,
    enc: [u8; 32],
    clear: &'a [u8],
    sealed: &'a [u8],
    signed: &'a [u8],
    signature: [u8; SIGNATURE],
}

/// Seals `plaintext` for the holder of `recipient_public`. `sign` signs the given bytes with the
/// sender's key under [`SignatureLabel::Message`].
///
/// # Errors
/// [`InputError::TooLarge`] over 1 MiB, [`CryptoError::WeakKey`] for an unusable recipient key.
pub fn seal_message(
    context: &MessageContext,
    sender_public: &VerifyingKey,
    recipient_public: &[u8; 32],
    ephemeral: &Secret<32>,
    plaintext: &[u8],
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Result<Vec<u8>, crate::Error> {
    if plaintext.len() > limits::MESSAGE {
        let (actual, limit) = (plaintext.len() as u64, limits::MESSAGE as u64);
        return Err(InputError::TooLarge { what: "message", actual, limit }.into());
    }
    let ephemeral = Ephemeral::new(ephemeral);
    let clear = clear_part(context, ephemeral.public(), plaintext.len());
    let bound: [&[u8]; 3] = [&clear, recipient_public, sender_public.as_bytes()];
    let wrap = ephemeral.keys_for(LABELS, recipient_public, &bound)?;
    let sealed = wrap.seal(&clear, plaintext);
    let mut message = [clear, sealed].concat();
    let signature = sign(&message);
    message.extend_from_slice(&signature);
    Ok(message)
}

fn clear_part(context: &MessageContext, enc: &[u8; 32], length: usize) -> Vec<u8> {
    Writer::new()
        .bytes(MAGIC)
        .u16(SUITE_1)
        .bytes(context.sender.as_bytes())
        .u32(context.sender_index)
        .bytes(context.recipient.as_bytes())
        .u32(context.recipient_index)
        .bytes(&context.subject)
        .u64(context.sent_at.as_millis())
        .bytes(enc)
        .u32(u32::try_from(length).expect("messages are at most 1 MiB"))
        .finish()
}

impl<'a> SealedMessage<'a> {
    /// Takes a message apart.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], or [`CryptoError::Unknown`] for another suite.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("sealed message", bytes);
        reader.constant(MAGIC, "it does not begin with MSG1")?;
        let suite = reader.u16()?;
        if suite != SUITE_1 {
            return Err(CryptoError::Unknown { what: "suite", value: suite.into() });
        }
        let context = MessageContext {
            sender: UserId::from_bytes(reader.array()?),
            sender_index: reader.u32()?,
            recipient: UserId::from_bytes(reader.array()?),
            recipient_index: reader.u32()?,
            subject: reader.array()?,
            sent_at: Timestamp::from_millis(reader.u64()?),
        };
        let enc = reader.array()?;
        let length = reader.u32()? as usize;
        if length > limits::MESSAGE {
            return Err(reader.malformed("it is longer than its limit"));
        }
        let sealed = reader.bytes(length + TAG)?;
        let signature = reader.array()?;
        reader.end()?;
        let signed = &bytes[..bytes.len() - SIGNATURE];
        Ok(Self { context, enc, clear: &bytes[..CLEAR], sealed, signed, signature })
    }

    /// Verifies and opens. The sender's key is an argument and never taken from the message: there
    /// is no way to open a message whose sender is not known (security case 11).
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`] if the sender did not sign it, [`CryptoError::Decrypt`]
    /// otherwise.
    pub fn open(
        &self,
        sender_public: &VerifyingKey,
        recipient_secret: &StaticSecret,
    ) -> Result<Vec<u8>, CryptoError> {
        verify(sender_public, SignatureLabel::Message, self.signed, &self.signature, "message")?;
        let recipient_public = x25519_dalek::PublicKey::from(recipient_secret).to_bytes();
        let bound: [&[u8]; 3] = [self.clear, &recipient_public, sender_public.as_bytes()];
        let plaintext = keys_from(LABELS, recipient_secret, &self.enc, &bound)
            .ok()
            .and_then(|wrap| wrap.open(self.clear, self.sealed));
        plaintext.map(|mut plaintext| core::mem::take(&mut *plaintext)).ok_or(CryptoError::Decrypt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::suite::sign;
    use ed25519_dalek::SigningKey;

    fn context() -> MessageContext {
        MessageContext {
            sender: UserId::from_bytes([1; 16]),
            sender_index: 0,
            recipient: UserId::from_bytes([2; 16]),
            recipient_index: 0,
            subject: [0; 16],
            sent_at: Timestamp::from_millis(1_000),
        }
    }

    fn sealed(plaintext: &[u8]) -> Vec<u8> {
        let alice = SigningKey::from_bytes(&[1; 32]);
        let bob = x25519_dalek::PublicKey::from(&StaticSecret::from([2; 32])).to_bytes();
        seal_message(&context(), &alice.verifying_key(), &bob, &Secret::new([7; 32]), plaintext, |bytes| {
            sign(&alice, SignatureLabel::Message, bytes)
        })
        .unwrap()
    }

    #[test]
    fn a_message_opens_for_its_recipient_from_its_sender_only() {
        let (alice, eve) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[9; 32]));
        let (bob, carol) = (StaticSecret::from([2; 32]), StaticSecret::from([3; 32]));
        for plaintext in [&b""[..], b"hello", &[5; 3000]] {
            let bytes = sealed(plaintext);
            let message = SealedMessage::parse(&bytes).unwrap();
            assert_eq!(message.context, context());
            assert_eq!(message.open(&alice.verifying_key(), &bob).unwrap(), plaintext);
            assert_eq!(message.open(&alice.verifying_key(), &carol), Err(CryptoError::Decrypt));
            let foreign = Err(CryptoError::BadSignature { what: "message" });
            assert_eq!(message.open(&eve.verifying_key(), &bob), foreign);
        }
    }

    /// Security case 17 for messages: Eve strips Alice's signature and puts her own.
    #[test]
    fn mp_steal_authorship() {
        let (eve, bob) = (SigningKey::from_bytes(&[9; 32]), StaticSecret::from([2; 32]));
        let mut bytes = sealed(b"from alice");
        let signed = bytes.len() - SIGNATURE;
        let signature = sign(&eve, SignatureLabel::Message, &bytes[..signed]);
        bytes[signed..].copy_from_slice(&signature);
        let message = SealedMessage::parse(&bytes).unwrap();
        // The control: the signature by itself is good, so it is the binding of the sender that refuses.
        let weakened =
            verify(&eve.verifying_key(), SignatureLabel::Message, message.signed, &message.signature, "");
        assert_eq!(weakened, Ok(()));
        assert_eq!(message.open(&eve.verifying_key(), &bob), Err(CryptoError::Decrypt));
    }

    /// Security case 11: no key that comes with a message verifies it. Whoever is not known cannot be
    /// guessed, and the type of `open` leaves no way to leave the sender out.
    #[test]
    fn mc_open_requires_sender_card() {
        type Open<'m> = fn(&SealedMessage<'m>, &VerifyingKey, &StaticSecret) -> Result<Vec<u8>, CryptoError>;
        let open: Open<'_> = SealedMessage::open;
        let (alice, mallory) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[8; 32]));
        let (bob, bob_public) = {
            let secret = StaticSecret::from([2; 32]);
            let public = x25519_dalek::PublicKey::from(&secret).to_bytes();
            (secret, public)
        };
        // Mallory writes as Alice: every key that the message brings is Mallory's.
        let forged = seal_message(
            &context(),
            &mallory.verifying_key(),
            &bob_public,
            &Secret::new([7; 32]),
            b"from alice",
            |bytes| sign(&mallory, SignatureLabel::Message, bytes),
        )
        .unwrap();
        let message = SealedMessage::parse(&forged).unwrap();
        assert_eq!(message.context.sender, context().sender, "it says that it is Alice's");
        let foreign = Err(CryptoError::BadSignature { what: "message" });
        assert_eq!(open(&message, &alice.verifying_key(), &bob), foreign);
        // The control: an opener that took the key for the message's own would accept it.
        assert_eq!(open(&message, &mallory.verifying_key(), &bob).unwrap(), b"from alice");
    }

    #[test]
    fn every_bit_of_a_message_counts() {
        let (alice, bob) = (SigningKey::from_bytes(&[1; 32]), StaticSecret::from([2; 32]));
        let bytes = sealed(b"hi");
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let opened =
                SealedMessage::parse(&altered).map(|message| message.open(&alice.verifying_key(), &bob));
            assert!(!matches!(opened, Ok(Ok(_))), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(SealedMessage::parse(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn a_message_over_its_limit_is_refused_at_both_ends() {
        let alice = SigningKey::from_bytes(&[1; 32]);
        let seal = |length: usize| {
            let bob = x25519_dalek::PublicKey::from(&StaticSecret::from([2; 32])).to_bytes();
            let plaintext = vec![0; length];
            seal_message(
                &context(),
                &alice.verifying_key(),
                &bob,
                &Secret::new([7; 32]),
                &plaintext,
                |bytes| sign(&alice, SignatureLabel::Message, bytes),
            )
        };
        assert!(seal(limits::MESSAGE).is_ok_and(|bytes| SealedMessage::parse(&bytes).is_ok()));
        assert!(seal(limits::MESSAGE + 1).is_err());
        let mut claims = sealed(b"");
        claims[CLEAR - 4..CLEAR].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(SealedMessage::parse(&claims).is_err());
    }
}
