//! A device that dies at any operation of its store, also while it recovers: what was acknowledged
//! stands, what was not is old or new, and nothing is left over.

use super::{Both, Laptop, Ofs, Standard, account, laptops};
use crate::people::{Device, PASSPHRASE, PASSWORD};
use crate::stores::{Death, Disk, Trouble, blobs_in};
use absio_broker::Fixture;
use absio_proto::effect::StoreErrorKind;
use absio_proto::model::{AccessChange, ContainerId, Credentials, Grant, UserId};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::ofs::{Check, Repair, Sweep};
use absio_proto::ops::user::{self, LoginWith};
use absio_proto::provider::Provider;
use absio_proto::{Error, LocalError};

/// What a laptop holds before a workflow begins.
struct Scene {
    broker: Fixture,
    user: UserId,
    peer: UserId,
    disk: Disk,
    served: ContainerId,
    local: ContainerId,
}

fn long(word: &str, length: usize) -> String {
    word.repeat(length / word.len() + 1)
}

fn scene() -> Scene {
    let [(alice, user), (_, peer)] = laptops();
    alice.run(Both.public_keys(vec![peer])).unwrap();
    let served = alice.created(Both, Create::new(long("served ", 20_000).into_bytes()));
    let local = alice.created(Ofs, Create::new(long("local ", 20_000).into_bytes()));
    Scene { broker: alice.broker.clone(), user, peer, disk: alice.disk(), served, local }
}

impl Scene {
    /// Switched on; signed in to the local store, and to the broker if it is there.
    fn begin(&self, place: Standard) -> Laptop {
        let laptop = Laptop::on(&self.broker, self.disk.store());
        laptop.set_offline(place == Ofs);
        laptop.sign_in(place, self.user);
        laptop
    }
}

/// What a workflow did to a container: what it said before, and what it says after. None: it is not
/// here.
type Effect = (ContainerId, Option<String>, Option<String>);

/// The result, and the effects it has or may have had.
type Done = (Result<(), Error>, Vec<Effect>);

/// A workflow, run on a laptop that is signed in.
struct Workflow {
    place: Standard,
    run: fn(&Scene, &Laptop) -> Done,
}

fn served(scene: &Scene, new: Option<&str>) -> Effect {
    (scene.served, Some(long("served ", 20_000)), new.map(str::to_owned))
}

fn local(scene: &Scene, new: Option<&str>) -> Effect {
    (scene.local, Some(long("local ", 20_000)), new.map(str::to_owned))
}

fn create(laptop: &Laptop, place: Standard, text: &str) -> Done {
    let result = laptop.run(place.create_container(Create::new(text.as_bytes().to_vec())));
    match result {
        Ok(changed) if changed.warnings.is_empty() => {
            let id = changed.container.id.unwrap();
            (Ok(()), vec![(id, None, Some(text.to_owned()))])
        }
        // The broker has it, this device does not.
        Ok(_) => (Err(LocalError::Degraded { reason: "not kept".into() }.into()), Vec::new()),
        Err(error) => (Err(error), Vec::new()),
    }
}

fn update(laptop: &Laptop, place: Standard, update: Update) -> Result<(), Error> {
    let changed = laptop.run(place.update_container(update))?;
    match changed.warnings.is_empty() {
        true => Ok(()),
        false => Err(LocalError::Degraded { reason: "not kept".into() }.into()),
    }
}

