//! A few threads that perform the members of joined effects, so that no thread is started for an
//! effect.
//!
//! The thread that asks works along: a pool that is busy, or could start no thread, only costs time. A
//! thread is started only when all are busy: each that moves large buffers costs memory that its allocator
//! holds on to.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

type Task = Box<dyn FnOnce() + Send>;

/// The threads beside the asking one: with it as many as an operation's exchanges at a time.
const HELPERS: usize = 7;

/// Started with the first batch, ended when dropped.
pub(crate) struct Pool {
    state: Mutex<State>,
}

struct State {
    queue: Option<Sender<Task>>,
    inbox: Arc<Mutex<Receiver<Task>>>,
    helpers: usize,
    /// Tasks that were handed over and are not done.
    busy: Arc<AtomicUsize>,
}

impl Pool {
    pub(crate) fn new() -> Self {
        let (queue, inbox) = mpsc::channel();
        let (inbox, busy) = (Arc::new(Mutex::new(inbox)), Arc::default());
        Self { state: Mutex::new(State { queue: Some(queue), inbox, helpers: 0, busy }) }
    }

    /// Performs `work` on every input, at once as far as there are threads; the outputs come in no
    /// order. An input whose work panics has no output. `own` is done on this thread while up to `helpers`
    /// threads begin.
    pub(crate) fn map_beside<I, O>(
        &self,
        inputs: Vec<I>,
        work: impl Fn(I) -> O + Send + Sync + 'static,
        helpers: usize,
        own: impl FnOnce(),
    ) -> Vec<O>
    where
        I: Send + 'static,
        O: Send + 'static,
    {
        let inputs = Arc::new(Mutex::new(VecDeque::from(inputs)));
        let work = Arc::new(work);
        let (outputs, results) = mpsc::channel();
        let help = move |inputs: &Mutex<VecDeque<I>>, outputs: &Sender<O>| {
            loop {
                let Some(input) = inputs.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else {
                    return;
                };
                if let Ok(output) = catch_unwind(AssertUnwindSafe(|| work(input))) {
                    // The receiver lives until every sender is gone.
                    let _ = outputs.send(output);
                }
            }
        };
        for _ in 0..helpers.min(HELPERS) {
            let (help, inputs, outputs) = (help.clone(), Arc::clone(&inputs), outputs.clone());
            self.submit(Box::new(move || help(&inputs, &outputs)));
        }
        own();
        help(&inputs, &outputs);
        drop(outputs);
        results.into_iter().collect()
    }

    fn submit(&self, task: Task) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = state.busy.fetch_add(1, Ordering::Relaxed);
        if state.helpers < HELPERS && waiting >= state.helpers {
            let busy = Arc::clone(&state.busy);
            let inbox = Arc::clone(&state.inbox);
            let thread = thread::Builder::new().name(format!("absio-{}", state.helpers));
            if thread.spawn(move || serve(&inbox, &busy)).is_ok() {
                state.helpers += 1;
            }
        }
        if let Some(queue) = &state.queue {
            let _ = queue.send(task);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).queue = None;
    }
}

fn serve(inbox: &Mutex<Receiver<Task>>, busy: &AtomicUsize) {
    loop {
        let task = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        task();
        busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use std::sync::{Arc, Barrier};

    #[test]
    fn members_run_at_once() {
        let pool = Pool::new();
        let barrier = Arc::new(Barrier::new(8));
        for _ in 0..3 {
            let barrier = Arc::clone(&barrier);
            // Ends only if all eight are under way together.
            let mut outputs = pool.map_beside(
                (0..8).collect(),
                move |n| {
                    barrier.wait();
                    n * 2
                },
                7,
                || (),
            );
            outputs.sort_unstable();
            assert_eq!(outputs, (0..8).map(|n| n * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn more_members_than_threads_and_none() {
        let pool = Pool::new();
        assert_eq!(pool.map_beside((0..1000_u32).collect(), |n| n, 999, || ()).len(), 1000);
        assert!(pool.map_beside(Vec::<u32>::new(), |n| n, 0, || ()).is_empty());
    }

    #[test]
    fn a_panic_costs_one_output_and_no_thread() {
        let pool = Pool::new();
        for _ in 0..3 {
            let outputs = pool.map_beside(
                (0..20).collect(),
                |n: u32| {
                    assert!(n != 7, "planned");
                    n
                },
                19,
                || (),
            );
            assert_eq!(outputs.len(), 19);
        }
    }
}
