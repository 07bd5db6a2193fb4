//! Where lines are mapped: in the task that asks for them, or on a thread of their own.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::mapper::{Filled, Mapper, OpenBatch, Rest};

/// Where lines are mapped.
///
/// An expression may compute for long, or for ever, and may recurse. It gets a thread with a large
/// stack, so that the task that waits for it can be told to stop.
pub(super) enum Work {
    /// In the task itself: paths need no more.
    Here { mapper: Mapper, done: Option<Filled> },
    /// On a thread that ends once nobody gives it anything to do. One that computes for ever ends
    /// with the process.
    Thread { tasks: Sender<Task>, done: UnboundedReceiver<Filled>, is_busy: bool },
}

type Task = (OpenBatch, Rest);

impl Work {
    /// For a mapper.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(super) fn new(mut mapper: Mapper) -> io::Result<Work> {
        if !mapper.map.computes() {
            return Ok(Work::Here { mapper, done: None });
        }
        mapper.map.set_stack_bytes_max(EVALUATION_BYTES_MAX);
        let (tasks, taken) = channel();
        let (finished, done) = unbounded_channel();
        let thread = thread::Builder::new().name("spillway-map".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(move || work(&mapper, &taken, &finished))?;
        Ok(Work::Thread { tasks, done, is_busy: false })
    }

    /// Whether there is something to wait for.
    pub(super) fn is_busy(&self) -> bool {
        match self {
            Work::Here { done, .. } => done.is_some(),
            Work::Thread { is_busy, .. } => *is_busy,
        }
    }

    /// Begins to map. There must be nothing to wait for.
    pub(super) fn begin(&mut self, open: OpenBatch, rest: Rest) {
        match self {
            Work::Here { mapper, done } => *done = Some(mapper.fill(open, rest)),
            Work::Thread { tasks, is_busy, .. } => {
                // Where the thread is gone, waiting for it says so.
                let _ = tasks.send((open, rest));
                *is_busy = true;
            }
        }
    }

    /// Waits for what was begun. Cancel safe.
    pub(super) async fn done(&mut self) -> Filled {
        match self {
            Work::Here { done, .. } => done.take().expect("something was begun"),
            Work::Thread { done, is_busy, .. } => {
                let filled = done.recv().await.expect("the thread ends after its last task");
                *is_busy = false;
                filled
            }
        }
    }
}

fn work(mapper: &Mapper, tasks: &Receiver<Task>, done: &UnboundedSender<Filled>) {
    for (open, rest) in tasks {
        if done.send(mapper.fill(open, rest)).is_err() {
            return;
        }
    }
}

/// The stack of the thread, of which the system gives what is used, and how much of it an evaluation
/// may use. What it leaves is for what recurses uncounted: to drop a value takes up to 64 bytes for
/// each level of it, and to make a text of it up to 1 KiB (measured). An event's million steps nest
/// half a million levels.
const STACK_BYTES: usize = 1 << 30;
const EVALUATION_BYTES_MAX: usize = 64 << 20;
