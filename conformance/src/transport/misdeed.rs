//! What can happen to an exchange.

use absio_proto::effect::{HttpResponse, TransportErrorKind};

/// What a network, a proxy or a hostile server does with one exchange.
///
/// Those that need something that is not there (an answer before, a body to be cut) do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misdeed {
    /// The request never arrives. [`TimedOut`](TransportErrorKind::TimedOut) is a stall, an
    /// [`Interrupted`](TransportErrorKind::Interrupted) connection broke while it was sent.
    NeverArrives(TransportErrorKind),
    /// The broker carries the request out, and its answer is lost.
    AnswerLost(TransportErrorKind),
    /// The request arrives twice; the second answer is given.
    ArrivesTwice,
    /// The answer does not come in time. The next request is given it instead of its own.
    ComesLate,
    /// This many bytes are missing at the end of the answer's body, and nobody says so.
    Truncates(usize),
    /// A bit of the answer's body is inverted: this one, counted from the first and modulo its length.
    FlipsBit(usize),
    /// The answer given before, whatever it answered, is given again; the request never arrives.
    RepeatsPrevious,
    /// The last answer to another request of the same method and path, with whatever query, is given: of
    /// another range of the same content. The request never arrives.
    AnswersAnother,
    /// This is answered; the request never arrives. Two of them swap two answers.
    Answers(HttpResponse),
    /// A proxy answers with this status and a page of its own; the request never arrives.
    FailsBefore(u16),
    /// The same, after the broker carried the request out.
    FailsAfter(u16),
    /// Too many requests (429), try again in this many seconds; the request never arrives.
    Busy(u32),
}

impl Misdeed {
    /// One drawn by `number`; all kinds are equally likely, except [`Answers`](Self::Answers).
    pub(super) fn drawn(number: u64) -> Self {
        let kinds = [
            TransportErrorKind::Interrupted,
            TransportErrorKind::TimedOut,
            TransportErrorKind::Unreachable,
            TransportErrorKind::Invalid,
        ];
        let statuses = [500, 502, 503, 504];
        let detail = usize::try_from(number >> 32).unwrap_or(0);
        match number % 11 {
            0 => Self::NeverArrives(kinds[detail % 4]),
            // Unreachable is said only of what was not sent.
            1 => Self::AnswerLost(kinds[detail % 2]),
            2 => Self::ArrivesTwice,
            3 => Self::ComesLate,
            4 => Self::Truncates(1 + detail % 100_000),
            5 => Self::FlipsBit(detail),
            6 => Self::RepeatsPrevious,
            7 => Self::AnswersAnother,
            8 => Self::FailsBefore(statuses[detail % 4]),
            9 => Self::FailsAfter(statuses[detail % 4]),
            _ => Self::Busy(1),
        }
    }
}
