//! Members of a consumer group on one machine.

use crate::arguments::Arguments;
use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::flow;
use crate::group::{Job, PARTITIONS, RECORD_BYTES};
use crate::result::{Section, Unit, grouped};
use crate::role::Role;

/// One and two.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn measure(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    flow::build()?;
    let records = sizes.lines;
    let bytes = records * RECORD_BYTES as u64;
    let side = |members: usize| Entrant {
        name: format!("{members} member{}", if members == 1 { "" } else { "s" }),
        role: Role::Group(Job {
            members,
            records,
            command: flow::command(),
            environment: flow::environment(&bench.cache()),
            endpoint: bench.endpoint().to_owned(),
            folder: bench.path(&format!("members-{members}")),
        }),
        stored: Some(Stored { objects: None, bytes: Some(bytes) }),
        emptied: Some(bench.path(&format!("members-{members}"))),
        measure: Measure::Objects(records),
    };
    let entrants = [1, 2].map(side).into();
    let races = [Race { name: "one topic".to_owned(), entrants }];
    bench.once(&races[0].entrants[0])?;
    Ok(Section {
        title: "Members of a Kafka consumer group".to_owned(),
        about: format!(
            "{} records of {RECORD_BYTES} bytes in {PARTITIONS} partitions, raw, at least once, \
             from the mock cluster of librdkafka. The rate is that from the first offset that the \
             group commits to the last one. Cluster, members and server share the cores, and the \
             cluster answers with one thread. CPU time is that of all members.",
            grouped(records as f64),
        ),
        unit: Unit::Records,
        cases: bench.run(&races)?,
    })
}
