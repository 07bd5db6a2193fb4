//! Where lines are mapped: in the task that asks for them, or on a thread of their own.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::mapper::{Filled, Mapper, Rest};
use super::open::OpenBatch;
use crate::map::Map;

/// Maps one piece after the other.
///
/// On a thread of its own a piece is mapped while the sink takes the batch before it. An expression
/// needs one in any case, with a large stack: it may compute for long, or for ever, and may
/// recurse, and the task that waits for it must be able to stop.
pub(super) struct Work {
    place: Place,
    /// What was mapped in the task itself, and not asked for yet.
    done: Option<Filled>,
    is_busy: bool,
}

/// Where lines are mapped.
enum Place {
    /// In the task itself.
    Here(Box<Mapper>),
    /// On a thread that ends once nobody gives it anything to do. One that computes for ever ends
    /// with the process.
    Thread { tasks: Sender<Task>, done: UnboundedReceiver<Filled> },
}

type Task = (OpenBatch, Rest);

impl Work {
    /// For a mapper. One that only takes lines over as they are is quicker than a thread is to
    /// wake, and where `is_one_of_many`, others have the other cores.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(super) fn new(mapper: Mapper, is_one_of_many: bool) -> io::Result<Work> {
        let computes = mapper.map.computes();
        let place = if computes || (mapper.map.looks_into_lines() && !is_one_of_many) {
            let (tasks, taken) = channel();
            let (finished, done) = unbounded_channel();
            let thread = thread::Builder::new().name("spillway-map".to_owned());
            let thread = if computes { thread.stack_size(STACK_BYTES) } else { thread };
            thread.spawn(move || work(&mapper, &taken, &finished))?;
            Place::Thread { tasks, done }
        } else {
            Place::Here(Box::new(mapper))
        };
        Ok(Work { place, done: None, is_busy: false })
    }

    /// Whether what is begun is done while the task goes on.
    pub(super) fn is_beside(&self) -> bool {
        matches!(self.place, Place::Thread { .. })
    }

    /// Whether there is something to wait for.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Begins to map. There must be nothing to wait for.
    pub(super) fn begin(&mut self, open: OpenBatch, rest: Rest) {
        self.is_busy = true;
        match &self.place {
            Place::Here(mapper) => self.done = Some(mapper.fill(open, rest)),
            Place::Thread { tasks, .. } => {
                // Where the thread is gone, waiting for it says so.
                let _ = tasks.send((open, rest));
            }
        }
    }

    /// Waits for what was begun. Cancel safe.
    pub(super) async fn done(&mut self) -> Filled {
        let filled = match &mut self.place {
            Place::Here(_) => self.done.take(),
            Place::Thread { done, .. } => done.recv().await,
        };
        self.is_busy = false;
        filled.expect("something was begun, and the thread ends after its last task")
    }
}

/// Lets the expressions of a map use as much stack as the thread has for them.
pub(super) fn prepare(map: &mut Map) {
    map.set_stack_bytes_max(EVALUATION_BYTES_MAX);
}

fn work(mapper: &Mapper, tasks: &Receiver<Task>, done: &UnboundedSender<Filled>) {
    for (open, rest) in tasks {
        if done.send(mapper.fill(open, rest)).is_err() {
            return;
        }
    }
}

/// The stack of the thread, of which the system gives what is used, and how much of it an
/// evaluation may use. What it leaves is for what recurses uncounted: to drop a value takes up to
/// 64 bytes for each level of it, and to make a text of it up to 1 KiB (measured). An event's
/// million steps nest half a million levels.
const STACK_BYTES: usize = 1 << 30;
const EVALUATION_BYTES_MAX: usize = 64 << 20;
