//! Entries, views, types, runs of revisions, tombstones, bundles (§11 to §14).

use super::case::{Case, members};
use super::identity::{listed, time};
use super::judge::{Released, Stopped};
use super::sealed::container;
use absio_proto::crypto::{
    AccessEntry, CardChain, ManifestView, Pin, Tombstone, TypeOpening, VerifiedHead, verify_run,
};
use absio_proto::model::UserId;
use absio_proto::wire::{Bundle, BundleTag};
use std::collections::BTreeMap;

pub(super) fn access_entry(case: &Case) -> Released {
    Ok(AccessEntry::decode(&case.data)?.hash().to_vec())
}

pub(super) fn view(case: &Case) -> Released {
    Ok(ManifestView::decode(&case.data)?.body().hash().to_vec())
}

pub(super) fn type_opening(case: &Case) -> Released {
    let opening = TypeOpening::decode(&case.data)?;
    if opening.commitment(container(case)?) != case.array("commitment")? {
        return Err(Stopped::refused("manifest_mismatch"));
    }
    Ok(opening.text().as_bytes().to_vec())
}

fn chains(case: &Case) -> Result<BTreeMap<UserId, CardChain>, Stopped> {
    let mut chains = BTreeMap::new();
    for cards in case.list("cards")? {
        let cards = members(&cards).ok_or("cards are no list".to_owned())?;
        let chain = CardChain::first_contact(&cards)?;
        chains.insert(chain.user_id(), chain);
    }
    Ok(chains)
}

fn pin(case: &Case) -> Result<Option<Pin>, String> {
    if !case.inputs.contains_key("pin-revision") {
        return Ok(None);
    }
    let tombstone = case.number::<u8>("pin-tombstone")? == 1;
    Ok(Some(Pin { revision: case.number("pin-revision")?, hash: case.array("pin-hash")?, tombstone }))
}

fn head(case: &Case, views: &[Vec<u8>], pin: Option<Pin>) -> Result<VerifiedHead, Stopped> {
    let views = views.iter().map(|view| ManifestView::decode(view)).collect::<Result<Vec<_>, _>>()?;
    Ok(verify_run(container(case)?, pin, views, &chains(case)?, time(case, "now")?)?)
}

pub(super) fn revisions(case: &Case) -> Released {
    let head = head(case, &listed(case)?, pin(case)?)?;
    let body = head.view().body();
    Ok([body.revision.to_be_bytes().as_slice(), &body.hash()].concat())
}

pub(super) fn tombstone(case: &Case) -> Released {
    let head = head(case, &case.list("views")?, None)?;
    let tombstone = Tombstone::decode(&case.data)?;
    head.check_tombstone(&tombstone, &chains(case)?, time(case, "now")?)?;
    Ok(tombstone.encode())
}

/// In the order in which they may stand.
const TAGS: [BundleTag; 9] = [
    BundleTag::Fields,
    BundleTag::ManifestView,
    BundleTag::KeyBlob,
    BundleTag::HeaderSegment,
    BundleTag::ContentSegment,
    BundleTag::Card,
    BundleTag::TypeOpening,
    BundleTag::KeyFile,
    BundleTag::Tombstone,
];

pub(super) fn bundle(case: &Case) -> Released {
    let mut bundle = Bundle::decode(&case.data)?;
    let items = TAGS.iter().flat_map(|tag| bundle.take_all(*tag)).collect::<Vec<_>>();
    bundle.end()?;
    Ok(items.concat())
}
