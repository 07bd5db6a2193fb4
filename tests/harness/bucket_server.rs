//! The reference bucket behind a socket, for what only a socket can do wrong.

mod connection;
mod fault;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use spillway_core::Timestamp;
use spillway_simulation::bucket::{Bucket, BucketOptions};
use spillway_simulation::request_info::{Census, RequestInfo};

use crate::conversion;

pub use fault::SocketFault;

/// Decides what goes wrong with a request. It is asked before the body has come, so the length that
/// it is told is the one that was announced.
pub type SocketPlan = Box<dyn FnMut(&RequestInfo) -> Option<SocketFault> + Send>;

/// A server with one bucket, on any free port of the loopback interface. It ends when it is
/// dropped.
pub struct BucketServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What the connections share.
struct Shared {
    bucket: Mutex<Bucket>,
    state: Mutex<State>,
    began: Instant,
    /// How far the bucket's clock is ahead of this machine's, in nanoseconds.
    clock_ahead: AtomicI64,
}

impl Shared {
    /// The time by the bucket's clock.
    fn now(&self) -> Timestamp {
        Timestamp(conversion::now().0.saturating_add_signed(self.clock_ahead.load(Relaxed)))
    }
}

struct State {
    plan: SocketPlan,
    census: Census,
    connections: u64,
    under_way: u64,
    at_once_max: u64,
}

impl BucketServer {
    /// Starts a server on the current Tokio runtime, on which nothing goes wrong.
    ///
    /// # Errors
    ///
    /// Where no port can be had.
    pub async fn start(options: BucketOptions) -> std::io::Result<BucketServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = State {
            plan: Box::new(|_| None),
            census: Census::default(),
            connections: 0,
            under_way: 0,
            at_once_max: 0,
        };
        let shared = Arc::new(Shared {
            bucket: Mutex::new(Bucket::new(options)),
            state: Mutex::new(state),
            began: Instant::now(),
            clock_ahead: AtomicI64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(BucketServer { address, shared, accepting })
    }

    /// The URL of the server, for path-style requests.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From here on, `plan` says what goes wrong.
    pub fn on_request(
        &self,
        plan: impl FnMut(&RequestInfo) -> Option<SocketFault> + Send + 'static,
    ) {
        lock(&self.shared.state).plan = Box::new(plan);
    }

    /// From here on, the bucket's clock is so many seconds ahead of this machine's.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.shared.clock_ahead.store(seconds * 1_000_000_000, Relaxed);
    }

    /// Looks at the bucket, or changes it.
    pub fn bucket<T>(&self, look: impl FnOnce(&mut Bucket) -> T) -> T {
        look(&mut lock(&self.shared.bucket))
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        lock(&self.shared.state).connections
    }

    /// How many requests came that a bucket knows.
    pub fn requests(&self) -> u64 {
        lock(&self.shared.state).census.requests()
    }

    /// How many requests were under way at the same time at most, since this was last asked.
    pub fn take_at_once_max(&self) -> u64 {
        let mut state = lock(&self.shared.state);
        let now = state.under_way;
        std::mem::replace(&mut state.at_once_max, now)
    }
}

impl Drop for BucketServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The connections end with the task that accepts them.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { return };
                lock(&shared.state).connections += 1;
                connections.spawn(connection::serve(stream, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
