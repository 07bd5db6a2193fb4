//! Uploads survive crashes, exactly once: whatever happens, and whenever.

mod cases;
mod exhaustive;
mod lanes;
mod lives;
mod orphans;
mod seeded;
mod support;

use std::collections::BTreeSet;

use bytes::Bytes;
use spillway_simulation::host::Host;

use crate::invariants::rotated;

/// Where names and boundaries depend on the data alone, a crash is not seen in the bucket.
fn the_objects_are_the_same(plain: &Host, host: &Host) {
    let (expected, found) = (objects(plain), objects(host));
    if expected != found {
        host.world.fail(&format!("without crashes there are\n{expected:?}, and not\n{found:?}"));
    }
}

/// No object goes on where rotation ends it: by its data, nor by the time, which goes on while
/// nobody is there.
fn all_are_rotated(host: &Host) {
    for seen in host.objects() {
        let events: Vec<_> = seen.positions.iter().map(|p| &host.world.accepted[p]).collect();
        rotated(&host.world, &seen.name, &events);
    }
}

/// The names and the bytes of all objects that became visible.
fn objects(host: &Host) -> BTreeSet<(String, Bytes)> {
    host.objects().map(|seen| (seen.name.clone(), seen.bytes.clone())).collect()
}
