//! `absio user fingerprint`, `verify` and `peers`: whose keys are known, and which people compared.

use crate::args::Global;
use crate::connection::{signed_in, signed_in_under};
use crate::failure::Failure;
use crate::output::Output;
use absio_blocking::Client;
use absio_proto::model::UserId;
use absio_proto::ops::ofs::{Peer, Peers, VerifyPeer};
use absio_proto::provider::Standard;
use serde_json::{Value, json};

/// Shows a fingerprint.
pub(super) fn fingerprint(global: &Global, id: Option<UserId>, output: &Output) -> Result<(), Failure> {
    let (client, user) = signed_in(global, output)?;
    let id = id.unwrap_or_else(|| user.id());
    let own = (id == user.id()).then(|| user.keys().chain().fingerprint());
    let fingerprint = match own {
        Some(fingerprint) => Some(fingerprint),
        None => client.user().public_keys([id])?.first().map(|chain| chain.fingerprint()),
    };
    let fingerprint = fingerprint.unwrap_or_default();
    let object = json!({
        "user_id": id.to_string(),
        "fingerprint": fingerprint,
        "verified": is_verified(&client, id),
    });
    output.data(&object, &fingerprint)
}

/// Whether somebody compared it here; false where nothing is kept.
fn is_verified(client: &Client, id: UserId) -> bool {
    client.local_user().is_some()
        && client
            .run(Peers::new())
            .is_ok_and(|peers| peers.iter().any(|peer| peer.user == id && peer.is_verified))
}

/// Compares a fingerprint with the keys known here, which are fetched if they are not.
pub(super) fn verify(global: &Global, id: UserId, given: &str, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    client.user().public_keys([id])?;
    let peer = client.run(VerifyPeer::new(id, given))?;
    output.data(&object(&peer), &peer.fingerprint)?;
    output.note("they agree; this device remembers that you compared them");
    Ok(())
}

/// Lists whose keys are known here.
pub(super) fn peers(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in_under(Standard::Ofs, global, output)?;
    client.run(Peers::new())?.iter().try_for_each(|peer| {
        let compared = if peer.is_verified { "  compared by hand" } else { "" };
        let closed = if peer.is_closed { "  deleted" } else { "" };
        output.data(&object(peer), &format!("{}  {}{compared}{closed}", peer.user, peer.fingerprint))
    })
}

fn object(peer: &Peer) -> Value {
    json!({
        "user_id": peer.user.to_string(),
        "fingerprint": peer.fingerprint,
        "cards": peer.cards,
        "verified": peer.is_verified,
        "closed": peer.is_closed,
    })
}
