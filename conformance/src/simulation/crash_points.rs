//! Every crash point of a workflow: somebody dies at each store effect in turn, in every way, and then once
//! more while recovering.
//!
//! ```text
//!  workflow:  effect 0   effect 1   effect 2 …
//!                │ before, after, torn (at 512 bytes); of what was not flushed nothing, half or all is left
//!                ▼
//!  restart ─▶ sign in, dying at each of its store effects ─▶ restart ─▶ quiet: everything is as it was said
//! ```
//!
//! The world of each state is made anew from the same seed, so that nothing of one hangs over to the next.
//! What must hold is what holds in any quiet world ([`quiet`](super::quiet)): it opens; what was acknowledged
//! is there, what was not is old or new; the store adds up; nothing is made twice; nothing is readable.

use super::Settings;
use super::call::{Call, Place};
use super::fault::{Death, FaultSet, How, Victim};
use super::invariants::{Held, Violation};
use super::model::{Edit, Sets};
use super::world::World;
use absio_proto::model::{ContainerId, Portion};

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dying {
    /// The device that runs the workflow.
    Device,
    /// The broker.
    Broker,
}

/// What was gone through of one workflow.
#[derive(Clone, Debug)]
pub struct CrashPoints {
    /// Its name.
    pub workflow: &'static str,
    /// Who dies.
    pub dying: Dying,
    /// Store effects: as many boundaries.
    pub effects: u64,
    /// States that were recovered from.
    pub states: u64,
    /// Of these, with a second death during the recovery.
    pub in_recovery: u64,
    /// What did not hold, and in which state.
    pub failure: Option<(String, Violation)>,
}

/// What a workflow starts from: on device 0, all signed in.
struct Scene {
    world: World,
    /// At the broker and kept here, and shared.
    shared: ContainerId,
    /// At the broker only.
    elsewhere: ContainerId,
}

type Workflow = fn(&mut Scene) -> Call;

const WORKFLOWS: [(&str, Workflow); 14] = [
    ("create", |scene| scene.create(Place::Both)),
    ("create through the outbox", |scene| scene.create(Place::Outbox)),
    ("create here", |scene| scene.create(Place::Ofs)),
    ("update content", |scene| scene.update(|sets| sets.content = true)),
    ("update header", |scene| scene.update(|sets| sets.header = true)),
    ("update access", |scene| scene.update(|sets| sets.access.push(Edit::Remove { user: 1 }))),
    ("delete", |scene| {
        let sets = Sets { access: vec![Edit::Remove { user: 0 }], ..Sets::default() };
        let write = scene.world.model.begin(0, 0, Some(scene.shared), sets, true);
        Call::Delete { place: Place::Both, container: scene.shared, write }
    }),
    ("key file write", |_| Call::ChangeCredentials { reminder: 1 }),
    ("login", |_| Call::SignIn { user: 0, place: Place::Both, refreshed: true }),
    ("rotation", |_| Call::RotateKeys),
    ("event sync", |_| Call::Follow),
    ("cache fill", |scene| {
        let container = scene.elsewhere;
        Call::Get { place: Place::Both, container, portion: Portion::All, is_fresh: false }
    }),
    ("sweep", |_| Call::Sweep),
    ("open", |_| Call::SignIn { user: 0, place: Place::Ofs, refreshed: false }),
];

impl Scene {
    fn new() -> Result<Self, Violation> {
        let settings =
            Settings { users: Some(2), faults: FaultSet::none(), kept_events: 60, ..Settings::new(11, 0) };
        let mut world = World::new(&settings)?;
        let other = world.devices.iter().position(|device| device.users[0] == 1).unwrap_or(0);
        for (device, user) in [(0, 0), (other, 1)] {
            let id = world.begin(device, Call::SignIn { user, place: Place::Both, refreshed: false });
            world.run(id)?;
        }
        let nobody = ContainerId::from_bytes([0; 16]);
        let mut scene = Self { world, shared: nobody, elsewhere: nobody };
        let grant = Edit::Grant { user: 1, is_full: true, until: None };
        scene.shared = scene.created(Place::Both, vec![grant])?;
        scene.elsewhere = scene.created(Place::Server, Vec::new())?;
        // Something to be followed.
        let sets = Sets { created_by_write: scene.created_by(scene.shared), kind: true, ..Sets::default() };
        let write = scene.world.model.begin(1, other, Some(scene.shared), sets.clone(), false);
        let id = scene
            .world
            .begin(other, Call::Update { place: Place::Both, container: scene.shared, write, sets });
        scene.world.run(id)?;
        Ok(scene)
    }

    fn created_by(&self, id: ContainerId) -> u64 {
        self.world.model.containers.get(&id).map_or(0, |known| known.created_by_write)
    }

