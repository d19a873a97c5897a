//! The runtime suite: what whoever drives operations owes them (`absio_proto::operation`, `absio_proto::driver`).
//!
//! A runtime is anything that runs an operation to its end: a loop of threads, of tasks, of a platform's own. It says
//! so with a [`Runtime`], and [`runtime_suite!`](crate::runtime_suite) makes a `#[test]` of each case.

mod effects;
mod story;

use crate::report::{Outcome, Report};
use crate::script::said;
use absio_proto::driver::blocking::{Store, Transport};
use absio_proto::effect::Progress;
use absio_proto::{Error, Operation, Session};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A transport for a host, which may be used from many threads.
pub type AnyTransport = Arc<dyn Transport + Send + Sync>;
/// A store for a host, which may be used from many threads.
pub type AnyStore = Arc<dyn Store + Send + Sync>;

/// The runtime under test.
pub trait Runtime {
    /// A session with the means to run operations on it.
    type Host;

    /// A host that sends by `transport` and keeps in `store`.
    fn host(&self, session: Session, transport: AnyTransport, store: AnyStore) -> Self::Host;

    /// Runs `operation` to its end, telling `watch` how far it is.
    ///
    /// # Errors
    /// The operation's own.
    fn run<O: Operation<Session> + Send>(
        &self,
        host: &Self::Host,
        operation: O,
        watch: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<O::Output, Error>;
}

macro_rules! outcome_of {
    ($module:ident, $case:ident, $runtime:expr) => {
        match catch_unwind(AssertUnwindSafe(|| $module::$case($runtime))) {
            Ok(()) => Outcome::Passed,
            Err(panic) => Outcome::Failed(said(&*panic)),
        }
    };
}

/// The list of cases, once: to be run, and as names of tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __runtime_list {
    ($how:ident ($($arg:tt)*)) => {
        $crate::__runtime_list! { @$how ($($arg)*)
            effects: each_effect_gets_its_own_reply, members_are_answered_in_their_order, exchanges_of_an_all_run_at_once,
                an_all_of_nothing_is_over, a_sleep_is_as_long_as_asked, failures_flow_into_the_operation,
                errors_end_the_operation, progress_is_told_in_order, time_goes_on_and_chance_is_fresh,
                an_operation_that_was_dropped_hurts_nobody;
            story: a_user_keeps_a_container, a_broken_line_is_told_and_a_repeat_succeeds;
        }
    };
    (@report ($report:ident $runtime:ident) $($module:ident: $($case:ident),+;)+) => {
        $($($report.case(
            concat!(stringify!($module), "::", stringify!($case)), &[],
            || outcome_of!($module, $case, $runtime),
        );)+)+
    };
    (@one ($name:ident $runtime:ident) $($module:ident: $($case:ident),+;)+) => {
        $($(if $name == concat!(stringify!($module), "::", stringify!($case)) {
            return outcome_of!($module, $case, $runtime);
        })+)+
    };
    (@names () $($module:ident: $($case:ident),+;)+) => {
        vec![$($(concat!(stringify!($module), "::", stringify!($case)),)+)+]
    };
    (@tests ($runtime:expr) $($module:ident: $($case:ident),+;)+) => {
        $(mod $module {
            #[allow(unused_imports, reason = "the runtime is an expression of the module around")]
            use super::*;

            $(#[test]
            fn $case() {
                let name = concat!(stringify!($module), "::", stringify!($case));
                $crate::runtime::run_case(name, &$runtime).assert_held(name);
            })+
        })+
    };
}

/// Makes a `#[test]` of each case of the runtime suite: `effects::a_sleep_is_as_long_as_asked` and so on. Takes
/// a [`Runtime`]. Two suites in one file each need a module around them.
#[macro_export]
macro_rules! runtime_suite {
    ($runtime:expr) => {
        $crate::__runtime_list! { tests ($runtime) }
    };
}

/// The names of the cases, in the order of the suite.
#[must_use]
pub fn runtime_cases() -> Vec<&'static str> {
    __runtime_list!(names())
}

/// Runs the case of that name.
pub fn run_case<R: Runtime>(name: &str, runtime: &R) -> Outcome {
    __runtime_list!(one (name runtime));
    Outcome::Failed(format!("there is no case {name}"))
}

/// Runs every case.
pub fn run<R: Runtime>(runtime: &R) -> Report {
    let mut report = Report::default();
    __runtime_list!(report (report runtime));
    report
}
