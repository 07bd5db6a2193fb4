//! What holds at the end of a day. The host has looked at the rest: each event is in one object,
//! which is whole, and the memory was within its limit at each instant.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use spillway_core::Timestamp;

use super::{CHECKPOINT_EVERY, DAY, Day, HOUR};

pub(super) fn holds(day: &Day) {
    let world = &day.host.world;
    if let Some(failure) = world.failed.first() {
        world.fail(&format!("{failure:?} for good"));
    }
    // A life ends what those before it left. Of an upload whose id was lost it says so itself.
    for id in world.bucket.open_uploads().keys() {
        if world.begun.get(id).is_none_or(|(life, _)| *life != world.life()) {
            world.fail(&format!("{id} is open, and of another life"));
        }
    }
    if day.host.crashed == 0 {
        world.fail("nothing crashed");
    }
    in_order(day);
    no_object_is_too_old(day);
    each_is_visible_in_time(day);
    it_waits_for_the_store(day);
    no_expired_key_was_accepted(day);
}

/// Within a key, each object holds events that come after those of the one before it. With dates in
/// names this holds within an object, since the clock is set back.
fn in_order(day: &Day) {
    let world = &day.host.world;
    let is_dated = world.settings.names.template.to_string().contains("{date:");
    let mut last = BTreeMap::new();
    for seen in day.host.objects() {
        let follows = last.get(&seen.key).is_none_or(|last| *last < seen.positions[0]);
        if !seen.positions.is_sorted() || !(follows || is_dated) {
            world.fail(&format!("{:?} is out of order", seen.name));
        }
        last.extend(seen.positions.last().map(|last| (seen.key.clone(), *last)));
    }
}

/// No event comes to an object whose time is over, by a clock that nobody sets. Where nobody was
/// there, the wall clock alone tells how long that was.
fn no_object_is_too_old(day: &Day) {
    let world = &day.host.world;
    let age = world.settings.objects.rotation.age.expect("it is set");
    for seen in day.host.objects() {
        let at = |position: &u64| world.accepted[position].at;
        let (first, last) = (at(&seen.positions[0]), seen.positions.last().map_or(DAY, at));
        let unseen: Duration = day
            .lives
            .iter()
            .filter(|life| life.from < last && life.began > first)
            .map(|life| hidden(day, life.from, life.began))
            .sum();
        if last - first >= age + unseen {
            world.fail(&format!("{:?} goes on after {:?}", seen.name, last - first));
        }
    }
}

/// How much less than what passed between two times the wall clock shows.
fn hidden(day: &Day, from: Duration, to: Duration) -> Duration {
    let ahead = |at| day.plan.clock.range(..=at).next_back().map_or(0, |(_, ahead)| *ahead);
    let back = ahead(from) - ahead(to);
    Duration::from_nanos(u64::try_from(back).unwrap_or(0)).min(to - from)
}

/// An object is visible soon after its time is over, unless the store is away, or nobody is there.
fn each_is_visible_in_time(day: &Day) {
    let world = &day.host.world;
    let start = world.wall().0 - u64::try_from(world.elapsed().as_nanos()).unwrap_or(0);
    let mut visible = BTreeMap::new();
    for entry in world.bucket.visible_history() {
        visible.entry(&*entry.key).or_insert(entry.object.at.since(Timestamp(start)));
    }
    let age = world.settings.objects.rotation.age.expect("it is set");
    let away = day.plan.outage.start..day.plan.outage.end + SOON;
    let down = day.lives.iter().map(|life| life.from..life.began + SOON);
    let excuses: Vec<_> = down.chain([away]).collect();
    let mut looked_at = 0;
    for seen in day.host.objects() {
        let begun = world.accepted[&seen.positions[0]].at;
        let end = begun + age + CHECKPOINT_EVERY + SOON;
        if excuses.iter().any(|excuse| excuse.start < end && begun < excuse.end) {
            continue;
        }
        looked_at += 1;
        if visible[&*seen.name] > end {
            world.fail(&format!(
                "{:?} is visible {:?} late",
                seen.name,
                visible[&*seen.name] - end
            ));
        }
    }
    if looked_at < OBJECTS_MIN {
        world.fail(&format!("there are {looked_at} objects of which this can be said"));
    }
}

/// While the store is away, the memory fills, and then nothing more is taken.
fn it_waits_for_the_store(day: &Day) {
    let world = &day.host.world;
    if day.backlog < BACKLOG_MIN {
        world.fail(&format!("at most {} events waited for the store", day.backlog));
    }
    if world.peaks.held * 2 < world.settings.objects.memory_bytes_max {
        world.fail(&format!("at most {} bytes were held", world.peaks.held));
    }
}

/// What was done was signed with a key that was good then, and each hour with another.
fn no_expired_key_was_accepted(day: &Day) {
    let world = &day.host.world;
    let mut used = BTreeSet::new();
    for logged in world.bucket.log().iter().filter(|logged| logged.status < 300) {
        let mut keys = world.bucket.options.keys.iter();
        let key = keys.find(|key| key.access_key_id == logged.access_key_id);
        let end = key.and_then(|key| key.expires_at);
        if end.is_none_or(|end| end <= logged.at) {
            world.fail(&format!("{logged:?} was done with a key that was good until {end:?}"));
        }
        used.insert(&logged.access_key_id);
    }
    // The store may be away for all of one of them.
    let hours = DAY.as_secs() / HOUR.as_secs();
    if (used.len() as u64) < hours - 2 {
        world.fail(&format!("only {used:?} were used"));
    }
}

/// What the end of an upload takes, with what goes wrong on a day like this.
const SOON: Duration = Duration::from_secs(180);
const OBJECTS_MIN: usize = 24;
const BACKLOG_MIN: usize = 10;
