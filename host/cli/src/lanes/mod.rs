//! The sink of a run: one, or several side by side. Each of them is a lane, and has its own keys.
//!
//! A lane is an instance of the one compiled component, and computes on a thread of its own while a
//! call is made of it. A call is made of all lanes at the same time, and ends when all have
//! answered, so that for the run they are one sink: one `durable`, one list of objects, one state.
//!
//! A batch is taken by all lanes, but for one case: some take their events, and others are full
//! until a commit. Then it is said which events those have left. The run keeps these events, in its
//! checkpoint as well, and gives them again.

mod combined;
mod opening;
mod settings;
mod share;
mod state;

use std::future::Future;
use std::ops::Range;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;

use spillway::component::Component;
use spillway::contract::{Ending, Error, Metric, Problem, Progress, Rejection, Run, SavedState};
use spillway::egress::{Gate, Passage, Traffic};
use spillway::engine::Limits;
use spillway::sink::{Sink, SinkError};
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub use combined::{LANE, LANES, name};
pub use opening::open;
pub use settings::{LaneSettings, configured};
pub use state::count;

use crate::batch::end;
use share::{divide, lane_of, positions};
use state::Saved;

/// The sink of a run, in one lane or in several.
pub struct Sinks {
    lanes: Vec<Lane>,
    passage: Passage,
    /// The states of several lanes together have no more bytes than one may: who resumes takes no
    /// more.
    limits: Limits,
}

struct Lane {
    /// Not there while it is called.
    sink: Option<Sink>,
    /// The position behind the last event that it was given, or told to be missing.
    next: u64,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Written {
    /// The events that will never be stored, by rising positions.
    pub rejected: Vec<Rejection>,
    /// The positions of the events that full lanes have left, in rising order. They are to be
    /// written again, before any others, once a checkpoint was committed.
    pub left: Vec<Range<u64>>,
}

/// The answer of a lane to come.
type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, SinkError>> + Send + 'a>>;

/// What a checkpoint's state holds, in all lanes.
///
/// # Errors
///
/// As [`Component::inspect_state`].
pub async fn inspect(
    component: &Component,
    state: &[u8],
    limits: &Limits,
) -> Result<SavedState, SinkError> {
    let mut saved = Vec::new();
    for Saved { bytes, .. } in state::split(state)? {
        saved.push(component.inspect_state(bytes, limits).await?);
    }
    Ok(combined::saved(saved))
}

impl Sinks {
    /// Whether there are several lanes, so that events of different keys have no order.
    pub fn are_several(&self) -> bool {
        self.lanes.len() > 1
    }

    /// As [`Sink::begin_at`], for the first of all events that are written. Lanes that have come
    /// further begin there.
    pub fn begin_at(&mut self, position: u64) {
        for Lane { sink, next } in &mut self.lanes {
            sink.iter_mut().for_each(|sink| sink.begin_at(position.max(*next)));
        }
    }

    /// As [`Sink::gate`], for all of them.
    pub fn gate(&self) -> Gate {
        self.passage.gate()
    }

    /// As [`Sink::traffic`], for all of them.
    pub fn traffic(&self) -> Traffic {
        self.passage.traffic()
    }

    /// As [`Sink::moved`], for all of them.
    pub fn moved(&self) -> Arc<Notify> {
        self.passage.moved()
    }

    /// The one that keeps state of the host.
    ///
    /// # Errors
    ///
    /// A call of it was cut short.
    pub fn first(&mut self) -> Result<&mut Sink, SinkError> {
        self.lanes[0].sink.as_mut().ok_or(SinkError::GivenUp)
    }

