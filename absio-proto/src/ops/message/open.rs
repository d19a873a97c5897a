//! Opens a sealed message.
//!
//! ```text
//!  Start ──▶ Learning (the sender's cards; again if they are older than the key) ──▶ Opening (job) ──▶ message
//! ```

use crate::crypto::CardChain;
use crate::crypto::message::{MessageContext, SealedMessage};
use crate::effect::Reply;
use crate::error::{CryptoError, Error, InputError, Misuse};
use crate::model::{Timestamp, UserId};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::user::PublicKeys;
use crate::session::Session;
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// A message that was verified and opened.
#[derive(PartialEq, Eq)]
pub struct OpenedMessage {
    /// Who wrote it, proven by their signature.
    pub from: UserId,
    /// What it is about, as the sender says: zero for nothing.
    pub subject: [u8; 16],
    /// When it was sealed, as the sender says.
    pub sent_at: Timestamp,
    /// The message.
    pub plaintext: Zeroizing<Vec<u8>>,
}

/// Never the message itself.
impl core::fmt::Debug for OpenedMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OpenedMessage({} bytes from {})", self.plaintext.len(), self.from)
    }
}

/// Opens a message sealed for the signed-in user: the signature is verified with the sender's own
/// cards, which prove themselves against the sender's id. No round trip if they are known.
pub struct Open {
    bytes: Vec<u8>,
    refreshed: bool,
    state: State,
}

enum State {
    Start,
    Learning(PublicKeys),
    Opening(Leaf<Result<OpenedMessage, CryptoError>>),
}

impl Open {
    /// Of `MSG1` bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, refreshed: false, state: State::Start }
    }

    fn context(&self, cx: &Cx<'_>) -> Result<MessageContext, Error> {
        let context = SealedMessage::parse(&self.bytes)?.context;
        let user = cx.session.signed_in()?.id();
        if context.recipient == user {
            return Ok(context);
        }
        let reason = format!("it is sealed for user {}, {user} is signed in", context.recipient);
        Err(InputError::InvalidArgument { argument: "message", reason }.into())
    }

    fn open(&mut self, chains: Vec<CardChain>, cx: &Cx<'_>) -> Result<State, Error> {
        let context = self.context(cx)?;
        let sender = chains.into_iter().next().ok_or(Misuse::MissingReply)?;
        if sender.signing_key(context.sender_index).is_none() && !self.refreshed {
            // The sender may have changed keys since the cards were seen.
            self.refreshed = true;
            return Ok(State::Learning(PublicKeys::new([context.sender]).refreshed()));
        }
        let key = sender.signing_key_valid_at(context.sender_index, context.sent_at)?;
        let ring = cx.session.signed_in()?.keys();
        let secret = ring.derivation_secret(context.recipient_index).ok_or(CryptoError::Decrypt)?;
        let bytes = core::mem::take(&mut self.bytes);
        Ok(State::Opening(Leaf::compute("open a message", move || {
            let plaintext = SealedMessage::parse(&bytes)?.open(&key, &secret)?.into();
            let MessageContext { sender: from, subject, sent_at, .. } = context;
            Ok(OpenedMessage { from, subject, sent_at, plaintext })
        })))
    }
}

impl Operation for Open {
    type Output = OpenedMessage;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<OpenedMessage, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    let sender = attempt!(self.context(cx)).sender;
                    State::Learning(PublicKeys::new([sender]))
                }
                State::Learning(keys) => {
                    let chains = drive!(keys, cx, reply);
                    attempt!(self.open(chains, cx))
                }
                State::Opening(leaf) => return Step::Done(Ok(attempt!(drive!(leaf, cx, reply)))),
            };
        }
    }
}
