//! The two driver loops, and the small traits that backends implement.
//!
//! A loop knows nothing of the protocol: it resumes, performs, resumes. Everything that differs
//! between programs (threads or tasks, which HTTP client, which store, which clock) is behind
//! [`blocking::Host`] or [`nonblocking::Host`].

/// What content without a journal says.
const NO_JOURNAL: &str = "this content keeps no journal of its transfer";

/// For plain threads.
pub mod blocking {
    use super::NO_JOURNAL;
    use crate::effect::{
        ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Job, Progress, Reply,
        StoreError, StoreOp, StoreOutcome, TransportError,
    };
    use crate::error::Error;
    use crate::operation::{Cx, Operation, Step};
    use core::time::Duration;

    /// Performs one whole HTTP exchange.
    pub trait Transport {
        /// Sends `request` and waits for the whole response.
        ///
        /// # Errors
        /// [`TransportError`] if there is no whole response.
        fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
    }

    impl<T: Transport + ?Sized> Transport for &T {
        fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
            (**self).exchange(request)
        }
    }

    impl<T: Transport + ?Sized> Transport for Box<T> {
        fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
            (**self).exchange(request)
        }
    }

    impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
        fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
            (**self).exchange(request)
        }
    }

    /// Performs storage operations.
    pub trait Store {
        /// Carries out `op`.
        ///
        /// # Errors
        /// [`StoreError`] if it was not carried out.
        fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError>;
    }

    impl<T: Store + ?Sized> Store for &T {
        fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
            (**self).apply(op)
        }
    }

    impl<T: Store + ?Sized> Store for Box<T> {
        fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
            (**self).apply(op)
        }
    }

    impl<T: Store + ?Sized> Store for std::sync::Arc<T> {
        fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
            (**self).apply(op)
        }
    }

    /// The caller's content.
    pub trait Content {
        /// Exactly `length` bytes at `offset`.
        ///
        /// # Errors
        /// [`ContentError`] if the source fails or ends before.
        fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError>;

        /// Puts `bytes` at `offset`. Offsets ascend without gaps, from 0 or from where an earlier attempt
        /// ended.
        ///
        /// # Errors
        /// [`ContentError`] if the sink fails.
        fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError>;

        /// Puts `bytes` at `offset` of the journal of this transfer, and gives back when they are durable.
        /// Asked for only by operations that were told to keep a journal.
        ///
        /// # Errors
        /// [`ContentError`] if there is no journal, which is what this does by itself, or it fails.
        fn record(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
            Err(ContentError { reason: NO_JOURNAL.into() })
        }

        /// The journal of this transfer so far, empty at first; none if none is kept, which is what this says
        /// by itself. Of a source.
        fn journal(&self) -> Option<&[u8]> {
            None
        }

        /// Bytes of an earlier attempt, from the first on, that [`read_at`](Self::read_at) gives; by itself
        /// none. Of a sink.
        fn have(&self) -> u64 {
            0
        }

        /// Carries out `op` by the methods above.
        ///
        /// # Errors
        /// As they do.
        fn apply(&mut self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
            match op {
                ContentOp::ReadAt { offset, length } => {
                    self.read_at(offset, length).map(ContentOutcome::Bytes)
                }
                ContentOp::WriteAt { offset, bytes } => {
                    self.write_at(offset, bytes).map(|()| ContentOutcome::Written)
                }
                ContentOp::Record { offset, bytes } => {
                    self.record(offset, bytes).map(|()| ContentOutcome::Written)
                }
            }
        }
    }

    /// Everything an operation needs from the program around it.
    pub trait Host<S> {
        /// Lends clock, randomness and session for one turn. No lock taken here outlives `turn`.
        fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, S>) -> R) -> R;

        /// One HTTP exchange.
        ///
        /// # Errors
        /// As [`Transport::exchange`].
        fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;

        /// One storage operation.
        ///
        /// # Errors
        /// As [`Store::apply`].
        fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError>;

        /// One read or write of the caller's content.
        ///
        /// # Errors
        /// As [`Content::apply`].
        fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError>;

        /// One heavy computation; here, or on a pool.
        fn compute(&self, job: Job) -> Reply {
            job.run()
        }

        /// Waits.
        fn sleep(&self, duration: Duration);

        /// Hears how far the operation is; no session is lent meanwhile, so it may take its time.
        fn progress(&self, _progress: Progress) {}

        /// Performs the members of an `All`; one after another unless the host can do better.
        fn all(&self, members: Vec<Effect>) -> Vec<Reply> {
            members.into_iter().map(|effect| perform(self, effect)).collect()
        }
    }

    /// Performs one effect.
    pub fn perform<S>(host: &(impl Host<S> + ?Sized), effect: Effect) -> Reply {
        match effect {
            Effect::Http(call) => {
                let (request, reply) = call.take();
                reply(host.exchange(request))
            }
            Effect::Store(call) => {
                let (op, reply) = call.take();
                reply(host.store(op))
            }
            Effect::Content(call) => {
                let (op, reply) = call.take();
                reply(host.content(op))
            }
            Effect::Compute(job) => host.compute(job),
            Effect::Sleep(call) => {
                host.sleep(call.duration());
                call.reply()
            }
            Effect::Progress(call) => {
                host.progress(call.progress());
                call.reply()
            }
            Effect::All(call) => {
                let (slot, members) = call.split();
                slot.join(host.all(members))
            }
        }
    }

    /// Runs `operation` to its end on the calling thread.
    ///
    /// # Errors
    /// The operation's own.
    pub fn run<S, O: Operation<S>>(operation: &mut O, host: &impl Host<S>) -> Result<O::Output, Error> {
        let mut reply = None;
        loop {
            match host.lend(|cx| operation.resume(cx, reply.take())) {
                Step::Done(result) => return result,
                Step::Effect(effect) => reply = Some(perform(host, effect)),
            }
        }
    }
}

