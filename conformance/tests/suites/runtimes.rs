//! The runtimes that ship.

use absio_conformance::runtime::{AnyStore, AnyTransport, Runtime, run, runtime_cases};
use absio_proto::effect::{Effect, Progress, Reply};
use absio_proto::{Cx, Error, Operation, Session, Step};

struct Threads;

impl Runtime for Threads {
    type Host = absio_blocking::BlockingHost<Session>;

    fn host(&self, session: Session, transport: AnyTransport, store: AnyStore) -> Self::Host {
        absio_blocking::BlockingHost::new(session, transport).with_store(store)
    }

    fn run<O: Operation<Session> + Send>(
        &self,
        host: &Self::Host,
        operation: O,
        watch: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<O::Output, Error> {
        host.run_watched(operation, &mut absio_blocking::NoContent, watch)
    }
}

mod blocking {
    use super::Threads;

    absio_conformance::runtime_suite!(Threads);
}

struct Tasks;

impl Runtime for Tasks {
    type Host = absio_async_std::AsyncHost<Session>;

    fn host(&self, session: Session, transport: AnyTransport, store: AnyStore) -> Self::Host {
        use absio_async_std::Unblocked;
        absio_async_std::AsyncHost::new(session, Unblocked::from(transport))
            .with_store(Unblocked::from(store))
    }

    fn run<O: Operation<Session> + Send>(
        &self,
        host: &Self::Host,
        operation: O,
        watch: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<O::Output, Error> {
        smol::block_on(host.run_watched(operation, &mut absio_async_std::NoContent, watch))
    }
}

mod async_std {
    use super::Tasks;

    absio_conformance::runtime_suite!(Tasks);
}

/// A runtime that does not sleep: told by one case, and by that alone.
struct Sleepless;

/// Takes the sleeps out of an operation's effects.
struct Awake<O>(O);

impl<O: Operation<Session>> Operation<Session> for Awake<O> {
    type Output = O::Output;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<O::Output, Error>> {
        let mut step = self.0.resume(cx, reply);
        while let Step::Effect(Effect::Sleep(call)) = step {
            step = self.0.resume(cx, Some(call.reply()));
        }
        step
    }
}

impl Runtime for Sleepless {
    type Host = absio_blocking::BlockingHost<Session>;

    fn host(&self, session: Session, transport: AnyTransport, store: AnyStore) -> Self::Host {
        Threads.host(session, transport, store)
    }

    fn run<O: Operation<Session> + Send>(
        &self,
        host: &Self::Host,
        operation: O,
        watch: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<O::Output, Error> {
        Threads.run(host, Awake(operation), watch)
    }
}

#[test]
fn a_runtime_that_does_not_sleep_is_found() {
    let report = run(&Sleepless);
    assert!(report.failed().contains(&"effects::a_sleep_is_as_long_as_asked"), "{}", report.text());
    assert!(report.passed().contains(&"effects::members_are_answered_in_their_order"), "{}", report.text());
    assert_eq!(report.entries().len(), runtime_cases().len());
}
