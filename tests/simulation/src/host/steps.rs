//! What a [`Host`] does, one instant after the other.

use std::time::Duration;

use spillway_core::{Admission, Input, Run, Sink, inspect};

use super::{Checkpoint, End, Host, OnFailed};

impl Host {
    /// Begins a life. Before anything is written a checkpoint is stored.
    ///
    /// # Errors
    ///
    /// As with all that follow, why it ends before.
    pub fn begin(&mut self) -> Result<(), End> {
        self.is_alive = true;
        self.open()?;
        while self.stored.is_none() {
            self.checkpoint_and_commit()?;
        }
        Ok(())
    }

    /// Makes a core, and lets it look for what the one before it left.
    fn open(&mut self) -> Result<(), End> {
        let state = self.stored.as_ref().map(|stored| stored.state.clone());
        self.instant()?;
        self.world.open(state.as_deref());
        if state.is_none() {
            return Ok(());
        }
        // Whoever resumes a checkpoint will resume none before it.
        self.stored.iter().for_each(|stored| self.ledger.committed(stored));
        self.feed(Input::Tick)?;
        let (life, at) = (self.world.life(), self.world.elapsed());
        self.wait(Sink::has_reply)?;
        _ = self.world.sink.take_reply();
        let heard = self.world.notices.len();
        let listened = self.listen();
        let mut notices = self.world.notices[heard..].iter();
        let is_in_vain = notices.any(|n| n.message.contains("cannot be looked for"));
        self.ledger.looked.insert(life, (!is_in_vain).then_some(at));
        listened
    }

