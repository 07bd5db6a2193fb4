//! A line of so many bytes a second, which all bodies that are on their way share.
//!
//! Before it lie buffers, those of a client and of its system: a connection's are as good as sent
//! to whoever fills them. So a request seems to be sent as soon as the rest of it fits in there,
//! and from then on its answer is waited for.

use spillway_core::Instant;

use super::World;
use super::events::Departure;

/// A line that is slow.
pub(super) struct Line {
    bytes_per_second: f64,
    sending: Vec<Sending>,
    /// Up to when the bytes were moved.
    at: u64,
}

struct Sending {
    departure: Departure,
    left: f64,
    /// When the rest came to fit into the buffers.
    sent: Option<u64>,
}

/// What comes of a body on its way.
enum Outcome {
    Through,
    GivenUp,
}

impl World {
    /// From here on, all bodies together go at this rate.
    pub fn share_a_line(&mut self, bytes_per_second: u32) {
        let bytes_per_second = f64::from(bytes_per_second);
        self.line = Some(Line { bytes_per_second, sending: Vec::new(), at: self.elapsed });
    }

    /// When the next body is through, or is waited for no more.
    pub(super) fn next_on_the_line(&self) -> Option<u64> {
        self.line.as_ref().and_then(Line::next)
    }

    /// Moves what is on the line up to now.
    pub(super) fn move_the_line(&mut self) {
        let Some(line) = &mut self.line else { return };
        for (departure, sent, outcome) in line.go_on(self.elapsed) {
            match outcome {
                Outcome::Through => self.depart(departure, sent),
                Outcome::GivenUp => self.give_up(departure),
            }
        }
    }

    /// Whatever is on the line never arrives.
    pub(super) fn cut_the_line(&mut self) {
        self.line.iter_mut().for_each(|line| line.sending.clear());
    }
}

impl Line {
    pub(super) fn begin(&mut self, departure: Departure, bytes: u64, now: u64) {
        let left = bytes as f64;
        let sent = (left <= BUFFER_BYTES).then_some(now);
        self.sending.push(Sending { departure, left, sent });
    }

    /// How much of each body goes in a nanosecond.
    fn share(&self) -> f64 {
        self.bytes_per_second / self.sending.len() as f64 / 1e9
    }

    fn next(&self) -> Option<u64> {
        let share = self.share();
        let after = |bytes: f64| self.at + (bytes.max(0.0) / share).ceil() as u64;
        let next = |sending: &Sending| match sending.sent {
            None => after(sending.left - BUFFER_BYTES),
            Some(sent) => after(sending.left).min(sending.deadline(sent)),
        };
        self.sending.iter().map(next).min()
    }

    fn go_on(&mut self, now: u64) -> Vec<(Departure, u64, Outcome)> {
        let moved =
            if self.sending.is_empty() { 0.0 } else { self.share() * (now - self.at) as f64 };
        self.at = now;
        let mut over = Vec::new();
        for mut sending in std::mem::take(&mut self.sending) {
            sending.left -= moved;
            if sending.left <= BUFFER_BYTES {
                sending.sent.get_or_insert(now);
            }
            match sending.sent {
                Some(sent) if sending.left <= 0.0 => {
                    over.push((sending.departure, sent, Outcome::Through));
                }
                Some(sent) if sending.deadline(sent) <= now => {
                    over.push((sending.departure, sent, Outcome::GivenUp));
                }
                _ => self.sending.push(sending),
            }
        }
        over
    }
}

impl Sending {
    /// When nobody waits for the answer any more.
    fn deadline(&self, sent: u64) -> u64 {
        Instant(sent).after(self.departure.timeouts.first_byte).0
    }
}

/// What Linux has for a connection whose sender bounds nothing, by and large.
const BUFFER_BYTES: f64 = (2 << 20) as f64;
