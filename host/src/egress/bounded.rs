//! A way out that several sinks share.

use std::sync::Arc;

use http::Request;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{RequestOptions, WasiBody};

use super::{Answer, Transport};

/// A way out on which no more than so many requests wait for the beginning of their answers at the
/// same time, whichever sinks they are of. The others wait for their turn.
pub struct Bounded {
    inner: Arc<dyn Transport>,
    turns: Arc<Semaphore>,
}

impl Bounded {
    /// So many requests at the same time, sent by `inner`.
    pub fn new(inner: Arc<dyn Transport>, requests_max: usize) -> Bounded {
        let turns = Semaphore::new(requests_max.min(Semaphore::MAX_PERMITS));
        Bounded { inner, turns: Arc::new(turns) }
    }
}

impl Transport for Bounded {
    fn send(&self, request: Request<WasiBody>, options: RequestOptions) -> Answer {
        let (inner, turns) = (Arc::clone(&self.inner), Arc::clone(&self.turns));
        Box::pin(async move {
            // It fails only where it is closed, which nobody does.
            let _turn = turns.acquire_owned().await;
            inner.send(request, options).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts the requests that it has at the same time.
    #[derive(Default)]
    struct Counting {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Transport for Arc<Counting> {
        fn send(&self, _: Request<WasiBody>, _: RequestOptions) -> Answer {
            let counting = Arc::clone(self);
            Box::pin(async move {
                let now = counting.now.fetch_add(1, Ordering::SeqCst) + 1;
                counting.most.fetch_max(now, Ordering::SeqCst);
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                counting.now.fetch_sub(1, Ordering::SeqCst);
                Ok(http::Response::new(WasiBody::default()))
            })
        }
    }

    #[tokio::test]
    async fn no_more_than_that_are_sent_and_all_are() {
        let counting = Arc::<Counting>::default();
        let bounded = Bounded::new(Arc::new(Arc::clone(&counting)), 3);
        let mut sent = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let request = Request::new(WasiBody::default());
            sent.spawn(bounded.send(request, RequestOptions::default()));
        }
        while let Some(answer) = sent.join_next().await {
            assert!(answer.unwrap().is_ok());
        }
        assert_eq!(counting.most.load(Ordering::SeqCst), 3);
    }
}
