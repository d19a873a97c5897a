//! A provider that only answers for public keys: a company's own directory beside the broker.
//!
//! A provider implements what it offers; every other call is refused as `unsupported`. Run it with
//! `cargo run -p absio-blocking --example directory_of_keys --features testing`.

use absio_blocking::Client;
use absio_broker::Fixture;
use absio_proto::crypto::{CardChain, KdfPolicy};
use absio_proto::effect::Reply;
use absio_proto::model::{Credentials, UserId};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::{Provider, Standard};
use absio_proto::{BoxOp, Cx, Error, LocalError, Operation, Session, Step};
use std::collections::BTreeMap;
use std::error::Error as StdError;

/// Cards as a directory hands them out: bytes that anybody may have altered.
#[derive(Default)]
struct Directory(BTreeMap<UserId, Vec<Vec<u8>>>);

impl Provider for Directory {
    fn public_keys(&self, users: Vec<UserId>) -> BoxOp<Vec<CardChain>> {
        let known = |user: &UserId| (*user, self.0.get(user).cloned());
        Box::new(LookUp(users.iter().map(known).collect()))
    }
}

/// Everything is known beforehand, so this operation asks nobody for anything.
struct LookUp(BTreeMap<UserId, Option<Vec<Vec<u8>>>>);

impl Operation for LookUp {
    type Output = Vec<CardChain>;

    fn resume(&mut self, _: &mut Cx<'_, Session>, _: Option<Reply>) -> Step<Result<Vec<CardChain>, Error>> {
        let verified = |(user, cards): (&UserId, &Option<Vec<Vec<u8>>>)| match cards {
            // An id commits to its keys: a directory cannot hand out others.
            Some(cards) => Ok(CardChain::verify(*user, cards)?),
            None => Err(LocalError::KeysNotFound { user: *user }.into()),
        };
        Step::Done(self.0.iter().map(verified).collect())
    }
}

/// Runs the example.
///
/// # Errors
/// If anything does not come out as it says.
pub(crate) fn main() -> Result<(), Box<dyn StdError>> {
    let broker = Fixture::at_present();
    let client = Client::builder(broker.api_key(), broker.origin())
        .transport(broker.clone())
        .kdf_policy(KdfPolicy::insecure_for_tests()) // not in a real program
        .build()?;
    let alice = client.user().create(Credentials::new("Pass-word 1", "Pass-phrase 2"))?;
    let bob = client.user().create(Credentials::new("Pass-word 3", "Pass-phrase 4"))?;

    client.login(alice.id(), LoginWith::nothing().user(alice.clone()))?;

    // Somebody fills the directory; here from the broker.
    let mut directory = Directory::default();
    for chain in client.under(Standard::Server).user().public_keys([alice.id()])? {
        directory.0.insert(chain.user_id(), chain.cards().to_vec());
    }
    // Bob's entry is a lie.
    directory.0.insert(bob.id(), directory.0[&alice.id()].clone());

    broker.set_stopped(true);
    let company = client.under(directory);
    let found = company.user().public_keys([alice.id()])?;
    if found[0].fingerprint() != alice.keys().chain().fingerprint() {
        return Err("these are not Alice's keys".into());
    }
    let lie = company.user().public_keys([bob.id()]).err().ok_or("the lie is believed")?;
    println!("Alice has fingerprint {}; Bob's entry is refused: {lie}", found[0].fingerprint());
    let other = company.user().reminder(Some(alice.id())).err().ok_or("it has reminders")?;
    println!("reminders: {other}");
    match (lie.code(), other.code()) {
        ("card_chain_invalid" | "identity_mismatch", "unsupported") => Ok(()),
        codes => Err(format!("refused otherwise: {codes:?}").into()),
    }
}
