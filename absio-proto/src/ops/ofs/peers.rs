//! The people whose keys are kept here, and the comparing of fingerprints by hand (security case 12).

use super::{Scan, Transact};
use crate::crypto::CardChain;
use crate::effect::Reply;
use crate::error::{Error, InputError, LocalError};
use crate::model::UserId;
use crate::ofs::keys::Kind;
use crate::ofs::peer::PeerRecord;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Characters of a given fingerprint that an error repeats.
const SHOWN: usize = 64;

/// Somebody whose public keys are known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub user: UserId,
    /// What people compare. It is of the first card, so it stays through every rotation of keys.
    pub fingerprint: String,
    /// How often the keys were written: the number of the latest card.
    pub cards: u64,
    /// Whether somebody compared the fingerprint by hand.
    pub is_verified: bool,
    /// Whether the user is gone: the last card closed the chain.
    pub is_closed: bool,
}

impl Peer {
    fn of(chain: &CardChain, is_verified: bool) -> Self {
        Self {
            user: chain.user_id(),
            fingerprint: chain.fingerprint(),
            cards: chain.sequence(),
            is_verified,
            is_closed: chain.is_closed(),
        }
    }
}

/// Gives the people whose keys the local store has, in ascending order of id.
pub struct Peers {
    scan: Scan,
    found: Vec<Peer>,
}

impl Peers {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self { scan: Scan::new(&[Kind::Peer]), found: Vec::new() }
    }
}

impl Default for Peers {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Peers {
    type Output = Vec<Peer>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<Peer>, Error>> {
        loop {
            let Some(page) = drive!(&mut self.scan, cx, reply) else {
                let mut found = core::mem::take(&mut self.found);
                found.sort_by_key(|peer| peer.user);
                return Step::Done(Ok(found));
            };
            let keys = &attempt!(cx.session.local()).keys;
            for (name, value) in &page.entries {
                let peer = keys.open_record(name, value).and_then(|data| PeerRecord::decode(&data).ok());
                let peer = attempt!(peer.ok_or_else(|| LocalError::Degraded {
                    reason: "the public keys of a user do not verify".into(),
                }));
                self.found.push(Peer::of(&peer.chain, peer.is_verified));
            }
        }
    }
}

/// Compares the fingerprint that a user told by another way with the one that is known here, and
/// remembers that it was compared: the whole of it, whatever its hyphens, spaces and case, and with
/// I and L read as 1, O as 0. Gives the user as known from then on. Nothing is asked of the broker.
///
/// # Errors
/// [`InputError::FingerprintDiffers`]; [`LocalError::KeysNotFound`] if the user's keys are not known
/// yet: fetch them first.
pub struct VerifyPeer {
    user: UserId,
    given: String,
    state: State,
}

enum State {
    Start,
    Keeping(Transact),
}

impl VerifyPeer {
    /// Of `user`, against the fingerprint as it was given by hand.
    #[must_use]
    pub fn new(user: UserId, given: impl Into<String>) -> Self {
        Self { user, given: given.into(), state: State::Start }
    }

    fn compare(&self, cx: &Cx<'_>) -> Result<Peer, Error> {
        let own = cx.session.local()?.user.clone();
        let chain = match cx.session.chain(self.user) {
            _ if own.id() == self.user => own.keys().chain(),
            Some(chain) => chain,
            None => return Err(LocalError::KeysNotFound { user: self.user }.into()),
        };
        let seen = chain.fingerprint();
        if !is_same(&seen, &self.given) {
            let given = self.given.chars().take(SHOWN).collect();
            return Err(InputError::FingerprintDiffers { user: self.user, seen, given }.into());
        }
        Ok(Peer::of(chain, true))
    }
}

/// A fingerprint's characters, in their one spelling.
fn characters(text: &str) -> Vec<u8> {
    let one = |character: char| match character.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    let kept = text.chars().filter(|character| *character != '-' && !character.is_whitespace());
    kept.map(one).collect::<String>().into_bytes()
}

/// Whether all characters are equal; every one is looked at.
fn is_same(seen: &str, given: &str) -> bool {
    let (seen, given) = (characters(seen), characters(given));
    let differs = seen.iter().zip(&given).fold(0, |differs, (a, b)| differs | (a ^ b));
    seen.len() == given.len() && differs == 0
}

impl Operation for VerifyPeer {
    type Output = Peer;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Peer, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    let peer = attempt!(self.compare(cx));
                    if attempt!(cx.session.local()).user_id() == self.user {
                        return Step::Done(Ok(peer));
                    }
                    cx.session.set_verified_peer(self.user);
                    State::Keeping(Transact::peers())
                }
                State::Keeping(transact) => {
                    drive!(transact, cx, reply);
                    return Step::Done(self.compare(cx));
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: &str = "01AB3-DEFGH-JKMNP-QRSTV-WXYZ01";

    #[test]
    fn mc_fingerprint_len_the_whole_is_compared() {
        assert!(is_same(SEEN, SEEN));
        for given in ["", "01AB3", &SEEN[..29], "01AB3-DEFGH-JKMNP-QRSTV-WXYZ011"] {
            assert!(!is_same(SEEN, given), "{given}");
        }
        for place in 0..SEEN.len() {
            let mut given = SEEN.to_owned().into_bytes();
            if given[place] == b'-' {
                continue;
            }
            given[place] = if given[place] == b'9' { b'8' } else { b'9' };
            assert!(!is_same(SEEN, &String::from_utf8(given).unwrap()), "character {place}");
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        for given in [
            "01ab3defghjkmnpqrstvwxyz01",
            " oiab3 defgh jkmnp qrstv wxyzol \n",
            "O-L-A-B-3-D-E-F-G-H-J-K-M-N-P-Q-R-S-T-V-W-X-Y-Z-0-I",
        ] {
            assert!(is_same(SEEN, given), "{given}");
        }
        assert!(!is_same(SEEN, "01AB3-DEFGH-JKMNP-QRSTU-WXYZ01"), "U is nobody's character");
    }
}
