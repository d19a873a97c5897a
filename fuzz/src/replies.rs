//! Every server reply into its operation: genuine replies, one of them altered on the way.
//!
//! A broker is asked once what it answers to each operation. After that every input replays those
//! answers to the same operation with the same randomness, so that a run is the same every time.

use crate::world::{Fixed, NOW};
use absio_broker::Fixture;
use absio_proto::crypto::{Container, KdfPolicy};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{
    ContentOutcome, Effect, HttpRequest, HttpResponse, Reply, StoreError, StoreErrorKind, TransportError,
    TransportErrorKind,
};
use absio_proto::model::{AccessList, ContainerId, Credentials, EventFilter, Portion, UserId};
use absio_proto::ops::container::{Create, Delete, Get, List, Update};
use absio_proto::ops::user::{ChangeCredentials, Login, LoginWith, PublicKeys, Reminder};
use absio_proto::ops::{events, key_file};
use absio_proto::wire::{Bundle, BundleTag};
use absio_proto::{BoxOp, Config, Cx, Error, Guard, Map, Now, Operation, Session, Step, User};
use core::time::Duration;
use std::sync::LazyLock;

const PASSPHRASE: &str = "Passphrase of the fuzzer 1";
/// More steps than any operation takes here, whatever it is answered.
const STEPS: usize = 200;

/// What an operation gave out as verified: names and values.
pub(crate) type Facts = Vec<(&'static str, Vec<u8>)>;

/// Everything an operation here can be about.
pub(crate) struct Subjects {
    alice: User,
    bob: UserId,
    container: ContainerId,
}

pub(crate) type Make = fn(&Subjects) -> BoxOp<Facts>;

struct Script {
    make: Make,
    signed_in: bool,
    replies: Vec<HttpResponse>,
    facts: Facts,
}

struct Scripts {
    subjects: Subjects,
    login: Vec<HttpResponse>,
    scripts: Vec<Script>,
    requests: Vec<HttpRequest>,
}

fn facts_of(container: &Container) -> Facts {
    let mut facts: Facts = Vec::new();
    if let Some(metadata) = &container.metadata {
        facts.push(("id", metadata.id.as_bytes().to_vec()));
        facts.push(("created by", metadata.created_by.as_bytes().to_vec()));
        facts.push(("users", metadata.access.keys().flat_map(|user| *user.as_bytes()).collect()));
    }
    facts.extend(container.header.as_ref().map(|header| ("header", header.to_string().into_bytes())));
    facts.extend(container.content.as_ref().map(|content| ("content", content.clone())));
    facts.extend(container.container_type.as_ref().map(|text| ("type", text.clone().into_bytes())));
    facts
}

/// Boxes an operation, keeping of its output what must be genuine.
fn keeping<O: Operation + Send + 'static>(operation: O, facts: fn(O::Output) -> Facts) -> BoxOp<Facts> {
    Box::new(Map::new(operation, move |output| Ok(facts(output))))
}

fn get(subjects: &Subjects, portion: Portion) -> BoxOp<Facts> {
    keeping(Get::new(subjects.container, portion), |container| facts_of(&container))
}

/// The operations, each with whether somebody is signed in. Those that change something come last,
/// for the broker is asked in this order.
pub(crate) const OPERATIONS: &[(bool, Make)] = &[
    (true, |subjects| get(subjects, Portion::All)),
    (true, |subjects| get(subjects, Portion::Header)),
    (true, |subjects| get(subjects, Portion::Content)),
    (true, |subjects| get(subjects, Portion::Metadata)),
    (true, |subjects| {
        keeping(PublicKeys::new([subjects.bob]), |chains| {
            chains.iter().map(|chain| ("fingerprint", chain.fingerprint().into_bytes())).collect()
        })
    }),
    (true, |_| keeping(List::new(), |_| Vec::new())),
    (true, |_| keeping(events::Get::new(EventFilter::default()), |_| Vec::new())),
    (true, |_| keeping(events::Page::new(EventFilter::default(), 2, 0), |_| Vec::new())),
    (true, |_| keeping(key_file::Checksum::new(), |_| Vec::new())),
    (false, |subjects| keeping(Reminder::new(Some(subjects.alice.id())), |_| Vec::new())),
    (false, |subjects| {
        keeping(key_file::Get::new(subjects.alice.id(), PASSPHRASE, None), |(user, _)| {
            vec![("user", user.id().as_bytes().to_vec())]
        })
    }),
    (false, |subjects| {
        keeping(Login::new(subjects.alice.id(), LoginWith::nothing().passphrase(PASSPHRASE)), |user| {
            vec![("user", user.id().as_bytes().to_vec())]
        })
    }),
    (true, |subjects| {
        let access = AccessList::Users(vec![subjects.alice.id(), subjects.bob]);
        let create = Create::new(vec![5; 300]).container_type("t").header(true.into()).access(access);
        keeping(create, |made| facts_of(&made.container))
    }),
    (true, |subjects| {
        keeping(Update::new(subjects.container).content(vec![6; 300]).container_type("u"), |changed| {
            facts_of(&changed.container).into_iter().filter(|(name, _)| *name == "id").collect()
        })
    }),
    (true, |_| {
        keeping(ChangeCredentials::new(Credentials::new("Passw0rd anew", PASSPHRASE)), |user| {
            vec![("user", user.id().as_bytes().to_vec())]
        })
    }),
    (true, |subjects| keeping(Delete::new(subjects.container), |()| Vec::new())),
];

