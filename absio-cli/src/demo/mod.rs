//! `absio demo`: the whole story on this machine. A broker on a durable store, three people, real
//! HTTP; every line is a check, and the exit code is 0 only if all held.

mod broker;
mod offline;
mod people;
mod search;
mod telling;

use crate::command::control;
use crate::failure::Failure;
use crate::output::Output;
use absio_blocking::{FileSink, FileSource};
use absio_proto::Error;
use absio_proto::model::{
    AccessChange, AccessList, ContainerId, Event, EventAction, EventFilter, EventType, Grant, Permissions,
    Portion, Timestamp, UserId,
};
use absio_proto::ops::container::{ContentInput, Create, Update};
use absio_proto::ops::user::LoginWith;
use broker::Broker;
use people::{Meeting, Person};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::SystemTime;
use telling::Telling;
use tempfile::TempDir;

/// Readable in Alice's file, and nowhere else.
const IN_THE_FILE: &str = "the map is hidden under the third oak";
const IN_THE_HEADER: &str = "the old orchard";
/// What the broker may read.
const TYPE: &str = "demo.letter";
const REMINDER: &str = "the river we swam in";
/// Bytes of Alice's file: enough to travel in parts.
const FILE_SIZE: usize = 6 << 20;

pub(crate) fn run(output: &Output) -> Result<(), Failure> {
    let directory = TempDir::new().map_err(|error| Failure::new("file", error.to_string()))?;
    let mut story = Story::begin(directory.path(), output)?;
    story.accounts()?;
    story.sharing()?;
    story.reading()?;
    story.limits()?;
    story.events()?;
    story.secrecy()?;
    story.crash()?;
    story.taking_back()?;
    story.offline()?;
    story.telling.end()
}

struct Story<'s> {
    telling: Telling<'s>,
    directory: &'s Path,
    broker: Broker,
    meeting: Meeting,
    alice: Person,
    bob: Person,
    mallory: Person,
    container: Option<ContainerId>,
}