    /// As [`Sink::write`]. Where some lanes take their events and others are full, those have left
    /// theirs.
    ///
    /// # Errors
    ///
    /// As [`Sink::write`]; [`Busy`](Error::Busy) where every lane that has events is full.
    pub async fn write(&mut self, batch: &[Run]) -> Result<Written, SinkError> {
        // Transforms may have left nothing.
        let Some(to) = batch.last().map(end) else { return Ok(Written::default()) };
        if !self.are_several() {
            let rejected = self.first()?.write(batch).await?;
            return Ok(Written { rejected, left: Vec::new() });
        }
        let share = |runs: Vec<Run>| {
            let last = runs.last().map(end)?;
            Some((runs, (to > last).then_some(to)))
        };
        let inputs = divide(batch, self.lanes.len()).into_iter().map(share).collect();
        let answers = self.each(inputs, |sink, (runs, skip)| Box::pin(write(sink, runs, skip)));
        let answers = answers.await;
        let (mut full, mut worst) = (vec![false; answers.len()], None);
        let mut rejected: Option<Vec<Rejection>> = None;
        for (index, answer) in answers.into_iter().enumerate() {
            match answer {
                Some(Ok(more)) => {
                    rejected.get_or_insert_default().extend(more);
                    self.lanes[index].next = to;
                }
                Some(Err(SinkError::Refused(Error::Busy))) => full[index] = true,
                Some(Err(error)) => worst = Some(combined::worse(worst, error)),
                None => {}
            }
        }
        if let Some(error) = worst {
            return Err(error);
        }
        let Some(mut rejected) = rejected else {
            return Err(SinkError::Refused(Error::Busy));
        };
        rejected.sort_by_key(|rejection| rejection.position);
        // One that is full may not pass over what it has left.
        self.skip_in(to, |index| !full[index]).await?;
        let is_left = |run: &&Run| full[lane_of(&run.key, full.len())];
        let left = match full.contains(&true) {
            true => positions(batch.iter().filter(is_left)),
            false => Vec::new(),
        };
        Ok(Written { rejected, left })
    }

    /// As [`Sink::write_until_rejected`], of the only lane.
    ///
    /// # Errors
    ///
    /// As [`Sink::write_until_rejected`].
    pub async fn write_until_rejected(&mut self, batch: &[Run]) -> Result<Written, SinkError> {
        debug_assert!(!self.are_several(), "lanes have no order");
        let rejected = match batch {
            [] => None,
            batch => self.first()?.write_until_rejected(batch).await?,
        };
        Ok(Written { rejected: rejected.into_iter().collect(), left: Vec::new() })
    }

    /// As [`Sink::skip`].
    ///
    /// # Errors
    ///
    /// As [`Sink::skip`].
    pub async fn skip(&mut self, to: u64) -> Result<(), SinkError> {
        if !self.are_several() {
            return self.first()?.skip(to).await;
        }
        self.skip_in(to, |_| true).await
    }

    /// Tells these lanes that they are given nothing before `to`, where they do not know.
    async fn skip_in(&mut self, to: u64, is_told: impl Fn(usize) -> bool) -> Result<(), SinkError> {
        let lanes = self.lanes.iter().enumerate();
        let behind = lanes.map(|(index, lane)| (is_told(index) && lane.next < to).then_some(to));
        let behind: Vec<_> = behind.collect();
        self.all(behind.clone(), |sink, to| Box::pin(sink.skip(to))).await?;
        for (lane, told) in self.lanes.iter_mut().zip(behind) {
            lane.next = told.unwrap_or(lane.next);
        }
        Ok(())
    }

    /// As [`Sink::poll`].
    ///
    /// # Errors
    ///
    /// As [`Sink::poll`].
    pub async fn poll(&mut self) -> Result<Progress, SinkError> {
        let all = self.asked();
        Ok(combined::progress(self.all(all, |sink, ()| Box::pin(sink.poll())).await?))
    }

    /// As [`Sink::flush`].
    ///
    /// # Errors
    ///
    /// As [`Sink::flush`].
    pub async fn flush(&mut self) -> Result<Progress, SinkError> {
        let all = self.asked();
        Ok(combined::progress(self.all(all, |sink, ()| Box::pin(sink.flush())).await?))
    }

    /// As [`Sink::checkpoint`]. The bytes are those of all lanes.
    ///
    /// # Errors
    ///
    /// As [`Sink::checkpoint`].
    pub async fn checkpoint(&mut self) -> Result<Vec<u8>, SinkError> {
        let all = self.asked();
        let states = self.all(all, |sink, ()| Box::pin(sink.checkpoint())).await?;
        let lanes = self.lanes.iter().zip(states);
        let lanes = lanes.map(|(lane, bytes)| Saved { next: lane.next, bytes });
        let joined = state::join(lanes.collect());
        match self.are_several() && joined.len() > self.limits.state_bytes_max {
            true => Err(too_large(joined.len(), &self.limits)),
            false => Ok(joined),
        }
    }