static SCRIPTS: LazyLock<Scripts> = LazyLock::new(record);

fn session() -> Session {
    let fixture_key = "00000000-0000-4000-8000-000000000001".parse().expect("the key is a UUID");
    new_session(fixture_key)
}

fn new_session(api_key: absio_proto::model::ApiKey) -> Session {
    let config = Config::new(api_key, "http://localhost:8600").expect("the URL is a loopback one");
    Session::new(config.kdf_policy(KdfPolicy::insecure_for_tests()))
}

/// Runs an operation to its end; `exchange` answers HTTP.
fn run<T>(
    session: &mut Session,
    entropy: &mut Fixed,
    operation: BoxOp<T>,
    exchange: &mut dyn FnMut(HttpRequest) -> Result<HttpResponse, TransportError>,
) -> Result<T, Error> {
    let mut operation = Guard::new(operation);
    let mut reply = None;
    let mut elapsed = Duration::from_secs(1_000_000);
    for _ in 0..STEPS {
        let now = Now { utc: NOW, monotonic: elapsed };
        match operation.resume(&mut Cx { now, entropy, session }, reply.take()) {
            Step::Done(result) => return result,
            Step::Effect(effect) => reply = Some(perform(effect, &mut elapsed, exchange)),
        }
    }
    panic!("the operation did not end within {STEPS} steps");
}

fn perform(
    effect: Effect,
    elapsed: &mut Duration,
    exchange: &mut dyn FnMut(HttpRequest) -> Result<HttpResponse, TransportError>,
) -> Reply {
    match effect {
        Effect::Http(call) => {
            let (request, reply) = call.take();
            reply(exchange(request))
        }
        Effect::Store(call) => {
            let (_, reply) = call.take();
            reply(Err(StoreError::new(StoreErrorKind::Unavailable, "there is no store here")))
        }
        Effect::Content(call) => {
            let (_, reply) = call.take();
            reply(Ok(ContentOutcome::Written))
        }
        Effect::Compute(job) => job.run(),
        Effect::Sleep(call) => {
            *elapsed += call.duration();
            call.reply()
        }
        Effect::Progress(call) => call.reply(),
        Effect::All(call) => {
            let (slot, members) = call.split();
            slot.join(members.into_iter().map(|member| perform(member, elapsed, exchange)).collect())
        }
    }
}

fn log_in(user: &User) -> BoxOp<User> {
    Box::new(Login::new(user.id(), LoginWith::nothing().user(user.clone())))
}

/// Asks a broker once.
fn record() -> Scripts {
    let broker = Fixture::seeded(1);
    broker.record();
    let mut ask = |request| broker.exchange(request);
    let mut entropy = Fixed(50);
    let mut guest = new_session(broker.api_key());
    let mut join = |entropy: &mut Fixed, passphrase: &str| {
        let credentials = Credentials::new("Passw0rd of the fuzzer", passphrase);
        let create = Box::new(absio_proto::ops::user::Create::new(credentials));
        run(&mut guest, entropy, create, &mut ask).expect("a user can be made")
    };
    let alice = join(&mut entropy, PASSPHRASE);
    let bob = join(&mut entropy, "Passphrase of the other 2");
    let mut home = new_session(broker.api_key());
    run(&mut home, &mut entropy, log_in(&alice), &mut ask).expect("the user can log in");
    let create = Create::new(vec![4; 9000])
        .header(serde_json::json!({"a": [1, 2.5, "x"]}))
        .container_type("letter")
        .access(AccessList::Users(vec![alice.id(), bob.id()]));
    let made = run(&mut home, &mut entropy, Box::new(create), &mut ask).expect("a container can be made");
    let container = made.container.id.expect("a new container has an id");
    let subjects = Subjects { alice, bob: bob.id(), container };

    let record = |operate: &mut dyn FnMut(&mut dyn FnMut(_) -> _)| {
        let mut replies = Vec::new();
        operate(&mut |request| {
            let response = broker.exchange(request);
            replies.extend(response.clone());
            response
        });
        replies
    };
    let login = record(&mut |exchange| {
        run(&mut session_at(&broker), &mut Fixed(100), log_in(&subjects.alice), exchange)
            .expect("the user can log in");
    });
    let scripts = OPERATIONS
        .iter()
        .map(|&(signed_in, make)| {
            let mut session = session_at(&broker);
            if signed_in {
                run(&mut session, &mut Fixed(100), log_in(&subjects.alice), &mut |request| {
                    broker.exchange(request)
                })
                .expect("the user can log in");
            }
            let mut facts = Vec::new();
            let replies = record(&mut |exchange| {
                facts = run(&mut session, &mut Fixed(200), make(&subjects), exchange)
                    .expect("the genuine replies are accepted");
            });
            Script { make, signed_in, replies, facts }
        })
        .collect();
    let requests = broker.recorded().into_iter().map(|exchange| exchange.request).collect();
    Scripts { subjects, login, scripts, requests }
}

