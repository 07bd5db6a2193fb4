//! When objects end, in a few lines.

use std::time::Duration;

use spillway_core::Settings;
use spillway_core::encode::ObjectFraming;
use spillway_core::settings::Rotation;
use spillway_simulation::world::{Accepted, World};

use super::PART;

/// Which events an object is of: its key, and their positions.
pub(super) type Object = (String, Vec<u64>);

/// What the settings say, done in the plainest way: which objects are open, the one that was
/// written to the longest ago first, and which have ended.
pub(super) struct Model {
    rotation: Rotation,
    max_open: usize,
    memory: u64,
    pub(super) open: Vec<OpenObject>,
    pub(super) ended: Vec<Object>,
    next_position: u64,
    /// How many bytes follow each event.
    separator: u64,
    /// Objects are of one hour each.
    is_dated: bool,
}

pub(super) struct OpenObject {
    object: Object,
    hour: u64,
    bytes: u64,
    begun: Duration,
    written: Duration,
}

impl Model {
    pub(super) fn of(world: &World) -> Model {
        let Settings { objects, upload, .. } = world.settings.clone();
        Model {
            rotation: objects.rotation,
            max_open: objects.max_open_objects,
            memory: objects.memory_bytes_max,
            open: Vec::new(),
            ended: Vec::new(),
            next_position: 0,
            separator: u64::from(upload.encoding.framing == ObjectFraming::Newline),
            is_dated: world.settings.names.template.to_string().contains("{date:"),
        }
    }

    /// Takes in the events of a run of so many bytes, which the world has taken.
    pub(super) fn run(&mut self, world: &World, mut bytes: u64) {
        let mut is_full = true;
        bytes += self.separator * world.accepted.range(self.next_position..).count() as u64;
        for (position, event) in world.accepted.range(self.next_position..) {
            if is_full {
                self.make_room(event, bytes);
            }
            is_full = self.event(*position, event);
            bytes -= event.payload.len() as u64 + self.separator;
            self.next_position = position + 1;
        }
        self.follow(world);
    }

    /// What is short of a part waits for more. Where that leaves no room, others end.
    fn make_room(&mut self, event: &Accepted, bytes: u64) {
        let hour = self.hour(event);
        let idle = |open: &OpenObject| open.bytes % PART;
        while self.open.iter().map(idle).sum::<u64>() + bytes > self.memory {
            let is_own = |open: &OpenObject| open.object.0 == event.key && open.hour == hour;
            let other = |open: &OpenObject| !is_own(open) && idle(open) > 0;
            let Some(index) = self.open.iter().position(other) else { break };
            self.end(index);
        }
    }

    /// Lets the time pass that has passed in the world.
    pub(super) fn follow(&mut self, world: &World) {
        self.wait_until(world.elapsed());
        let (open, modelled) = (world.sink.open_objects(), self.open.len());
        if open != modelled {
            world.fail(&format!("{open} objects are open, and {modelled} should be"));
        }
    }

    /// Returns whether its object ended with it.
    fn event(&mut self, position: u64, event: &Accepted) -> bool {
        self.wait_until(event.at);
        let hour = self.hour(event);
        let is_own = |open: &OpenObject| open.object.0 == event.key && open.hour == hour;
        let found = self.open.iter().position(is_own);
        let mut open = match found {
            Some(index) => self.open.remove(index),
            None => {
                if self.open.len() == self.max_open {
                    self.end(0);
                }
                let object = (event.key.clone(), Vec::new());
                OpenObject { object, hour, bytes: 0, begun: event.at, written: event.at }
            }
        };
        open.object.1.push(position);
        open.bytes += event.payload.len() as u64 + self.separator;
        open.written = event.at;
        let events = open.object.1.len() as u64;
        let is_full = self.rotation.bytes.is_some_and(|bytes| open.bytes >= bytes)
            || self.rotation.events.is_some_and(|most| events == most);
        self.open.push(open);
        if is_full {
            self.end(self.open.len() - 1);
        }
        is_full
    }

    /// The hour in the name of the event's object.
    fn hour(&self, event: &Accepted) -> u64 {
        if self.is_dated { event.happened.0 / 3_600_000_000_000 } else { 0 }
    }

    fn wait_until(&mut self, now: Duration) {
        let Rotation { age, idle, .. } = self.rotation;
        let is_over = |open: &OpenObject| {
            age.is_some_and(|age| open.begun + age <= now)
                || idle.is_some_and(|idle| open.written + idle <= now)
        };
        while let Some(index) = self.open.iter().position(is_over) {
            self.end(index);
        }
    }

    pub(super) fn end(&mut self, index: usize) {
        self.ended.push(self.open.remove(index).object);
    }
}
