//! When objects end: against a model of a few lines, and case by case.

mod against_model;
mod limits;
mod model;
mod open_objects;

use std::time::Duration;

use spillway_core::Settings;
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::world::World;

use crate::invariants::hold_at_the_end;
use model::Object;

const PART: u64 = 16;
const SECOND: Duration = Duration::from_secs(1);

fn world_with(seed: u64, change: impl FnOnce(&mut Settings)) -> World {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test", "framing": "none"}"#;
    let mut settings = Settings::parse(config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (PART, 1_000 * PART);
    change(&mut settings);
    let options = BucketOptions { part_bytes_min: PART, ..BucketOptions::default() };
    World::with_settings(settings, options, seed)
}

/// Runs to the end, and proves what must hold there.
fn finish(world: &mut World) {
    world.seal_and_settle();
    world.land_all();
    let largest = world.accepted.values().map(|accepted| accepted.payload.len()).max();
    hold_at_the_end(world, largest.unwrap_or(0) as u64);
}

/// The objects that became visible: their keys, and their bytes as text.
fn visible(world: &World) -> Vec<(&str, &str)> {
    let history = world.bucket.visible_history().iter();
    history.map(|v| (v.key.as_str(), std::str::from_utf8(&v.object.bytes).unwrap())).collect()
}

/// The objects of the core, without regard to their order.
fn objects(world: &World) -> Vec<Object> {
    let spans = world.visible.iter().map(|object| &object.span);
    let object = |span: &spillway_core::Span| {
        let events = world.accepted.range(span.first..=span.last);
        let own = events.filter(|(position, e)| e.key == span.key && span.holds(**position));
        (span.key.clone(), own.map(|(position, _)| *position).collect())
    };
    let mut objects: Vec<Object> = spans.map(object).collect();
    objects.sort();
    objects
}
