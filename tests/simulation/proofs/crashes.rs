//! Uploads survive crashes, exactly once: whatever happens, and whenever.

mod cases;
mod exhaustive;
mod orphans;
mod seeded;
mod support;

use std::collections::BTreeSet;

use bytes::Bytes;
use spillway_simulation::flow::Flow;

use crate::invariants::rotated;

/// Where names and boundaries depend on the data alone, a crash is not seen in the bucket.
fn the_objects_are_the_same(plain: &Flow, flow: &Flow) {
    let (expected, found) = (objects(plain), objects(flow));
    if expected != found {
        flow.world.fail(&format!("without crashes there are\n{expected:?}, and not\n{found:?}"));
    }
}

/// No object goes on where rotation ends it: by its data, nor by the time, which goes on while
/// nobody is there.
fn all_are_rotated(flow: &Flow) {
    for seen in flow.objects() {
        let events: Vec<_> = seen.positions.iter().map(|p| &flow.world.accepted[p]).collect();
        rotated(&flow.world, &seen.name, &events);
    }
}

/// The names and the bytes of all objects that became visible.
fn objects(flow: &Flow) -> BTreeSet<(String, Bytes)> {
    flow.objects().map(|seen| (seen.name.clone(), seen.bytes.clone())).collect()
}