const WORKFLOWS: [(&str, Workflow); 13] = [
    ("create here", Workflow { place: Ofs, run: |_, laptop| create(laptop, Ofs, &long("new ", 20_000)) }),
    ("create", Workflow { place: Both, run: |_, laptop| create(laptop, Both, &long("new ", 20_000)) }),
    (
        "update content here",
        Workflow {
            place: Ofs,
            run: |scene, laptop| {
                let result = update(laptop, Ofs, Update::new(scene.local).content(b"new".to_vec()));
                (result, vec![local(scene, Some("new"))])
            },
        },
    ),
    (
        "update content",
        Workflow {
            place: Both,
            run: |scene, laptop| {
                let result = update(laptop, Both, Update::new(scene.served).content(b"new".to_vec()));
                (result, vec![served(scene, Some("new"))])
            },
        },
    ),
    (
        "update header here",
        Workflow {
            place: Ofs,
            run: |scene, laptop| {
                let result = update(laptop, Ofs, Update::new(scene.local).header("new".into()));
                (result, vec![local(scene, Some(&long("local ", 20_000)))])
            },
        },
    ),
    (
        "update header",
        Workflow {
            place: Both,
            run: |scene, laptop| {
                let result = update(laptop, Both, Update::new(scene.served).header("new".into()));
                (result, vec![served(scene, Some(&long("served ", 20_000)))])
            },
        },
    ),
    (
        "update access here",
        Workflow {
            place: Ofs,
            run: |scene, laptop| {
                let share = AccessChange::Set(vec![Grant::recipient(scene.peer)]);
                let result = update(laptop, Ofs, Update::new(scene.local).access(share));
                (result, vec![local(scene, Some(&long("local ", 20_000)))])
            },
        },
    ),
    (
        "delete here",
        Workflow {
            place: Ofs,
            run: |scene, laptop| (laptop.run(Ofs.delete_container(scene.local)), vec![local(scene, None)]),
        },
    ),
    (
        "delete",
        Workflow {
            place: Both,
            run: |scene, laptop| (laptop.run(Both.delete_container(scene.served)), vec![served(scene, None)]),
        },
    ),
    (
        "sign in",
        Workflow {
            place: Ofs,
            run: |scene, laptop| (laptop.try_sign_in(Ofs, scene.user).map(drop), Vec::new()),
        },
    ),
    ("repair", Workflow { place: Ofs, run: |_, laptop| (laptop.run(Repair::new()).map(drop), Vec::new()) }),
    ("sweep", Workflow { place: Ofs, run: |_, laptop| (laptop.run(Sweep::new()).map(drop), Vec::new()) }),
    (
        "learn keys",
        Workflow {
            place: Both,
            run: |scene, laptop| {
                let stranger = account(&scene.broker);
                (laptop.run(Both.public_keys(vec![stranger])).map(drop), Vec::new())
            },
        },
    ),
];

/// Whatever happened, now the device is on again.
#[track_caller]
fn recover(scene: &Scene, disk: &Disk, what: &str) -> Laptop {
    let laptop = Laptop::on(&scene.broker, disk.store());
    laptop.set_offline(true);
    let with = LoginWith::nothing().password(PASSWORD);
    laptop.run(Ofs.login(scene.user, with)).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    laptop
}

fn says(laptop: &Laptop, id: ContainerId, what: &str) -> Option<String> {
    match laptop.fetch(Ofs, id) {
        Ok(got) => Some(String::from_utf8(got.container.content.unwrap()).unwrap()),
        Err(Error::Local(LocalError::ContainerNotFound { .. })) => None,
        Err(error) => panic!("{what}: {error:?}"),
    }
}

