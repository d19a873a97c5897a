//! The transport suite: the contract of `docs/transports.md`, against servers that answer by a script.
//!
//! The same cases serve transports of threads and of tasks. With
//! [`transport_suite!`](crate::transport_suite) each is a `#[test]` of its own; [`transport_cases`] gives them as
//! values.

mod asking;
mod bounds;
mod failures;
mod receiving;
mod sending;
mod timing;

use crate::report::{Outcome, Report};
use crate::script::Script;
use crate::store::outcome;
use absio_proto::driver::{blocking, nonblocking};
use asking::{Answer, Question};
use std::future::Future;
use std::pin::Pin;

/// What the author of a transport says that it can do beyond the contract's core. What is not declared is not
/// checked, and the cases are shown as skipped; what is declared must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportCapabilities {
    /// It reads bodies in chunks (`transfer-encoding: chunked`).
    pub chunked: bool,
    /// It notices an answer that comes before the whole request was sent.
    pub early_answers: bool,
}

impl TransportCapabilities {
    /// All of them.
    pub const ALL: Self = Self { chunked: true, early_answers: true };
    /// None: plain HTTP with stated lengths.
    pub const NONE: Self = Self { chunked: false, early_answers: false };
}

#[derive(Debug, Clone, Copy)]
enum Need {
    Chunked,
    EarlyAnswers,
}

/// One case: a name, what a transport must be able to do for it, and what is exchanged.
pub struct TransportCase {
    name: &'static str,
    needs: Option<Need>,
    script: fn() -> Script<Question, Answer>,
}

/// A run of a case over a transport of tasks, for the executor.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

impl TransportCase {
    /// `module::case`, the same in every version of the suite.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the case over `transport`, exchanges at the same time on threads of their own.
    pub fn run<T: blocking::Transport + Sync>(
        &self,
        transport: &T,
        declared: TransportCapabilities,
    ) -> Outcome {
        match self.skipped(declared) {
            Some(skipped) => skipped,
            None => outcome(crate::script::run((self.script)(), &|request| transport.exchange(request))),
        }
    }

    /// The run of the case over `transport`, exchanges at the same time inside one task.
    pub fn run_async<'a, T: nonblocking::Transport>(
        &self,
        transport: &'a T,
        declared: TransportCapabilities,
    ) -> Running<'a> {
        let skipped = self.skipped(declared);
        let script = self.script;
        Box::pin(async move {
            match skipped {
                Some(skipped) => skipped,
                None => {
                    outcome(crate::script::run_async(script(), |request| transport.exchange(request)).await)
                }
            }
        })
    }

    fn skipped(&self, declared: TransportCapabilities) -> Option<Outcome> {
        let reason = match self.needs? {
            Need::Chunked if !declared.chunked => "the transport does not declare that it reads chunks",
            Need::EarlyAnswers if !declared.early_answers => {
                "the transport does not declare that it sees early answers"
            }
            _ => return None,
        };
        Some(Outcome::Skipped(reason.to_owned()))
    }
}

/// The list of cases, once: as values, and as names of tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __transport_list {
    ($how:ident $(($($arg:tt)*))?) => {
        $crate::__transport_list! { @$how $(($($arg)*))?
            sending: every_method_path_and_body_arrives, headers_arrive_as_they_are, nothing_is_added,
                the_host_is_that_of_the_origin, a_large_body_arrives, a_header_that_cannot_be_sent_is_invalid,
                exchanges_run_at_once, an_early_refusal_is_seen (EarlyAnswers);
            receiving: header_names_are_lower_case, every_status_is_a_response, any_bytes_come_back,
                one_byte_at_a_time_is_the_same, an_empty_body_is_whole, chunks_are_joined (Chunked),
                mn_redirects_are_not_followed, nothing_is_decompressed, connections_do_not_mix_answers;
            bounds: a_body_at_the_limit_comes, a_body_over_the_limit_is_too_large,
                an_announced_length_is_not_believed, endless_chunks_are_too_large (Chunked);
            failures: a_refused_connection_is_unreachable, an_early_end_is_interrupted,
                chunks_that_end_early_are_interrupted (Chunked), a_body_without_a_length_is_invalid,
                nonsense_is_invalid, nothing_is_repeated, a_closed_connection_repeats_nothing,
                a_failure_is_over_with_the_exchange, nothing_secret_is_in_an_error;
            timing: silence_ends_at_the_deadline, half_a_head_ends_at_the_deadline,
                a_trickle_ends_at_the_deadline, a_slow_answer_in_time_is_whole;
        }
    };
    (@values $($module:ident: $($case:ident $(($need:ident))?),+;)+) => {
        vec![$($(TransportCase {
            name: concat!(stringify!($module), "::", stringify!($case)),
            needs: None$(.or(Some(Need::$need)))?,
            script: || Script::new($module::$case),
        },)+)+]
    };
    (@tests ($transport:expr, $declared:expr) $($module:ident: $($case:ident $(($need:ident))?),+;)+) => {
        $(mod $module {
            #[allow(unused_imports, reason = "the transport is an expression of the module around")]
            use super::*;

            $(#[test]
            fn $case() {
                let name = concat!(stringify!($module), "::", stringify!($case));
                let case = $crate::exchanges::transport_case(name).expect("the list of names is that of the cases");
                case.run(&$transport, $declared).assert_held(name);
            })+
        })+
    };
    (@tests_async ($transport:expr, $declared:expr, $block_on:expr)
        $($module:ident: $($case:ident $(($need:ident))?),+;)+) => {
        $(mod $module {
            #[allow(unused_imports, reason = "the transport is an expression of the module around")]
            use super::*;

            $(#[test]
            fn $case() {
                let name = concat!(stringify!($module), "::", stringify!($case));
                let case = $crate::exchanges::transport_case(name).expect("the list of names is that of the cases");
                $block_on(case.run_async(&$transport, $declared)).assert_held(name);
            })+
        })+
    };
}

/// Makes a `#[test]` of each case of the transport suite: `sending::headers_arrive_as_they_are` and so on.
///
/// `transport_suite!(transport, capabilities)` takes a transport of threads,
/// `transport_suite!(async transport, capabilities, block_on)` one of tasks. The expressions are evaluated in every
/// test. Two suites in one file each need a module around them.
#[macro_export]
macro_rules! transport_suite {
    (async $transport:expr, $declared:expr, $block_on:expr) => {
        $crate::__transport_list! { tests_async ($transport, $declared, $block_on) }
    };
    ($transport:expr, $declared:expr) => {
        $crate::__transport_list! { tests ($transport, $declared) }
    };
}

/// Every case, in the order of the suite.
#[must_use]
pub fn transport_cases() -> Vec<TransportCase> {
    __transport_list!(values)
}

/// The case of that name.
#[must_use]
pub fn transport_case(name: &str) -> Option<TransportCase> {
    transport_cases().into_iter().find(|case| case.name == name)
}

/// Runs every case over `transport`.
pub fn run<T: blocking::Transport + Sync>(transport: &T, declared: TransportCapabilities) -> Report {
    let mut report = Report::default();
    for case in transport_cases() {
        report.case(case.name, &[], || case.run(transport, declared));
    }
    report
}
