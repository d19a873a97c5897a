//! The second half of the story: devices that keep things, a broker that is gone, and what follows when
//! it is back.

use super::people::Person;
use super::{FILE_SIZE, IN_THE_HEADER, Story, TYPE, file_failure, search};
use crate::failure::Failure;
use absio_blocking::{Client, MemorySink, MemorySource};
use absio_proto::Error;
use absio_proto::model::{AccessChange, AccessList, ContainerId, Grant, Portion};
use absio_proto::ops::container::{ContentInput, Create, Update};
use absio_proto::provider::{Follow, Standard, Sync, What};
use serde_json::json;
use std::path::PathBuf;

/// Readable for Alice and Bob, and in no root.
pub(super) const IN_THE_NOTE: &str = "meet me where the river bends";

/// What Bob has on his tablet.
struct Kept {
    note: ContainerId,
    letter: ContainerId,
    bytes: Vec<u8>,
}

impl Story<'_> {
    /// Tells it.
    ///
    /// # Errors
    /// What no check expects.
    pub(super) fn offline(&mut self) -> Result<(), Failure> {
        let kept = self.keeping()?;
        let tablet = self.without_broker(&kept)?;
        self.nothing_to_read(&kept)?;
        self.broker.start_again()?;
        let tablet = self.another_root(tablet)?;
        self.following(&tablet, &kept)
    }

    fn root(&self, device: &str) -> PathBuf {
        self.directory.join(device)
    }

    /// A device of `person` that keeps things, signed in with the passphrase.
    fn device_of(&self, person: &Person, device: &str) -> Result<Client, Failure> {
        let client = self.meeting.device_with_root(device, &self.root(device))?;
        client.login(person.id, person.with_passphrase())?;
        Ok(client)
    }

    fn keeping(&mut self) -> Result<Kept, Failure> {
        self.telling.part("Alice and Bob use devices that keep what they read, sealed")?;
        let (alice, bob) = (self.device_of(&self.alice, "alice")?, self.device_of(&self.bob, "tablet")?);
        let access = || AccessList::of([Grant::full(self.alice.id), Grant::recipient(self.bob.id)]);
        let created = |id: Option<ContainerId>| id.ok_or_else(|| Failure::new("demo", "it has no id"));
        let note = Create::new(IN_THE_NOTE.as_bytes().to_vec())
            .header(json!({"place": IN_THE_HEADER}))
            .container_type(TYPE)
            .access(access());
        let note = created(alice.container().create(note)?.container.id)?;
        let bytes: Vec<u8> = IN_THE_NOTE.bytes().cycle().take(FILE_SIZE).collect();
        let letter = Create::new(ContentInput::Streamed { length: FILE_SIZE as u64 }).access(access());
        let letter = alice.container().create_from(letter, &mut MemorySource::new(&bytes))?.container.id;
        let kept = Kept { note, letter: created(letter)?, bytes };
        let got = alice.container().fetch(note, Portion::All)?;
        self.telling.check("Alice's note is at the broker and with her", got.from_cache)?;
        let first = read(&bob, &kept)?;
        let again = read(&bob, &kept)?;
        self.telling.check(
            "Bob reads note and letter from the broker, then from his tablet",
            (first, again) == (false, true),
        )?;
        self.alice.client = alice;
        Ok(kept)
    }

    fn without_broker(&mut self, kept: &Kept) -> Result<Client, Failure> {
        self.telling.part("The broker is gone. Bob's tablet is switched off and on")?;
        self.broker.kill();
        let bob = self.meeting.device_with_root("tablet", &self.root("tablet"))?;
        let outcome = bob.login(self.bob.id, self.bob.with_new_password());
        self.telling.refused("a wrong password opens nothing", &["wrong_password"], outcome)?;
        let signed_in = bob.sign_in(self.bob.id, self.bob.with_password())?;
        self.telling.check("his password alone signs him in, offline", signed_in.is_offline)?;
        self.telling.check("he reads the note, and every byte of the letter", read(&bob, kept)?)?;
        let refused = bob.container().create(Create::new(b"never".to_vec()));
        self.telling.refused("he cannot create anything now", &["transport"], refused)?;
        let listed = bob.under(Standard::Ofs).container().list()?;
        self.telling
            .check("and nothing half done is left: he still has two containers", listed.len() == 2)?;
        Ok(bob)
    }

    fn nothing_to_read(&mut self, kept: &Kept) -> Result<(), Failure> {
        self.telling.part("Whoever finds the tablet finds nothing to read")?;
        let mut words: Vec<Vec<u8>> = self.meeting.secrets().into_iter().map(|word| word.into()).collect();
        words.extend([TYPE.into(), "Alice".into(), "tablet".into()]);
        for id in [kept.note, kept.letter] {
            words.extend([id.to_string().into_bytes(), id.as_bytes().to_vec()]);
        }
        for id in [self.alice.id, self.bob.id] {
            words.extend([id.to_string().into_bytes(), id.as_bytes().to_vec()]);
        }
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        for device in ["alice", "tablet"] {
            let root = self.root(device);
            let (found, size) = search::on_disk(&root, &words).map_err(file_failure(&root))?;
            self.telling.check(
                &format!(
                    "no content, header, type, name or id in the {size} bytes and the file names of {device}"
                ),
                found.is_empty() && size > FILE_SIZE as u64,
            )?;
        }
        Ok(())
    }

    fn another_root(&mut self, tablet: Client) -> Result<Client, Failure> {
        self.telling.part("The broker is back. Bob changes his credentials on a phone")?;
        let phone = self.device_of(&self.bob, "phone")?;
        let before = tablet.key_file().needs_sync(None)?;
        phone.user().change_credentials(self.bob.new_credentials())?;
        let after = tablet.key_file().needs_sync(None)?;
        self.telling
            .check("the tablet notices that its key file is an old one", (before, after) == (false, true))?;
        tablet.key_file().sync(Some(self.bob.id), self.bob.with_new_passphrase())?;
        self.telling.check("and takes the new one", !tablet.key_file().needs_sync(None)?)?;
        let here = tablet.under(Standard::Ofs);
        here.logout()?;
        let outcome = here.login(self.bob.id, self.bob.with_password());
        self.telling.refused("the old password opens nothing there", &["wrong_password"], outcome)?;
        tablet.login(self.bob.id, self.bob.with_new_password())?;
        self.telling.check("the new one does", tablet.is_authenticated())?;
        Ok(tablet)
    }

    fn following(&mut self, tablet: &Client, kept: &Kept) -> Result<(), Failure> {
        self.telling.part("Alice goes on; the tablet follows")?;
        tablet.sync(Sync::new())?;
        self.alice.client.container().update(Update::new(kept.note).content(b"later".to_vec()))?;
        let became = |id: ContainerId| -> Result<Option<What>, Error> {
            let followed = tablet.follow(Follow::new())?;
            Ok(followed
                .applied
                .into_iter()
                .rfind(|applied| applied.container == id)
                .map(|applied| applied.what))
        };
        let what = became(kept.note)?;
        let got = tablet.container().fetch(kept.note, Portion::All)?;
        self.telling.check(
            "her change is on the tablet before Bob asks for it",
            what == Some(What::Refreshed)
                && got.from_cache
                && got.container.content.as_deref() == Some(&b"later"[..]),
        )?;
        self.alice.client.container().update(Update::new(kept.note).access(AccessChange::OnlyMe))?;
        let what = became(kept.note)?;
        self.telling.check(
            "she takes it back: the tablet is told",
            matches!(what, Some(What::Reported | What::Erased)),
        )?;
        let outcome = tablet.container().get(kept.note, Portion::All);
        self.telling.refused("and no longer shows it", &["container_not_found"], outcome)?;
        let nothing = tablet.follow(Follow::new())?;
        self.telling.check("each event is followed once", nothing.applied.is_empty())
    }
}

/// Reads note and letter; whether both came from the local store. What is read must be right.
fn read(client: &Client, kept: &Kept) -> Result<bool, Failure> {
    let note = client.container().fetch(kept.note, Portion::All)?;
    let mut sink = MemorySink::new();
    let (letter, _) = client.container().fetch_into(kept.letter, Portion::Content, &mut sink)?;
    let right = note.container.content.as_deref() == Some(IN_THE_NOTE.as_bytes())
        && note.container.header == Some(json!({"place": IN_THE_HEADER}))
        && sink.into_bytes() == kept.bytes;
    if right {
        Ok(note.from_cache && letter.from_cache)
    } else {
        Err(Failure::new("checks_failed", "what was read is not what was written"))
    }
}