/// Old or new, and new if it was acknowledged; in order, and nothing left over.
#[track_caller]
fn verify(scene: &Scene, laptop: &Laptop, effects: &[Effect], is_acknowledged: bool, what: &str) {
    let checked = laptop.run(Check::new()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(checked.incomplete_since, None, "{what}: nothing is lost");
    assert_eq!(laptop.run(Sweep::new()).unwrap(), 0, "{what}: nothing is left over");
    let unchanged = [served(scene, None), local(scene, None)];
    let unchanged = unchanged.into_iter().filter(|(id, ..)| effects.iter().all(|(other, ..)| other != id));
    for (id, old, _) in unchanged {
        assert!(says(laptop, id, what) == old, "{what}: another container");
    }
    for (id, old, new) in effects {
        let found = says(laptop, *id, what);
        assert!(found == *new || found == *old && !is_acknowledged, "{what}: neither old nor new");
    }
}

/// Dies at every operation of `workflow`, and then at every operation of the recovery.
fn dies_everywhere(name: &str, workflow: &Workflow) -> u64 {
    let mut scene = scene();
    let laptop = scene.begin(workflow.place);
    laptop.store.set(Trouble::None);
    let (result, effects) = (workflow.run)(&scene, &laptop);
    result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let count = laptop.store.count();
    verify(&scene, &recover(&scene, &laptop.disk(), name), &effects, true, name);
    for at in 0..count {
        for death in Death::ALL {
            if workflow.place == Both {
                scene = self::scene();
            }
            let what = format!("{name}, dying at {at} of {count}, {death:?}");
            let laptop = scene.begin(workflow.place);
            laptop.store.set(Trouble::Die(at, death));
            let (result, effects) = (workflow.run)(&scene, &laptop);
            let disk = laptop.disk();
            let recovered = recover(&scene, &disk, &what);
            let steps = recovered.store.count();
            verify(&scene, &recovered, &effects, result.is_ok(), &what);
            // The recovery dies too.
            for step in 0..steps {
                let death = Death::ALL[usize::try_from(step + at).unwrap() % 3];
                let what = format!("{what}, and again at {step} of {steps}, {death:?}");
                let again = Laptop::on(&scene.broker, disk.store());
                again.set_offline(true);
                again.store.set(Trouble::Die(step, death));
                let _ = again.run(Ofs.login(scene.user, LoginWith::nothing().password(PASSWORD)));
                let recovered = recover(&scene, &again.disk(), &what);
                verify(&scene, &recovered, &effects, result.is_ok(), &what);
            }
        }
    }
    count
}

#[test]
fn ml_dying_at_every_operation_of_every_workflow() {
    for (name, workflow) in &WORKFLOWS {
        assert!(dies_everywhere(name, workflow) >= 2, "{name} does something");
    }
}

#[test]
fn ml_dying_while_a_large_content_is_kept() {
    let text = long("large ", 5 << 20);
    let (scene, bytes) = (scene(), text.clone().into_bytes());
    // At the broker, and not kept here.
    let large = scene.begin(Both).created(Standard::Server, Create::new(bytes.clone()));
    let action = |place: Standard, laptop: &Laptop| match place {
        Ofs => laptop.run(Ofs.create_container(Create::new(bytes.clone()))).ok()?.container.id,
        _ => laptop.fetch(Both, large).ok()?.warnings.is_empty().then_some(large),
    };
    for place in [Both, Ofs] {
        let laptop = scene.begin(place);
        laptop.store.set(Trouble::None);
        let id = action(place, &laptop).expect("it is kept");
        let count = laptop.store.count();
        assert!(says(&recover(&scene, &laptop.disk(), "whole"), id, "whole").as_ref() == Some(&text));
        for at in 0..count {
            for death in Death::ALL {
                let what = format!("{place}, dying at {at} of {count}, {death:?}");
                let laptop = scene.begin(place);
                laptop.store.set(Trouble::Die(at, death));
                let kept = action(place, &laptop);
                let recovered = recover(&scene, &laptop.disk(), &what);
                verify(&scene, &recovered, &[], true, &what);
                if let Some(id) = kept {
                    assert!(says(&recovered, id, &what).as_ref() == Some(&text), "{what}");
                }
            }
        }
    }
}

#[test]
fn ml_dying_while_the_first_sign_in_is_kept() {
    let scene = scene();
    let fresh = || Laptop::on(&scene.broker, Disk::default().store());
    let laptop = fresh();
    laptop.sign_in(Both, scene.user);
    let count = laptop.store.count();
    for at in 0..count {
        for death in Death::ALL {
            let what = format!("dying at {at} of {count}, {death:?}");
            let laptop = fresh();
            laptop.store.set(Trouble::Die(at, death));
            laptop.sign_in(Both, scene.user);
            // On again, it signs in as on a fresh device, and keeps what it should.
            let again = laptop.restarted();
            assert!(again.sign_in(Both, scene.user).warnings.is_empty(), "{what}");
            let id = again.keep(Ofs, "text");
            let recovered = recover(&scene, &again.disk(), &what);
            assert_eq!(says(&recovered, id, &what).as_deref(), Some("text"), "{what}");
            assert_eq!(recovered.run(Check::new()).unwrap().incomplete_since, None, "{what}");
        }
    }
}

#[test]
fn ml_dying_while_a_new_key_file_is_kept() {
    const NEW: &str = "Another horse 3";
    let scene = scene();
    let elsewhere = Device::new(&scene.broker);
    elsewhere.log_in(scene.user);
    let to = Credentials::new(NEW, PASSPHRASE);
    elsewhere.run(user::ChangeCredentials::new(to)).unwrap();
    let refreshed = || LoginWith::nothing().passphrase(PASSPHRASE).refreshed();
    let laptop = Laptop::on(&scene.broker, scene.disk.store());
    laptop.run(Both.login(scene.user, refreshed())).unwrap();
    let count = laptop.store.count();
    let opens = |disk: &Disk, password: &str| {
        let laptop = Laptop::on(&scene.broker, disk.store());
        laptop.set_offline(true);
        let result = laptop.run(Ofs.login(scene.user, LoginWith::nothing().password(password)));
        (result.is_ok(), laptop)
    };
    assert!(opens(&laptop.disk(), NEW).0 && !opens(&laptop.disk(), PASSWORD).0);
    let mut seen = [0; 2];
    for at in 0..count {
        for death in Death::ALL {
            let what = format!("dying at {at} of {count}, {death:?}");
            let laptop = Laptop::on(&scene.broker, scene.disk.store());
            laptop.store.set(Trouble::Die(at, death));
            let _ = laptop.run(Both.login(scene.user, refreshed()));
            let disk = laptop.disk();
            let ((old, before), (new, after)) = (opens(&disk, PASSWORD), opens(&disk, NEW));
            assert!(old != new, "{what}: the old file or the new one");
            seen[usize::from(new)] += 1;
            verify(&scene, if new { &after } else { &before }, &[], true, &what);
            // The second cell follows the first as soon as somebody looks.
            assert!(opens(&after.disk(), NEW).0 == new);
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

#[test]
fn ml_an_answer_lost_or_one_failure_at_every_operation() {
    let troubles: [fn(u64) -> Trouble; 3] = [
        |at| Trouble::Lose(at, StoreErrorKind::Io),
        |at| Trouble::Lose(at, StoreErrorKind::Unavailable),
        |at| Trouble::Fail(at, StoreErrorKind::Io),
    ];
    for (name, workflow) in &WORKFLOWS {
        for trouble in troubles {
            let mut at = 0;
            loop {
                let scene = scene();
                let laptop = scene.begin(workflow.place);
                let what = format!("{name}, {:?}", trouble(at));
                laptop.store.set(trouble(at));
                let (result, effects) = (workflow.run)(&scene, &laptop);
                let count = laptop.store.count();
                laptop.store.set(Trouble::None);
                if name == &"sign in" && result.is_err() {
                    laptop.sign_in(Ofs, scene.user);
                }
                // The session goes on, whatever it believes; and so does the next.
                let id = laptop.keep(Ofs, "afterwards");
                assert_eq!(says(&laptop, id, &what).as_deref(), Some("afterwards"), "{what}");
                let recovered = recover(&scene, &laptop.disk(), &what);
                verify(&scene, &recovered, &effects, result.is_ok(), &what);
                assert_eq!(says(&recovered, id, &what).as_deref(), Some("afterwards"), "{what}");
                if at >= count {
                    break;
                }
                at += 1;
            }
        }
    }
}

#[test]
fn ml_every_nth_operation_fails() {
    for every in 2..14 {
        for kind in [StoreErrorKind::Io, StoreErrorKind::Unavailable] {
            let scene = scene();
            let laptop = scene.begin(Both);
            laptop.store.set(Trouble::Every(every, kind));
            let mut kept: Vec<(ContainerId, String)> = Vec::new();
            for round in 0..12 {
                let text = format!("round {round}");
                for place in [Ofs, Both] {
                    if let (Ok(()), effects) = create(&laptop, place, &text) {
                        kept.extend(effects.into_iter().map(|(id, _, new)| (id, new.unwrap())));
                    }
                }
                if let Some((id, said)) = kept.get_mut(round)
                    && let content = format!("changed {round}")
                    && update(&laptop, Both, Update::new(*id).content(content.clone().into_bytes())).is_ok()
                {
                    *said = content;
                }
            }
            laptop.store.set(Trouble::None);
            let what = format!("every {every}th is {kind:?}");
            let recovered = recover(&scene, &laptop.disk(), &what);
            for laptop in [&laptop, &recovered] {
                for (id, said) in &kept {
                    let found = says(laptop, *id, &what).expect("it was acknowledged");
                    // A change that was not acknowledged may have been made.
                    assert!(found == *said || found.starts_with("changed"), "{what}: {found} for {said}");
                }
            }
            verify(&scene, &recovered, &[], true, &what);
        }
    }
}

#[test]
fn ml_the_disk_fills_up_at_every_write() {
    for (name, workflow) in &WORKFLOWS {
        let mut at = 0;
        loop {
            let scene = scene();
            let laptop = scene.begin(workflow.place);
            let what = format!("{name}, full from {at}");
            laptop.store.set(Trouble::FullFrom(at));
            let (result, effects) = (workflow.run)(&scene, &laptop);
            let count = laptop.store.count();
            laptop.store.set(Trouble::None);
            if let Err(error) = &result {
                assert!(matches!(error, Error::Store(_) | Error::Local(_)), "{what}: {error:?}");
            }
            let left = blobs_in(laptop.store.disk()).len();
            let recovered = recover(&scene, &laptop.disk(), &what);
            verify(&scene, &recovered, &effects, result.is_ok(), &what);
            assert_eq!(
                blobs_in(recovered.store.disk()).len(),
                left,
                "{what}: nothing was left over even before"
            );
            // There is room again, and the session goes on.
            let id = laptop.keep(Ofs, "afterwards");
            assert_eq!(says(&laptop, id, &what).as_deref(), Some("afterwards"));
            if at >= count {
                break;
            }
            at += 1;
        }
    }
}
