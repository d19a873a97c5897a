//! The cards of users as they were verified, and what may be served of them: never fewer than were known when
//! they were asked for.

use crate::crypto::CardChain;
use crate::error::{CryptoError, Error};
use crate::model::UserId;
use crate::session::Session;
use std::collections::BTreeMap;

/// The users of whom cards were learned or made, in that order, and how many were known before.
#[derive(Default)]
pub(super) struct CardSteps(Vec<(UserId, u64)>);

/// A moment between two of these: when cards are asked for.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct CardsKnown(usize);

impl CardSteps {
    /// The cards of `user` that were known at `moment`, if more were learned since.
    fn known_at(&self, moment: CardsKnown, user: UserId) -> Option<u64> {
        let since = self.0.get(moment.0..).unwrap_or_default();
        since.iter().find(|(learned, _)| *learned == user).map(|(_, before)| *before)
    }
}

impl Session {
    /// What is known now; an answer to what is asked now is held against it.
    pub(crate) fn cards_known(&self) -> CardsKnown {
        CardsKnown(self.card_steps.0.len())
    }

    /// Remembers that there are more cards of `user` than the `before` that were known.
    pub(super) fn note_cards(&mut self, user: UserId, before: u64) {
        if self.chain(user).is_some_and(|chain| chain.sequence() > before) {
            self.card_steps.0.push((user, before));
        }
    }

    /// How many cards of `user` are known.
    pub(super) fn card_sequence(&self, user: UserId) -> u64 {
        self.chain(user).map_or(0, CardChain::sequence)
    }

    /// The verified cards of `user`: others' as pinned, one's own from the ring, or as they were seen
    /// to go on from there since another device changed the keys.
    pub(crate) fn chain(&self, user: UserId) -> Option<&CardChain> {
        let seen = self.peers.get(&user);
        let Some(own) = self.user.as_ref().filter(|own| own.id() == user) else { return seen };
        let ring = own.keys().chain();
        let goes_on = |seen: &&CardChain| {
            seen.sequence() > ring.sequence() && seen.extends(ring.sequence(), &ring.head()).is_ok()
        };
        Some(seen.filter(goes_on).unwrap_or(ring))
    }

    /// Takes cards of `user` that were `asked` for: verifies them against the id, one's own keys, and what was
    /// pinned before; pins them.
    pub(crate) fn learn_cards(
        &mut self,
        user: UserId,
        cards: &[Vec<u8>],
        asked: CardsKnown,
    ) -> Result<(), Error> {
        if let Some(known) = self.chain(user)
            && known.cards() == cards
        {
            self.want_peer(user);
            return Ok(());
        }
        let own = self.user.as_ref().is_some_and(|own| own.id() == user);
        let mismatch = |error| if own { CryptoError::OwnIdentityMismatch { user } } else { error };
        let served = CardChain::verify(user, cards).map_err(mismatch)?;
        if let Some(known) = self.chain(user) {
            if self.is_overtaken(&served, known, asked) {
                self.want_peer(user);
                return Ok(());
            }
            served.extends(known.sequence(), &known.head()).map_err(mismatch)?;
        }
        let before = self.card_sequence(user);
        self.peers.insert(user, served);
        self.new_peers.insert(user);
        self.note_cards(user, before);
        Ok(())
    }

    /// Whether cards were served before others that go on from them and were learned, or made here, while the
    /// answer was on its way: then they are no rollback, and nothing is lost with them.
    fn is_overtaken(&self, served: &CardChain, known: &CardChain, asked: CardsKnown) -> bool {
        let floor = self.card_steps.known_at(asked, known.user_id());
        floor.is_some_and(|floor| floor <= served.sequence())
            && known.extends(served.sequence(), &served.head()).is_ok()
    }

    /// Takes cards that a broker sent along with something else that was `asked` for; with a source of one's
    /// own, the broker's are not looked at.
    pub(crate) fn learn_served(
        &mut self,
        cards: Vec<(UserId, Vec<u8>)>,
        asked: CardsKnown,
    ) -> Result<(), Error> {
        if self.config()?.key_source.is_some() {
            return Ok(());
        }
        let mut by_user: BTreeMap<UserId, Vec<Vec<u8>>> = BTreeMap::new();
        for (user, card) in cards {
            by_user.entry(user).or_default().push(card);
        }
        by_user.iter().try_for_each(|(user, cards)| self.learn_cards(*user, cards, asked))
    }
}
