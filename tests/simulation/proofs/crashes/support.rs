//! A host and a world for cases that are written down step by step.

use std::time::Duration;

use spillway_core::Settings;
pub(super) use spillway_simulation::bucket::Action;
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::host::{Arrivals, HostBehaviour};
pub(super) use spillway_simulation::host::{Host, event};
use spillway_simulation::world::{FaultPlan, World};

/// What fills more than one part.
pub(super) const PARTS: &str = "0123456789abcdefghijklmnop";

/// A host with these events, that takes a checkpoint where the case says so; parts of 16 bytes,
/// and a network in which nothing goes wrong.
pub(super) fn host(more: &str, events: &[(&str, &str)]) -> Host {
    let config = format!(
        r#"{{"bucket": "bucket", "endpoint": "http://s3.test", "attempts_max": 3,
            "commit": "checkpointed"{more}}}"#
    );
    let mut settings = Settings::parse(&config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (16, 512);
    let options = BucketOptions { part_bytes_min: 16, ..BucketOptions::default() };
    let mut world = World::with_settings(settings, options, 1);
    world.on_request(|_, random| FaultPlan::random(random));
    let source = events.iter().zip(0..);
    let source = source.map(|((key, text), at)| ((*key).to_owned(), event(at, text))).collect();
    let behaviour = HostBehaviour {
        checkpoint_every: 1_000,
        arrivals: Arrivals::All,
        down_max: Duration::from_secs(5),
        ..HostBehaviour::default()
    };
    Host::new(world, source, behaviour, 1)
}

/// Runs until so many uploads are open in the bucket.
pub(super) fn until_open(host: &mut Host, count: usize) {
    while host.world.bucket.open_uploads().len() < count {
        assert!(host.world.step(), "{}", host.world.trace().join("\n"));
    }
}

/// Crashes, and is away for a minute.
pub(super) fn crash(host: &mut Host) {
    host.crash();
    host.world.run_for(Duration::from_secs(60));
}

/// The names of the objects that are visible.
pub(super) fn visible(host: &Host) -> Vec<&str> {
    host.world.bucket.objects().keys().map(String::as_str).collect()
}
