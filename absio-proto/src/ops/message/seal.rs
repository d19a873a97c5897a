//! Seals a message for a user.
//!
//! ```text
//!  Start ──▶ Learning (the recipient's cards) ──▶ Sealing (job) ──▶ MSG1
//! ```

use crate::crypto::message::{MessageContext, seal_message};
use crate::crypto::suite::SignatureLabel;
use crate::crypto::{CardChain, Secret};
use crate::effect::Reply;
use crate::error::{CryptoError, Error, InputError, Misuse, RemoteCode, RemoteError};
use crate::limits;
use crate::model::UserId;
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::user::PublicKeys;
use crate::session::Session;
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Seals a message of at most 1 MiB from the signed-in user to another: only the recipient can open
/// it, and sees who wrote it. No round trip if the recipient's keys are known, otherwise one. Gives
/// `MSG1` (`docs/protocol.md`, section 8), 218 bytes longer than the message.
pub struct Seal {
    to: UserId,
    subject: [u8; 16],
    plaintext: Zeroizing<Vec<u8>>,
    state: State,
}

enum State {
    Start,
    Learning(PublicKeys),
    Sealing(Leaf<Result<Vec<u8>, Error>>),
}

impl Seal {
    /// For `to`.
    pub fn new(to: UserId, plaintext: Vec<u8>) -> Self {
        Self { to, subject: [0; 16], plaintext: plaintext.into(), state: State::Start }
    }

    /// About something: any 16 bytes, for example a container's id. They travel in the clear.
    pub fn about(self, subject: [u8; 16]) -> Self {
        Self { subject, ..self }
    }

    fn start(&self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.signed_in()?;
        let (actual, limit) = (self.plaintext.len() as u64, limits::MESSAGE as u64);
        if actual > limit {
            return Err(InputError::TooLarge { what: "the message", actual, limit }.into());
        }
        Ok(State::Learning(PublicKeys::new([self.to])))
    }

    fn seal(&mut self, chains: Vec<CardChain>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let recipient = chains.into_iter().next().ok_or(Misuse::MissingReply)?;
        let (recipient_index, recipient_public) =
            recipient.active_derivation().ok_or_else(|| closed(self.to))?;
        let ephemeral = Secret::filled(|bytes| cx.entropy.fill(bytes))?;
        let sender = cx.session.signed_in()?.clone();
        let context = MessageContext {
            sender: sender.id(),
            sender_index: sender.keys().signing_index(),
            recipient: self.to,
            recipient_index,
            subject: self.subject,
            sent_at: cx.now.utc,
        };
        let plaintext = core::mem::take(&mut self.plaintext);
        Ok(State::Sealing(Leaf::compute("seal a message", move || {
            let (_, public) = sender.keys().chain().active_signing().ok_or(CryptoError::WeakKey)?;
            let sign = |bytes: &[u8]| sender.keys().sign(SignatureLabel::Message, bytes).1;
            seal_message(&context, &public, &recipient_public, &ephemeral, &plaintext, sign)
        })))
    }
}

fn closed(user: UserId) -> Error {
    Error::Remote(RemoteError {
        code: RemoteCode::UserNotFound,
        message: format!("user {user} has no key to seal for; the account was closed"),
        subject: Some(user.to_string()),
        retry_after_ms: None,
    })
}

impl Operation for Seal {
    type Output = Vec<u8>;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Vec<u8>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Learning(keys) => {
                    let chains = drive!(keys, cx, reply);
                    attempt!(self.seal(chains, cx))
                }
                State::Sealing(leaf) => return Step::Done(drive!(leaf, cx, reply)),
            };
        }
    }
}