fn file_failure(path: &Path) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |error| Failure::file(path, &error)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl<'s> Story<'s> {
    fn begin(directory: &'s Path, output: &'s Output) -> Result<Self, Failure> {
        let data = directory.join("broker");
        let mut telling = Telling::new(output);
        telling.part("A broker, with an empty store on disk")?;
        let broker = Broker::start(&data)?;
        let api_key = control::ask_for_key(&data, "demo")?
            .ok_or_else(|| Failure::new("broker", "the broker gave no API key"))?;
        let contents = [IN_THE_FILE, IN_THE_HEADER, offline::IN_THE_NOTE];
        let meeting = Meeting::new(broker.url(), api_key, &contents);
        let info = meeting.device("demo")?.info()?;
        telling.check(&format!("it answers at {} as {}", broker.url(), info.software), info.protocol == 1)?;

        telling.part("Alice, Bob and Mallory get accounts; their keys are made on their own devices")?;
        let alice = meeting.join("Alice", REMINDER)?;
        let bob = meeting.join("Bob", "")?;
        let mallory = meeting.join("Mallory", "")?;
        Ok(Self { telling, directory, broker, meeting, alice, bob, mallory, container: None })
    }

    fn container(&self) -> Result<ContainerId, Failure> {
        self.container.ok_or_else(|| Failure::new("demo", "there is no container yet"))
    }

    fn accounts(&mut self) -> Result<(), Failure> {
        for person in [&self.alice, &self.bob, &self.mallory] {
            let signed_in = person.client.signed_in().is_some_and(|user| user.id() == person.id);
            self.telling.check(&format!("{} is user {}", person.name, person.id), signed_in)?;
        }
        // Read aloud over the phone: the id already commits to the keys, people can check it too.
        let seen = self.alice.client.user().public_keys([self.bob.id])?;
        let own = self.bob.client.signed_in().map(|user| user.keys().chain().fingerprint());
        let fingerprint = seen.first().map(|chain| chain.fingerprint());
        self.telling.check(
            &format!("Alice sees Bob's fingerprint {}", fingerprint.as_deref().unwrap_or("-")),
            fingerprint.is_some() && fingerprint == own,
        )
    }

    fn sharing(&mut self) -> Result<(), Failure> {
        self.telling
            .part("Alice shares a file of 6 MiB with Bob: he may download, decrypt and see who has access")?;
        let path = self.directory.join("letter.txt");
        let line = format!("Dear Bob, {IN_THE_FILE}.\n");
        fs::write(&path, line.repeat(FILE_SIZE / line.len())).map_err(file_failure(&path))?;
        let mut source = FileSource::open(&path).map_err(file_failure(&path))?;
        let create = Create::new(ContentInput::Streamed { length: source.length() })
            .header(json!({"place": IN_THE_HEADER}))
            .container_type(TYPE)
            .access(AccessList::of([Grant::full(self.alice.id), Grant::recipient(self.bob.id)]));
        let changed = self.alice.client.container().create_from(create, &mut source)?;
        let metadata = changed.container.metadata.as_ref();
        self.container = metadata.map(|metadata| metadata.id);
        self.telling.check(
            &format!("container {} holds {} bytes, in parts", self.container()?, source.length()),
            metadata.and_then(|metadata| metadata.length) == Some(source.length()),
        )
    }

    fn reading(&mut self) -> Result<(), Failure> {
        self.telling.part("Bob reads it on another device, with nothing but his id and passphrase")?;
        let id = self.container()?;
        self.bob.client = self.meeting.device("bob's phone")?;
        self.bob.sign_in()?;
        self.telling
            .check("his key file was fetched and opened there", self.bob.client.is_authenticated())?;
        let path = self.directory.join("bob.txt");
        let mut sink = FileSink::create(&path).map_err(file_failure(&path))?;
        let (container, _) = self.bob.client.container().get_into(id, Portion::All, &mut sink)?;
        sink.commit().map_err(file_failure(&path))?;
        let same = fs::read(&path).map_err(file_failure(&path))?
            == fs::read(self.directory.join("letter.txt")).map_err(file_failure(&path))?;
        self.telling.check("the file is Alice's, byte for byte", same)?;
        let header = container.header == Some(json!({"place": IN_THE_HEADER}));
        self.telling.check(
            "so is the header, and her signature says who made it",
            header && container.created_by() == Some(self.alice.id),
        )?;
        self.telling
            .check("the type, which he may not see, is not shown to him", container.container_type.is_none())
    }

    fn limits(&mut self) -> Result<(), Failure> {
        self.telling.part("What may not be done is not done")?;
        let id = self.container()?;
        let update = || Update::new(id).content(b"forged".to_vec());
        let outcome = self.bob.client.container().update(update());
        self.telling.refused("Bob may not upload", &["missing_right", "permission_denied"], outcome)?;
        let grant = AccessChange::Set(vec![Grant::full(self.mallory.id)]);
        let outcome = self.bob.client.container().update(Update::new(id).access(grant));
        self.telling.refused(
            "Bob may not let Mallory in",
            &["missing_right", "permission_denied"],
            outcome,
        )?;
        let outcome = self.mallory.client.container().get(id, Portion::All);
        self.telling.refused("Mallory finds nothing under the id", &["container_not_found"], outcome)?;
        let thief = self.meeting.device("thief")?;
        let guess = || LoginWith::nothing().passphrase("not his Passphrase 1");
        let wrong = thief.key_file().get(self.bob.id, guess());
        self.telling.refused("a wrong passphrase fetches no key file", &["retrieval_refused"], wrong)?;
        let nobody = UserId::from_bytes([0x5a; 16]);
        let unknown = thief.key_file().get(nobody, guess());
        self.telling.refused(
            "an unknown id is answered in the same words",
            &["retrieval_refused"],
            unknown,
        )?;
        let revision = self.revision(id)?;
        self.telling.check("the container is as Alice made it", revision == 1)?;

        let ended = Grant::recipient(self.bob.id).until(now());
        self.alice.client.container().update(Update::new(id).access(AccessChange::Set(vec![ended])))?;
        let outcome = self.bob.client.container().get(id, Portion::All);
        self.telling.refused(
            "Alice lets Bob's access end: he cannot fetch it any more",
            &["access_expired"],
            outcome,
        )?;
        let again = Grant::recipient(self.bob.id)
            .with_permissions(Permissions::RECIPIENT_WITH_TYPE)
            .until(now().plus_millis(3_600_000));
        self.alice.client.container().update(Update::new(id).access(AccessChange::Set(vec![again])))?;
        let container = self.bob.client.container().get(id, Portion::Header)?;
        self.telling.check(
            "she gives him another hour, and lets him see the type",
            container.container_type.as_deref() == Some(TYPE) && container.header.is_some(),
        )
    }

    fn revision(&self, id: ContainerId) -> Result<u64, Error> {
        let container = self.alice.client.container().get(id, Portion::Metadata)?;
        Ok(container.metadata.map_or(0, |metadata| metadata.revision))
    }

    fn container_events(&self, person: &Person) -> Result<Vec<Event>, Error> {
        let filter = EventFilter {
            event_type: Some(EventType::Container),
            container_id: self.container,
            ..EventFilter::default()
        };
        person.client.events(filter)
    }

    fn events(&mut self) -> Result<(), Failure> {
        self.telling.part("The events tell the story")?;
        let alice = self.container_events(&self.alice)?;
        let has = |events: &[Event], action: EventAction, by: Option<UserId>| {
            events.iter().any(|event| event.action == action && event.related_user_id == by)
        };
        self.telling.check("Alice: added by herself", has(&alice, EventAction::Added, None))?;
        self.telling
            .check("Alice: accessed by Bob", has(&alice, EventAction::Accessed, Some(self.bob.id)))?;
        let named = alice.iter().any(|event| event.client_app_name.as_deref() == Some("bob's phone"));
        self.telling.check("with his phone, which says its name", named)?;
        let bob = self.container_events(&self.bob)?;
        let told = has(&bob, EventAction::Added, Some(self.alice.id))
            && has(&bob, EventAction::Updated, Some(self.alice.id));
        self.telling.check("Bob: added and updated by Alice", told)?;
        let increasing = [&alice, &bob].into_iter().all(|events| events.is_sorted_by(|a, b| a.id < b.id));
        self.telling.check("their ids strictly increase", increasing)?;
        let mallory = self.container_events(&self.mallory)?;
        self.telling.check("Mallory: nothing", mallory.is_empty())
    }

    fn secrecy(&mut self) -> Result<(), Failure> {
        self.telling.part("Neither the network nor the broker's disk can be read")?;
        let (sent, bytes) = self.meeting.sent();
        self.telling.check(
            &format!("no secret, header or content in the {bytes} bytes that the devices sent"),
            sent.is_empty() && bytes > FILE_SIZE as u64,
        )?;
        let disk = self.directory.join("broker");
        let secrets = self.meeting.secrets();
        let (found, size) = search::on_disk(&disk, &secrets).map_err(file_failure(&disk))?;
        self.telling.check(
            &format!("nor in the {size} bytes on the broker's disk"),
            found.is_empty() && size > FILE_SIZE as u64,
        )?;
        let (found, _) = search::on_disk(&disk, &[TYPE, REMINDER]).map_err(file_failure(&disk))?;
        let both = found.contains(&TYPE) && found.contains(&REMINDER);
        self.telling.check("where the same search finds what is public: the type and Alice's reminder", both)
    }

    fn crash(&mut self) -> Result<(), Failure> {
        self.telling.part("The broker is killed in mid-life and started again")?;
        let id = self.container()?;
        let before = (self.revision(id)?, self.container_events(&self.alice)?);
        self.broker.kill();
        self.broker.start_again()?;
        let after = (self.revision(id)?, self.container_events(&self.alice)?);
        self.telling.check("revisions and events are all there, and the sessions go on", before == after)?;
        self.bob.client = self.meeting.device("bob's laptop")?;
        self.bob.sign_in()?;
        let path = self.directory.join("again.txt");
        let mut sink = FileSink::create(&path).map_err(file_failure(&path))?;
        self.bob.client.container().get_into(id, Portion::Content, &mut sink)?;
        sink.commit().map_err(file_failure(&path))?;
        let read = fs::read(&path).map_err(file_failure(&path))?;
        let sent = fs::read(self.directory.join("letter.txt")).map_err(file_failure(&path))?;
        self.telling.check("Bob signs in anew and reads every byte", read == sent)
    }

    fn taking_back(&mut self) -> Result<(), Failure> {
        self.telling.part("Alice takes it back")?;
        let id = self.container()?;
        self.alice.client.container().update(Update::new(id).access(AccessChange::OnlyMe))?;
        let outcome = self.bob.client.container().get(id, Portion::All);
        self.telling.refused("Bob is no longer on the list", &["container_not_found"], outcome)?;
        self.alice.client.container().delete(id)?;
        let outcome = self.alice.client.container().get(id, Portion::All);
        self.telling.refused(
            "she deletes it: gone for her too",
            &["container_not_found", "deleted"],
            outcome,
        )?;
        let listed = self.alice.client.container().list()?;
        self.telling.check("her list is empty", listed.is_empty())
    }
}