fn session_at(broker: &Fixture) -> Session {
    new_session(broker.api_key())
}

/// Input: operation u8, which of its replies u8, how it is altered u8, with what. Operations end
/// within a bounded number of steps, and what they give out as verified is what the genuine replies give.
///
/// # Panics
/// If that does not hold.
pub fn altered(data: &[u8]) {
    let [operation, position, how, with @ ..] = data else { return };
    if let Ok((facts, genuine)) = replay(*operation, *position, |reply| alter(reply, *how, with)) {
        for fact in facts {
            // A list of users may be shown in part; everything else is as it was or not there.
            assert!(fact.0 == "users" || genuine.contains(&fact), "{} is not the genuine one", fact.0);
        }
    }
}

/// Runs an operation on its genuine replies, one of them altered: what it gave out, and what it gives
/// out genuinely.
pub(crate) fn replay(
    operation: u8,
    position: u8,
    alter: impl Fn(&HttpResponse) -> Result<HttpResponse, TransportError>,
) -> Result<(Facts, &'static Facts), Error> {
    let Scripts { subjects, login, scripts, .. } = &*SCRIPTS;
    let script = &scripts[usize::from(operation) % scripts.len()];
    let mut session = session();
    if script.signed_in {
        let mut replies = login.iter().cloned();
        run(&mut session, &mut Fixed(100), log_in(&subjects.alice), &mut |_| replies.next().ok_or_else(gone))
            .expect("the genuine replies are accepted");
    }
    let mut number = 0;
    let mut replies = script.replies.iter();
    let outcome = run(&mut session, &mut Fixed(200), (script.make)(subjects), &mut |_| {
        let genuine = replies.next().or(script.replies.last()).ok_or_else(gone)?;
        number += 1;
        if number - 1 == usize::from(position) % script.replies.len().max(1) {
            alter(genuine)
        } else {
            Ok(genuine.clone())
        }
    });
    outcome.map(|facts| (facts, &script.facts))
}

fn gone() -> TransportError {
    TransportError::new(TransportErrorKind::Unreachable, "nobody answers")
}

fn alter(genuine: &HttpResponse, how: u8, with: &[u8]) -> Result<HttpResponse, TransportError> {
    let mut response = genuine.clone();
    match how % 6 {
        0 => response.body = with.to_vec(),
        1 => {
            for change in with.chunks_exact(3) {
                let position = usize::from(u16::from_be_bytes([change[0], change[1]]));
                if let Some(byte) = response.body.get_mut(position) {
                    *byte ^= change[2];
                }
            }
        }
        2 => {
            let kept = with.iter().fold(0, |all, byte| all << 8 | usize::from(*byte));
            response.body.truncate(kept % (response.body.len() + 1));
        }
        3 => {
            if let [high, low, body @ ..] = with {
                response.status = 200 + u16::from_be_bytes([*high, *low]) % 400;
                response.body = body.to_vec();
            }
        }
        4 => return Err(gone()),
        _ => response.body = altered_bundle(&response.body, with).unwrap_or_default(),
    }
    Ok(response)
}

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

/// Takes one item out of a bundle, changes its bytes, doubles it, or puts others in its place.
fn altered_bundle(body: &[u8], with: &[u8]) -> Option<Vec<u8>> {
    let [tag, how, rest @ ..] = with else { return None };
    let tag = TAGS[usize::from(*tag) % TAGS.len()];
    let mut bundle = Bundle::decode(body).ok()?;
    let mut items = bundle.take_all(tag);
    match how % 5 {
        0 => drop(items.pop()),
        1 => items.extend(items.last().cloned()),
        2 => items.reverse(),
        3 => *items.last_mut()? = rest.to_vec(),
        _ => {
            for change in rest.chunks_exact(3) {
                let position = usize::from(u16::from_be_bytes([change[0], change[1]]));
                if let Some(byte) = items.last_mut()?.get_mut(position) {
                    *byte ^= change[2];
                }
            }
        }
    }
    Some(bundle.with_all(tag, items).encode())
}

/// Everything that was sent to the broker [`Fixture::seeded`]`(1)`, in that order.
pub fn requests() -> &'static [HttpRequest] {
    &SCRIPTS.requests
}

/// Every operation with each kind of change.
pub fn seeds() -> Vec<Vec<u8>> {
    let operations = 0..OPERATIONS.len() as u8;
    operations
        .flat_map(|operation| {
            let tags = (0..TAGS.len() as u8).map(move |tag| vec![operation, 0, 5, tag, 4, 0, 60, 1]);
            let plain = [
                vec![operation, 0, 0, b'{', b'}'],
                vec![operation, 0, 1, 0, 40, 1],
                vec![operation, 0, 2, 0, 50],
                vec![operation, 0, 3, 0, 200, b'{', b'}'],
                vec![operation, 0, 4],
                vec![operation, 0, 1, 255, 255, 0],
            ];
            tags.chain(plain)
        })
        .collect()
}
