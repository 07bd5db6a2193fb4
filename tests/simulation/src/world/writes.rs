//! What is given to the core of a [`World`].

use bytes::Bytes;
use spillway_core::{Framing, Input, Run, Timestamp};

use super::{Accepted, World};

impl World {
    /// Gives the core one event, once it has room for it. Returns its position.
    pub fn write(&mut self, key: &str, payload: impl Into<Bytes>) -> u64 {
        self.write_run(key, &[payload.into()])
    }

    /// Gives the core consecutive events of one key in one run, as it has room for them. Returns
    /// the position of the first.
    pub fn write_run(&mut self, key: &str, payloads: &[Bytes]) -> u64 {
        self.write_run_of(key, None, payloads)
    }

    /// The same with events that happened then.
    pub fn write_run_of(&mut self, key: &str, at: Option<Timestamp>, payloads: &[Bytes]) -> u64 {
        self.write_run_from(self.sink.next_position(), key, at, payloads)
    }

    /// The same from this position on, so that there is a gap before it.
    pub fn write_run_from(
        &mut self,
        first: u64,
        key: &str,
        at: Option<Timestamp>,
        payloads: &[Bytes],
    ) -> u64 {
        let mut rest = Some(self.run(key, first, payloads).happened(at));
        while let Some(run) = rest {
            let len = run.len();
            rest = self.offer(run);
            while rest.as_ref().is_some_and(|rest| !self.sink.has_room(rest)) {
                if !self.step() {
                    self.fail(&format!(
                        "the core has no room for {len} bytes, and waits for nothing"
                    ));
                }
            }
        }
        first
    }

    /// Tells the core that the next positions, so many, do not come.
    pub fn skip(&mut self, positions: u64) {
        let to = self.sink.next_position() + positions;
        self.note(|| format!("skip to {to}"));
        self.feed(Input::Skip(to));
    }

    /// Gives the core a run, and returns what it has no room for.
    pub fn offer(&mut self, run: Run) -> Option<Run> {
        let (mut taken, refused) = (run.clone(), self.rejected.len());
        self.note(|| format!("write {run:?}"));
        self.feed(Input::Events(run));
        let rest = self.rest.take();
        if let Some(rest) = &rest {
            self.note(|| format!("no room for {rest:?}"));
            taken =
                taken.front(usize::try_from(rest.first() - taken.first()).unwrap_or(usize::MAX));
        }
        if self.rejected.len() == refused {
            let events = self.events_of(&taken);
            self.accepted.extend((taken.first()..).zip(events));
        }
        rest
    }

    /// Consecutive events of one key, from this position on.
    pub fn run(&self, key: &str, first: u64, payloads: &[Bytes]) -> Run {
        let ends = payloads.iter().scan(0, |end, payload| {
            *end += payload.len();
            u32::try_from(*end).ok()
        });
        let run = Run::new(
            key.to_owned(),
            first,
            payloads.concat().into(),
            ends.collect(),
            Framing::Bare,
        );
        run.unwrap_or_else(|problem| self.fail(&format!("no run: {problem:?}")))
    }

    /// The events of a run, one by one.
    fn events_of(&self, run: &Run) -> Vec<Accepted> {
        let (mut run, at) = (run.clone(), self.elapsed());
        let happened = run.at().unwrap_or(self.now().wall);
        std::iter::from_fn(|| {
            let event = (run.events() > 0).then(|| run.take_front(1))?;
            let (key, payload) = (event.key().to_owned(), event.into_payload(Framing::Bare));
            Some(Accepted { key, payload, at, happened })
        })
        .collect()
    }
}
