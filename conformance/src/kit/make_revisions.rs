//! Fresh histories of containers, tombstones and bundles.

use super::case::{Case, joined};
use super::draw::Draw;
use super::make::{moment, releasing};
use absio_proto::crypto::manifest::{Section, SectionState, Wrapped, no_type};
use absio_proto::crypto::segment::SegmentDigest;
use absio_proto::crypto::suite::SUITE_1;
use absio_proto::crypto::{
    AccessEntry, AccessSlots, Author, KeyRing, ManifestBody, ManifestView, Tombstone, container_id,
};
use absio_proto::model::{Permissions, Timestamp};
use absio_proto::wire::{Bundle, BundleTag};
use absio_proto::{CryptoError, Error};

/// A history, and who is in it.
struct History {
    people: Vec<KeyRing>,
    views: Vec<ManifestView>,
}

fn wrapped(body: &ManifestBody, draw: &mut Draw) -> Wrapped {
    Wrapped {
        derivation_index: 1,
        blob_hash: draw.array(),
        sealed_by: body.author.user,
        sealed_by_index: body.author.index,
        header_epoch: body.header.epoch,
        content_epoch: body.content.epoch,
    }
}

fn granted(body: &ManifestBody, to: &KeyRing, permissions: Permissions, draw: &mut Draw) -> AccessEntry {
    let may = permissions.contains(Permissions::CONTAINER_DECRYPT);
    AccessEntry {
        user: to.user_id(),
        permissions,
        expiration: None,
        created_by: body.author.user,
        created_at: body.modified_at,
        modified: None,
        wrapped: may.then(|| wrapped(body, draw)),
        salt: draw.array(),
    }
}

fn signed(mut body: ManifestBody, rows: Vec<AccessEntry>, by: &KeyRing) -> Result<ManifestView, CryptoError> {
    let access = AccessSlots::of(rows)?;
    (body.access_count, body.access_root) = (access.count(), access.root());
    ManifestView::new(body.sign(by), access)
}

fn first(creator: &KeyRing, at: Timestamp, draw: &mut Draw) -> ManifestBody {
    let mut section = |state| Section {
        state,
        epoch: 1,
        digest: SegmentDigest { length: draw.below(1 << 20), digest: draw.array() },
        changed_by: creator.user_id(),
        changed_at: at,
        changed_in: 1,
    };
    let header = section(SectionState::Present { padded: true });
    let content = section(SectionState::External { padded: false });
    let id_salt = draw.array();
    ManifestBody {
        suite: SUITE_1,
        container: container_id(creator.user_id(), &id_salt),
        id_salt,
        revision: 1,
        previous: [0; 48],
        created_by: creator.user_id(),
        created_at: at,
        author: Author::of(creator),
        modified_at: at,
        type_commitment: if draw.below(2) == 0 { no_type() } else { draw.array() },
        header,
        content,
        access_count: 0,
        access_root: [0; 48],
    }
}

/// The next revision by `author`: an upload, or an expiration that moves.
fn next(view: &ManifestView, author: &KeyRing, draw: &mut Draw) -> Result<ManifestView, CryptoError> {
    let mut body = view.body().clone();
    body.revision += 1;
    body.previous = view.body().hash();
    body.author = Author::of(author);
    body.modified_at = body.modified_at.plus_millis(draw.below(1 << 20));
    let mut rows: Vec<_> = view.access().entries().cloned().collect();
    if draw.below(2) == 0 {
        let (revision, at) = (body.revision, body.modified_at);
        let content = &mut body.content;
        content.epoch += 1;
        content.digest.digest = draw.array();
        (content.changed_by, content.changed_at, content.changed_in) = (author.user_id(), at, revision);
        for row in rows.iter_mut().filter(|row| row.wrapped.is_some()) {
            row.wrapped = Some(wrapped(&body, draw));
            row.salt = draw.array();
        }
    } else if let Some(row) = rows.iter_mut().find(|row| row.user != author.user_id()) {
        row.expiration = Some(body.modified_at.plus_millis(1 + (1 << 40) + draw.below(1 << 30)));
        row.modified = Some((author.user_id(), body.modified_at));
        row.salt = draw.array();
    }
    signed(body, rows, author)
}

fn history(draw: &mut Draw, alone: bool) -> Result<History, Error> {
    let at = moment(draw);
    let readers = if alone { 0 } else { 1 + draw.below(3) };
    let mut people = Vec::new();
    for _ in 0..=readers {
        people.push(KeyRing::generate(draw, at)?);
    }
    let body = first(&people[0], at, draw);
    let rows = people.iter().enumerate().map(|(place, ring)| {
        let permissions = if place < 2 { Permissions::CREATOR } else { Permissions::RECIPIENT };
        granted(&body, ring, permissions, draw)
    });
    let rows = rows.collect();
    let mut views = vec![signed(body, rows, &people[0])?];
    for _ in 0..draw.below(3) {
        let writers = people.len().min(2) as u64;
        let author = &people[usize::try_from(draw.below(writers)).unwrap_or_default()];
        let last = views.last().ok_or(CryptoError::Decrypt)?;
        views.push(next(last, author, draw)?);
    }
    Ok(History { people, views })
}

impl History {
    fn inputs(&self, case: Case) -> Case {
        let body = self.views[self.views.len() - 1].body();
        let cards = self.people.iter().map(|ring| joined(ring.chain().cards()));
        case.with("container", body.container.as_bytes())
            .with_text("now", body.modified_at.as_millis())
            .with("cards", joined(cards))
    }
}

pub(super) fn revisions(draw: &mut Draw) -> Result<Case, Error> {
    let history = history(draw, false)?;
    let data = joined(history.views.iter().map(ManifestView::encode));
    let body = history.views[history.views.len() - 1].body();
    let released = [body.revision.to_be_bytes().as_slice(), &body.hash()].concat();
    Ok(releasing(history.inputs(Case::new("revisions", "made by ours", data)), &released))
}

pub(super) fn tombstone(draw: &mut Draw) -> Result<Case, Error> {
    let history = history(draw, true)?;
    let last = &history.views[history.views.len() - 1];
    let at = last.body().modified_at.plus_millis(draw.below(1000));
    let data = Tombstone::sign(last, at, &history.people[0]).encode();
    let case = history.inputs(Case::new("tombstone", "made by ours", data.clone()));
    Ok(releasing(case.with("views", joined(history.views.iter().map(ManifestView::encode))), &data))
}

pub(super) fn bundle(draw: &mut Draw) -> Result<Case, Error> {
    let history = history(draw, false)?;
    let mut bundle = Bundle::new().with(BundleTag::Fields, b"{}".as_slice());
    let mut released = b"{}".to_vec();
    for view in &history.views {
        bundle = bundle.with(BundleTag::ManifestView, view.encode());
        released.extend(view.encode());
    }
    for ring in &history.people {
        let card = [ring.user_id().as_bytes().as_slice(), &ring.chain().cards()[0]].concat();
        released.extend_from_slice(&card);
        bundle = bundle.with(BundleTag::Card, card);
    }
    Ok(releasing(Case::new("bundle", "made by ours", bundle.encode()), &released))
}