    fn created(&mut self, place: Place, access: Vec<Edit>) -> Result<ContainerId, Violation> {
        let sets = Sets { content: true, header: true, length: 20_000, access, ..Sets::default() };
        let write = self.world.model.begin(0, 0, None, sets.clone(), false);
        let id = self.world.begin(0, Call::Create { place, write, sets });
        self.world.run(id)?;
        let made = self.world.model.writes.get(&write).and_then(|written| written.container);
        made.ok_or(Violation { invariant: "the_world_comes_to_rest", what: "the scene was not made".into() })
    }

    fn create(&mut self, place: Place) -> Call {
        let sets = Sets { content: true, header: true, length: 20_000, ..Sets::default() };
        let write = self.world.model.begin(0, 0, None, sets.clone(), false);
        Call::Create { place, write, sets }
    }

    fn update(&mut self, set: impl FnOnce(&mut Sets)) -> Call {
        let mut sets =
            Sets { length: 9_000, created_by_write: self.created_by(self.shared), ..Sets::default() };
        set(&mut sets);
        let write = self.world.model.begin(0, 0, Some(self.shared), sets.clone(), false);
        Call::Update { place: Place::Both, container: self.shared, write, sets }
    }

    /// Runs the workflow under `death`: how many store effects the victim asked for, and whether it succeeded.
    fn run(&mut self, workflow: Workflow, death: Death) -> Result<(u64, bool), Violation> {
        let call = workflow(self);
        self.world.faults.set_death(Some(death));
        let id = self.world.begin(0, call);
        self.world.kept_result = Some(id);
        self.world.run(id)?;
        self.world.kept_result = None;
        let is_done = self.world.result.take().is_some_and(|finished| finished.result.is_ok());
        Ok((self.world.faults.store_effects(), is_done))
    }

    /// Signs in to what is here under `death`, as after a restart; how many store effects that took.
    fn recover(&mut self, death: Death) -> Result<u64, Violation> {
        let sign_in: Workflow = |_| Call::SignIn { user: 0, place: Place::Both, refreshed: false };
        self.run(sign_in, death).map(|(effects, _)| effects)
    }

    fn judge(mut self) -> Held {
        self.world.faults.set_death(None);
        self.world.quiet()
    }
}

/// Goes through the crash points of every workflow, or of the one of that name. With `is_short`, the second death comes at one effect of
/// the recovery for each state instead of at every one, and of what was not flushed nothing is left.
pub fn crash_points(
    dying: Dying,
    only: Option<&str>,
    is_short: bool,
    mut hear: impl FnMut(&CrashPoints),
) -> Vec<CrashPoints> {
    let wanted = WORKFLOWS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
    let gone_through = wanted.map(|(name, workflow)| {
        let mut points =
            CrashPoints { workflow: name, dying, effects: 0, states: 0, in_recovery: 0, failure: None };
        go_through(&mut points, *workflow, is_short);
        hear(&points);
        points
    });
    gone_through.collect()
}

fn go_through(points: &mut CrashPoints, workflow: Workflow, is_short: bool) {
    let victim = match points.dying {
        Dying::Device => Victim::Device(0),
        Dying::Broker => Victim::Broker,
    };
    let never = Death { victim, at: u64::MAX, how: How::Before, unsynced: 0 };
    let whole = Scene::new().and_then(|mut scene| {
        let (effects, is_done) = scene.run(workflow, never)?;
        if !is_done {
            return Err(Violation {
                invariant: "the_world_comes_to_rest",
                what: "it does not succeed".into(),
            });
        }
        scene.judge().map(|()| effects)
    });
    match whole {
        Ok(effects) => points.effects = effects,
        Err(violation) => points.failure = Some(("without a death".into(), violation)),
    }
    for at in 0..points.effects {
        for how in [How::Before, How::After, How::Torn] {
            for unsynced in 0..if is_short { 1 } else { 3 } {
                let death = Death { victim, at, how, unsynced };
                if let Err(violation) = die(points, workflow, death, is_short) {
                    points.failure.get_or_insert((format!("{death:?}"), violation));
                    return;
                }
            }
        }
    }
}

fn die(points: &mut CrashPoints, workflow: Workflow, death: Death, is_short: bool) -> Held {
    let mut scene = Scene::new()?;
    scene.run(workflow, death)?;
    let recovery = scene.recover(Death { at: u64::MAX, ..death })?;
    scene.judge()?;
    points.states += 1;
    let again = if is_short {
        death.at.checked_rem(recovery).into_iter().collect()
    } else {
        (0..recovery).collect::<Vec<_>>()
    };
    for step in again {
        let mut scene = Scene::new()?;
        scene.run(workflow, death)?;
        scene.recover(Death { at: step, ..death })?;
        scene.judge()?;
        points.states += 1;
        points.in_recovery += 1;
    }
    Ok(())
}
