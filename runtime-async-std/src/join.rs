//! Futures side by side, a few at a time.

use crate::shared::Boxed;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

/// Drives `futures`, at most `at_once` of them at a time, begun in their order; the outputs come in the
/// order they are ready. There are few: all that run are polled when one of them wakes.
pub(crate) async fn join<T>(futures: Vec<Boxed<'_, T>>, at_once: usize) -> Vec<T> {
    let mut outputs = Vec::with_capacity(futures.len());
    let mut waiting = VecDeque::from(futures);
    let mut running: Vec<Boxed<'_, T>> = Vec::new();
    poll_fn(move |cx| {
        loop {
            let ready = outputs.len();
            while running.len() < at_once
                && let Some(future) = waiting.pop_front()
            {
                running.push(future);
            }
            running.retain_mut(|future| match future.as_mut().poll(cx) {
                Poll::Ready(output) => {
                    outputs.push(output);
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && waiting.is_empty() {
                return Poll::Ready(std::mem::take(&mut outputs));
            }
            // Those that take the places of the ready ones are not polled yet.
            if outputs.len() == ready || waiting.is_empty() {
                return Poll::Pending;
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, yield_now};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn all_are_driven_and_never_more_than_allowed_at_a_time() {
        for (count, at_once) in [(0, 1), (1, 1), (5, 1), (20, 3), (3, 8)] {
            let (running, most) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
            let futures = (0..count).map(|number| -> Boxed<'_, usize> {
                Box::pin(async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    for _ in 0..number % 4 {
                        yield_now().await;
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                    number
                })
            });
            let mut outputs = block_on(join(futures.collect(), at_once));
            outputs.sort_unstable();
            assert_eq!(outputs, (0..count).collect::<Vec<_>>());
            assert!(most.load(Ordering::SeqCst) <= at_once);
        }
    }
}
