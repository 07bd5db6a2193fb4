//! The network of a [`World`]: what is under way, and what happens next.

use std::hash::Hash as _;

use spillway_core::http::{Request, Response};
use spillway_core::settings::Timeouts;
use spillway_core::{ExchangeId, Input, Instant, TransportError};

use super::{FaultPlan, World};
use crate::faults::{self, Fault};
use crate::request_info::RequestInfo;

/// Something that will happen.
pub(super) enum Event {
    /// A request reaches the bucket.
    Arrives(Box<Flight>),
    /// An answer, or the want of one, reaches the core.
    Lands { index: u64, exchange: ExchangeId, outcome: Result<Response, TransportError> },
}

/// A request on its way.
pub(super) struct Flight {
    index: u64,
    exchange: ExchangeId,
    request: Request,
    fault: Option<Fault>,
    /// How long the answer takes, and when the core stops waiting for it.
    back: u64,
    deadline: u64,
    /// The core has stopped waiting before the request has even arrived, or is gone.
    pub(super) given_up: bool,
    life: u64,
}

/// A request that leaves.
pub(super) struct Departure {
    index: u64,
    exchange: ExchangeId,
    request: Request,
    pub(super) timeouts: Timeouts,
    fault_plan: FaultPlan,
    life: u64,
}

impl World {
    /// Lets the next thing happen, and moves the time to it. Returns false where nothing will.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next() else { return false };
        self.elapsed = self.elapsed.max(at);
        if self.next_on_the_line() == Some(at) {
            self.ticked_at = None;
            self.move_the_line();
            return true;
        }
        let is_event = self.queue.first_key_value().is_some_and(|((event, _), _)| *event == at);
        if let Some(entry) = self.queue.first_entry().filter(|_| is_event) {
            self.ticked_at = None;
            match entry.remove() {
                Event::Arrives(flight) => self.arrive(*flight),
                Event::Lands { index, exchange, outcome } => self.land(index, exchange, outcome),
            }
        } else {
            self.ticked_at = Some(self.elapsed);
            self.feed(Input::Tick);
        }
        true
    }

    /// When the next thing happens.
    pub(super) fn next(&self) -> Option<u64> {
        let event = self.queue.first_key_value().map(|((at, _), _)| *at);
        // Woken at its time, the core is not woken for the same again.
        let due = self.sink.next_due().filter(|_| !self.is_down);
        let due = due.map(|Instant(due)| due.max(self.elapsed).max(self.paused_until));
        let due = due.filter(|due| self.ticked_at.is_none_or(|ticked| *due > ticked));
        event.into_iter().chain(due).chain(self.next_on_the_line()).min()
    }

    pub(super) fn send(&mut self, exchange: ExchangeId, request: Request, timeouts: Timeouts) {
        let at = self.elapsed();
        let info = self.census.take(&self.bucket.options.name, &request, at);
        let info = info.unwrap_or_else(|error| self.fail(&format!("{request:?}: {error:?}")));
        let fault_plan = (self.decide)(&info, &mut self.random);
        let RequestInfo { index, operation, attempt, bytes, .. } = info;
        let what = match info.part_number {
            Some(number) => format!("{operation} {number} {:?}", info.key),
            None => format!("{operation} {:?}", info.key),
        };
        let fault =
            fault_plan.fault.map(|fault| format!(", to meet {fault:?}")).unwrap_or_default();
        self.note(|| format!("#{index} → {what} (attempt {attempt}, {bytes} bytes{fault})"));
        (self.elapsed, index, format!("{request:?}"), &request.headers, request.body.to_vec())
            .hash(&mut self.fingerprint);

        let life = self.life;
        let departure = Departure { index, exchange, request, timeouts, fault_plan, life };
        match &mut self.line {
            Some(line) if bytes > 0 => line.begin(departure, bytes, self.elapsed),
            _ => self.depart(departure, self.elapsed),
        }
    }

    /// The last byte is on its way. To whoever sent it, it was so at `sent`.
    pub(super) fn depart(&mut self, departure: Departure, sent: u64) {
        let Departure { index, exchange, request, timeouts, fault_plan, life } = departure;
        let arrival = Instant(self.elapsed).after(fault_plan.there).0;
        let deadline = Instant(sent).after(timeouts.first_byte).0;
        let back = u64::try_from(fault_plan.back.as_nanos()).unwrap_or(u64::MAX);
        let given_up = arrival > deadline;
        if given_up {
            let outcome = Err(timed_out());
            self.queue_up(deadline, Event::Lands { index, exchange, outcome });
        }
        let fault = fault_plan.fault;
        let flight = Flight { index, exchange, request, fault, back, deadline, given_up, life };
        self.queue_up(arrival, Event::Arrives(Box::new(flight)));
    }

    /// The connection is closed in the midst of the body.
    pub(super) fn give_up(&mut self, departure: Departure) {
        let Departure { index, exchange, .. } = departure;
        let outcome = Err(timed_out());
        self.queue_up(self.elapsed, Event::Lands { index, exchange, outcome });
    }

    fn arrive(&mut self, flight: Flight) {
        let Flight { index, exchange, request, fault, back, deadline, given_up, life } = flight;
        let at = self.wall();
        let before = self.bucket.log().len();
        let held = given_up.then(|| self.held(&request)).flatten();
        let outcome = faults::apply(fault, &mut self.bucket, at, &request);
        if let Some(logged) = self.bucket.log().get(before) {
            let (status, code) = (logged.status, logged.code.clone());
            self.note(|| format!("#{index}   the bucket says {status} {code}"));
        }
        self.note_begun(life);
        if given_up {
            let changed = held.zip(self.held(&request)).filter(|(before, now)| before != now);
            return changed.into_iter().for_each(|(before, now)| self.note_late(before, now));
        }
        let landing = self.elapsed.saturating_add(back);
        let (at, outcome) = match outcome {
            Err(TransportError::Timeout(text)) => (deadline, Err(TransportError::Timeout(text))),
            _ if landing > deadline => (deadline, Err(timed_out())),
            outcome => (landing, outcome),
        };
        self.queue_up(at, Event::Lands { index, exchange, outcome });
    }

    fn land(
        &mut self,
        index: u64,
        exchange: ExchangeId,
        outcome: Result<Response, TransportError>,
    ) {
        self.note(|| match &outcome {
            Ok(response) => format!("#{index} ← {}", response.status),
            Err(error) => format!("#{index} ← {error}"),
        });
        self.feed(Input::Answer { exchange, outcome });
    }

    fn queue_up(&mut self, at: u64, event: Event) {
        let at = match event {
            Event::Lands { .. } => at.max(self.paused_until),
            Event::Arrives(_) => at,
        };
        self.queue.insert((at, self.queued), event);
        self.queued += 1;
    }
}

fn timed_out() -> TransportError {
    TransportError::Timeout("no answer".to_owned())
}