    /// Writes the next few events, or takes a checkpoint where they do not fit before.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn write(&mut self) -> Result<(), End> {
        let max = self.behaviour.batch.min(self.source.len() - self.next);
        let count = if max > 1 { self.random.usize(1..=max) } else { max };
        let runs = self.runs(count);
        let need = self.world.sink.demand(&runs);
        for attempt in 0.. {
            self.wait(|sink| sink.admission(&need) != Admission::Wait)?;
            if self.world.sink.admission(&need) == Admission::Accept {
                break;
            }
            if attempt == BUSY_MAX {
                self.world.fail("a batch never fits, however many checkpoints are committed");
            }
            self.world.note(|| "busy".to_owned());
            self.ledger.busy += 1;
            self.feed(Input::MakeRoom(need.clone()))?;
            if self.world.sink.next_position() != self.next as u64 {
                self.world.fail("something was taken of a batch that does not fit");
            }
            self.checkpoint_and_commit()?;
        }
        let events = runs.iter().map(|run| run.len() + 4 * run.events()).sum();
        self.ledger.largest = self.ledger.largest.max(events);
        for run in runs {
            self.give(run)?;
        }
        self.next += count;
        Ok(())
    }

    fn give(&mut self, run: Run) -> Result<(), End> {
        self.instant()?;
        let mut rest = self.world.offer(run);
        while let Some(run) = rest {
            self.wait(|sink| sink.has_room(&run))?;
            self.instant()?;
            rest = self.world.offer(run);
        }
        Ok(())
    }

    /// The next events of the source, those of one key together.
    fn runs(&self, count: usize) -> Vec<Run> {
        let events = &self.source[self.next..self.next + count];
        let mut first = self.next;
        let mut runs = Vec::new();
        for same in events.chunk_by(|(one, _), (other, _)| one == other) {
            let payloads: Vec<_> = same.iter().map(|(_, payload)| payload.clone()).collect();
            runs.push(self.world.run(&same[0].0, first as u64, &payloads));
            first += same.len();
        }
        runs
    }

    /// Takes a checkpoint, stores it and commits it.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn checkpoint_and_commit(&mut self) -> Result<(), End> {
        self.checkpoint()?;
        self.listen()?;
        if self.behaviour.has_whims && self.random.u8(..10) == 0 {
            self.world.note(|| "the checkpoint could not be stored".to_owned());
            return Ok(());
        }
        self.store()?;
        self.commit()
    }

    /// Takes a checkpoint, with the place in the source.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn checkpoint(&mut self) -> Result<(), End> {
        self.feed(Input::Prepare)?;
        self.wait(Sink::is_at_rest)?;
        let failed = self.world.failed.len();
        let state = self.world.sink.checkpoint();
        let summary = inspect(&state);
        let summary = summary.unwrap_or_else(|error| self.world.fail(&error.to_string()));
        if summary.next_position != self.next as u64 {
            self.world.fail("the checkpoint goes on at another place than its host");
        }
        let (next, objects) = (self.next, summary.objects);
        self.world.note(|| format!("checkpoint at {next} of {objects:?}"));
        let at = self.world.elapsed();
        self.taken = Some(Checkpoint { state, at, next, objects, failed });
        Ok(())
    }

    /// Stores it.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn store(&mut self) -> Result<(), End> {
        self.instant()?;
        self.world.note(|| "store".to_owned());
        let Some(taken) = self.taken.take() else { return Ok(()) };
        self.ledger.stored(&taken);
        self.stored = Some(taken);
        Ok(())
    }

    /// Tells the core that it is stored.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn commit(&mut self) -> Result<(), End> {
        self.feed(Input::Commit)?;
        self.stored.iter().for_each(|stored| self.ledger.committed(stored));
        Ok(())
    }

    /// Hears what the core has to report.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn listen(&mut self) -> Result<(), End> {
        self.world.listen();
        let has_failed = self.world.failed.len() > self.dealt_with;
        self.dealt_with = self.world.failed.len();
        match self.behaviour.on_failed {
            OnFailed::Stop if has_failed => Err(End::Stop),
            _ => Ok(()),
        }
    }

    pub(super) fn follow_a_whim(&mut self) -> Result<(), End> {
        match self.random.u8(..30) {
            0 => self.pause(Duration::from_millis(self.random.clone().u64(..60_000)))?,
            1 if self.behaviour.flushes => {
                self.feed(Input::Seal)?;
                self.settle()?;
            }
            2 => {
                self.close()?;
                return Err(End::Crash);
            }
            3 => self.feed(Input::RetryAborts)?,
            4 => self.checkpoint_and_commit()?,
            _ => {}
        }
        Ok(())
    }

    /// Everything becomes visible, by as many commits as that takes.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn finish(&mut self) -> Result<(), End> {
        self.feed(Input::Seal)?;
        for round in 0.. {
            self.settle()?;
            self.listen()?;
            if !self.world.sink.waits_for_commit() {
                break;
            }
            if round == COMMITS_MAX {
                self.world.fail("objects wait for a commit, whatever is committed");
            }
            self.checkpoint_and_commit()?;
        }
        self.feed(Input::RetryAborts)?;
        self.settle()?;
        self.instant()?;
        self.listen()
    }

    /// Runs until nothing moves any more without a commit.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn settle(&mut self) -> Result<(), End> {
        self.wait(Sink::is_settled)
    }

    /// Tells the core something.
    ///
    /// # Errors
    ///
    /// Why it ends before.
    pub fn feed(&mut self, input: Input) -> Result<(), End> {
        self.instant()?;
        self.world.feed(input);
        Ok(())
    }

    fn pause(&mut self, duration: Duration) -> Result<(), End> {
        self.instant()?;
        self.world.run_for(duration);
        Ok(())
    }

    fn wait(&mut self, done: impl Fn(&Sink) -> bool) -> Result<(), End> {
        while !done(&self.world.sink) {
            self.instant()?;
            if !self.world.step() {
                self.world.fail("the core waits for nothing");
            }
            if self.instants > INSTANTS_MAX {
                self.world.fail("it does not come to an end");
            }
        }
        Ok(())
    }
}

/// How often a batch may not fit: where names are taken, objects get others, and wait for commits
/// again.
const BUSY_MAX: u32 = 100;
/// How many commits it may take until all is visible: objects of one name take one each, and a name
/// that is taken takes another.
const COMMITS_MAX: u32 = 200;
/// More than any run needs that comes to an end.
const INSTANTS_MAX: u64 = 1_000_000;
