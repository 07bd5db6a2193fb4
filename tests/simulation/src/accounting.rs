//! Where every event is: the invariants that hold after each step of a [`World`].

use std::collections::BTreeMap;
use std::sync::Arc;

use spillway_core::Span;
use spillway_core::encode::{Encoding, ObjectFraming};

use crate::bucket::Object;
use crate::decode;
use crate::world::{Accepted, World};

/// Every event that was accepted is in exactly one object that is unfinished, visible or failed, by
/// the core's own word.
///
/// # Errors
///
/// Says which event is not, and in how many objects it is.
pub fn every_event_is_somewhere(world: &World) -> Result<(), String> {
    let visible = world.visible.iter().map(|object| &object.span);
    let failed = world.failed.iter().map(|failure| &failure.span);
    let mut places: BTreeMap<u64, u32> = world.accepted.keys().map(|p| (*p, 0)).collect();
    for span in visible.chain(failed).chain(world.sink.unfinished()) {
        let mut events = 0;
        for (position, accepted) in world.accepted.range(span.first..=span.last) {
            if accepted.key == span.key && span.holds(*position) {
                *places.entry(*position).or_default() += 1;
                events += 1;
            }
        }
        if events != span.events {
            return Err(format!("{span:?} says {} events, but {events} are", span.events));
        }
    }
    match places.iter().find(|(_, count)| **count != 1) {
        Some((position, count)) => Err(format!("event {position} is in {count} objects")),
        None => Ok(()),
    }
}

/// Every object that was reported visible became visible with exactly the bytes of its events.
///
/// # Errors
///
/// Says which was not.
pub fn what_is_sealed_was_visible(world: &World) -> Result<(), String> {
    for stored in &world.visible {
        let expected = bytes_of(world, &stored.span);
        let mut history = world.bucket.visible_history().iter();
        let found = history.any(|v| {
            let object = &v.object.bytes;
            v.key == stored.span.object_key
                && object.len() as u64 == stored.bytes
                && decompressed(world, object) == expected
        });
        if !found {
            return Err(format!("{:?} was never visible with its bytes", stored.span));
        }
    }
    Ok(())
}

/// Every object that ever became visible has exactly the bytes of the events of one object of the
/// core: visible, failed or unfinished.
///
/// # Errors
///
/// Says which has not.
pub fn what_is_visible_was_meant(world: &World) -> Result<(), String> {
    let visible = world.visible.iter().map(|object| &object.span);
    let failed = world.failed.iter().map(|failure| &failure.span);
    let spans: Vec<&Span> = visible.chain(failed).chain(world.sink.unfinished()).collect();
    for visible in world.bucket.visible_history() {
        let bytes = decompressed(world, &visible.object.bytes);
        let is = |span: &&&Span| span.object_key == visible.key && bytes == bytes_of(world, span);
        if !spans.iter().any(|span| is(&span)) {
            let len = visible.object.bytes.len();
            return Err(format!("{:?} became visible with {len} bytes of no object", visible.key));
        }
    }
    Ok(())
}

/// The objects of other writers are as they were, and nothing of ours was replaced either.
///
/// # Errors
///
/// Says which was replaced.
pub fn nothing_was_replaced(world: &World) -> Result<(), String> {
    for (name, object) in world.bucket.of_others() {
        let is_same = |now: &Arc<Object>| Arc::ptr_eq(now, object);
        if !world.bucket.objects().get(name).is_some_and(is_same) {
            return Err(format!("{name:?} of another writer was replaced"));
        }
    }
    // Names with a UUID need no condition. A request for one that is sent again, since its answer
    // was lost, puts the same object once more.
    let has_uuid = world.settings.names.template.has_uuid();
    let mut nonces = BTreeMap::new();
    for visible in world.bucket.visible_history() {
        let nonce = visible.object.header("x-amz-meta-spillway-nonce");
        let is_the_same = *nonces.entry(&visible.key).or_insert(nonce) == nonce;
        if visible.object.overwritten > 0 && !(has_uuid && is_the_same) {
            return Err(format!("{:?} became visible twice", visible.key));
        }
    }
    Ok(())
}

/// No event that was reported stored is in two objects that ever became visible. Every payload has
/// to be another one.
///
/// # Errors
///
/// Says which object has a double.
pub fn what_is_sealed_is_there_once(world: &World) -> Result<(), String> {
    for object in &world.visible {
        let bytes = bytes_of(world, &object.span);
        let history = world.bucket.visible_history().iter();
        let count = history.filter(|visible| visible.object.bytes == bytes).count();
        if count != 1 {
            return Err(format!("{:?} became visible {count} times", object.span));
        }
    }
    Ok(())
}

/// The uploads that are open in the bucket although the core has settled and does not name them
/// among its leftovers. One whose id never reached the core may be named without it.
pub fn uploads_nobody_knows(world: &World) -> Vec<String> {
    let mut leftovers = world.sink.left_uploads();
    let mut unknown = Vec::new();
    for (id, upload) in world.bucket.open_uploads() {
        let named = leftovers.iter().position(|l| l.upload_id.as_ref() == Some(id));
        let guessed =
            || leftovers.iter().position(|l| l.upload_id.is_none() && l.object_key == upload.key);
        match named.or_else(guessed) {
            Some(index) => {
                leftovers.remove(index);
            }
            None => unknown.push(format!("{id} of {:?}", upload.key)),
        }
    }
    unknown
}

/// The events of an object.
pub fn events_of<'a>(world: &'a World, span: &'a Span) -> impl Iterator<Item = &'a Accepted> {
    let events = world.accepted.range(span.first..=span.last);
    let own = events.filter(|(position, e)| e.key == span.key && span.holds(**position));
    own.map(|(_, event)| event)
}

/// The bytes that an object of these events has, decompressed.
pub fn bytes_of(world: &World, span: &Span) -> Vec<u8> {
    let events: Vec<_> = events_of(world, span).map(|event| &event.payload[..]).collect();
    decode::framed(world.settings.upload.encoding.framing, &events)
}

/// How many bytes an object has that so far holds these events and is not sealed, where that does
/// not depend on a compressor.
pub fn bytes_so_far(world: &World, payloads: &[&[u8]]) -> Option<u64> {
    let Encoding { framing, compression } = world.settings.upload.encoding;
    let closing = if framing == ObjectFraming::JsonArray { 2 } else { 0 };
    let sealed = decode::framed(framing, payloads).len();
    compression.is_none().then(|| sealed.saturating_sub(closing) as u64)
}

/// The bytes of an object as whoever reads it gets them.
pub fn decompressed(world: &World, object: &[u8]) -> Vec<u8> {
    let decoded = decode::decompressed(world.settings.upload.encoding.compression, object);
    decoded.unwrap_or_else(|error| world.fail(&format!("an object that no one can read: {error}")))
}