/// For tasks of any executor.
pub mod nonblocking {
    use super::NO_JOURNAL;
    use crate::effect::{
        ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Job, Progress, Reply,
        StoreError, StoreOp, StoreOutcome, TransportError,
    };
    use crate::error::Error;
    use crate::operation::{Cx, Operation, Step};
    use core::future::Future;
    use core::pin::Pin;
    use core::time::Duration;

    /// Performs one whole HTTP exchange.
    pub trait Transport {
        /// Sends `request`; resolves to the whole response.
        fn exchange(
            &self,
            request: HttpRequest,
        ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send;
    }

    impl<T: Transport> Transport for &T {
        fn exchange(
            &self,
            request: HttpRequest,
        ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send {
            (**self).exchange(request)
        }
    }

    impl<T: Transport> Transport for std::sync::Arc<T> {
        fn exchange(
            &self,
            request: HttpRequest,
        ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send {
            (**self).exchange(request)
        }
    }

    /// Performs storage operations.
    pub trait Store {
        /// Carries out `op`.
        fn apply(&self, op: StoreOp) -> impl Future<Output = Result<StoreOutcome, StoreError>> + Send;
    }

    /// The caller's content.
    pub trait Content {
        /// Exactly `length` bytes at `offset`.
        fn read_at(
            &mut self,
            offset: u64,
            length: usize,
        ) -> impl Future<Output = Result<Vec<u8>, ContentError>> + Send;

        /// Puts `bytes` at `offset`. Offsets ascend without gaps, from 0 or from where an earlier attempt
        /// ended.
        fn write_at(
            &mut self,
            offset: u64,
            bytes: Vec<u8>,
        ) -> impl Future<Output = Result<(), ContentError>> + Send;

        /// Puts `bytes` at `offset` of the journal of this transfer; resolves when they are durable. Asked
        /// for only by operations that were told to keep a journal; by itself it says that there is none.
        fn record(
            &mut self,
            _offset: u64,
            _bytes: Vec<u8>,
        ) -> impl Future<Output = Result<(), ContentError>> + Send {
            core::future::ready(Err(ContentError { reason: NO_JOURNAL.into() }))
        }

        /// The journal of this transfer so far, empty at first; none if none is kept, which is what this says
        /// by itself. Of a source.
        fn journal(&self) -> Option<&[u8]> {
            None
        }

        /// Bytes of an earlier attempt, from the first on, that [`read_at`](Self::read_at) gives; by itself
        /// none. Of a sink.
        fn have(&self) -> u64 {
            0
        }
    }

    /// Everything an operation needs from the program around it.
    pub trait Host<S>: Sync {
        /// Lends clock, randomness and session for one turn: never held across an await.
        fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, S>) -> R) -> R;

        /// One HTTP exchange.
        fn exchange(
            &self,
            request: HttpRequest,
        ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send;

        /// One storage operation.
        fn store(&self, op: StoreOp) -> impl Future<Output = Result<StoreOutcome, StoreError>> + Send;

        /// One read or write of the caller's content.
        fn content(&self, op: ContentOp)
        -> impl Future<Output = Result<ContentOutcome, ContentError>> + Send;

        /// One heavy computation, off the executor.
        fn compute(&self, job: Job) -> impl Future<Output = Reply> + Send;

        /// Waits.
        fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

        /// Hears how far the operation is; must not block.
        fn progress(&self, _progress: Progress) {}

        /// Performs the members of an `All`; one after another unless the host can do better.
        fn all(&self, members: Vec<Effect>) -> Pin<Box<dyn Future<Output = Vec<Reply>> + Send + '_>> {
            Box::pin(async move {
                let mut replies = Vec::with_capacity(members.len());
                for effect in members {
                    replies.push(perform(self, effect).await);
                }
                replies
            })
        }
    }

    /// Performs one effect.
    pub async fn perform<S>(host: &(impl Host<S> + ?Sized), effect: Effect) -> Reply {
        match effect {
            Effect::Http(call) => {
                let (request, reply) = call.take();
                reply(host.exchange(request).await)
            }
            Effect::Store(call) => {
                let (op, reply) = call.take();
                reply(host.store(op).await)
            }
            Effect::Content(call) => {
                let (op, reply) = call.take();
                reply(host.content(op).await)
            }
            Effect::Compute(job) => host.compute(job).await,
            Effect::Sleep(call) => {
                host.sleep(call.duration()).await;
                call.reply()
            }
            Effect::Progress(call) => {
                host.progress(call.progress());
                call.reply()
            }
            Effect::All(call) => {
                let (slot, members) = call.split();
                slot.join(host.all(members).await)
            }
        }
    }

    /// Runs `operation` to its end inside a task.
    ///
    /// # Errors
    /// The operation's own.
    pub async fn run<S, O: Operation<S>>(operation: &mut O, host: &impl Host<S>) -> Result<O::Output, Error> {
        let mut reply = None;
        loop {
            match host.lend(|cx| operation.resume(cx, reply.take())) {
                Step::Done(result) => return result,
                Step::Effect(effect) => reply = Some(perform(host, effect).await),
            }
        }
    }
}