    /// As [`Sink::inspect_state`].
    ///
    /// # Errors
    ///
    /// As [`Sink::inspect_state`].
    pub async fn inspect_state(&mut self, state: &[u8]) -> Result<SavedState, SinkError> {
        let mut saved = Vec::new();
        for Saved { bytes, .. } in state::split(state)? {
            saved.push(self.first()?.inspect_state(bytes).await?);
        }
        Ok(combined::saved(saved))
    }

    /// As [`Sink::commit`].
    ///
    /// # Errors
    ///
    /// As [`Sink::commit`].
    pub async fn commit(&mut self) -> Result<(), SinkError> {
        let all = self.asked();
        self.all(all, |sink, ()| Box::pin(sink.commit())).await.map(drop)
    }

    /// As [`Sink::close`].
    ///
    /// # Errors
    ///
    /// As [`Sink::close`].
    pub async fn close(&mut self, how: Ending) -> Result<Progress, SinkError> {
        let all = self.lanes.iter().map(|_| Some(how)).collect();
        Ok(combined::progress(self.all(all, |sink, how| Box::pin(sink.close(how))).await?))
    }

    /// As [`Sink::metrics`]: the sums over all lanes.
    ///
    /// # Errors
    ///
    /// As [`Sink::metrics`].
    pub async fn metrics(&mut self) -> Result<Vec<Metric>, SinkError> {
        let all = self.asked();
        Ok(combined::metrics(self.all(all, |sink, ()| Box::pin(sink.metrics())).await?))
    }

    /// Asks each lane without more to say.
    fn asked(&self) -> Vec<Option<()>> {
        vec![Some(()); self.lanes.len()]
    }

    /// Makes a call of each lane that there is an input for, and returns all answers, or the worst
    /// error.
    async fn all<I: Send + 'static, T: Send + 'static>(
        &mut self,
        inputs: Vec<Option<I>>,
        ask: for<'a> fn(&'a mut Sink, I) -> Asked<'a, T>,
    ) -> Result<Vec<T>, SinkError> {
        let (mut answers, mut worst) = (Vec::new(), None);
        for answer in self.each(inputs, ask).await.into_iter().flatten() {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => worst = Some(combined::worse(worst, error)),
            }
        }
        worst.map_or(Ok(answers), Err)
    }

    /// Makes a call of each lane that there is an input for, all at the same time. A single one is
    /// called in place.
    async fn each<I: Send + 'static, T: Send + 'static>(
        &mut self,
        inputs: Vec<Option<I>>,
        ask: for<'a> fn(&'a mut Sink, I) -> Asked<'a, T>,
    ) -> Vec<Option<Result<T, SinkError>>> {
        let mut answers: Vec<_> = inputs.iter().map(|_| None).collect();
        let mut calls = JoinSet::new();
        let are_several = self.are_several();
        for (index, input) in inputs.into_iter().enumerate() {
            let Some(input) = input else { continue };
            let lane = &mut self.lanes[index].sink;
            let Some(mut sink) = lane.take() else {
                answers[index] = Some(Err(SinkError::GivenUp));
                continue;
            };
            if are_several {
                calls.spawn(async move {
                    let answer = ask(&mut sink, input).await;
                    (index, sink, answer)
                });
            } else {
                answers[index] = Some(ask(lane.insert(sink), input).await);
            }
        }
        while let Some(called) = calls.join_next().await {
            let (index, sink, answer) =
                called.unwrap_or_else(|error| resume_unwind(error.into_panic()));
            (self.lanes[index].sink, answers[index]) = (Some(sink), Some(answer));
        }
        answers
    }
}

/// Why no checkpoint is stored from which nobody could resume.
fn too_large(bytes: usize, limits: &Limits) -> SinkError {
    let message = format!(
        "their states have {bytes} bytes together, at most {} are allowed; {}",
        limits.state_bytes_max,
        limits.raised_by("state_bytes_max")
    );
    SinkError::Refused(Error::Invalid(vec![Problem { field: "lanes".to_owned(), message }]))
}

/// Gives a lane its events of a batch, and says how far it has come where others have the last.
async fn write(
    sink: &mut Sink,
    runs: Vec<Run>,
    skip: Option<u64>,
) -> Result<Vec<Rejection>, SinkError> {
    let rejected = sink.write(&runs).await?;
    if let Some(to) = skip {
        sink.skip(to).await?;
    }
    Ok(rejected)
}
