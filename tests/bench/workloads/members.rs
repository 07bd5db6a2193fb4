//! Members of a consumer group on one machine.

use crate::arguments::Arguments;
use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::flow;
use crate::group::{Job, OBJECTS, PARTITIONS, RECORD_BYTES};
use crate::result::{Section, Unit, grouped};
use crate::role::Role;

/// One, two and four.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn measure(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    flow::build()?;
    // With fewer, all are committed at once.
    let each = PARTITIONS as u64 * OBJECTS;
    let records = sizes.lines.max(RECORDS_MIN) / each * each;
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
    let entrants = [1, 2, 4].map(side).into();
    let races = [Race { name: "one topic".to_owned(), entrants }];
    bench.once(&races[0].entrants[0])?;
    Ok(Section {
        title: "Members of a Kafka consumer group".to_owned(),
        about: format!(
            "{} records of {RECORD_BYTES} bytes in {PARTITIONS} partitions, raw, at least once, \
             from the mock cluster of librdkafka. The rate is that from the first offset that the \
             group commits to the last one. Cluster, members and server share the cores, and the \
             cluster answers with one thread. The time between the two is short, and what was \
             fetched before it counts: so the rates are rough, and may be above what the cores can \
             do for long. CPU time is that of all members, from their start; memory is that of the \
             largest one.",
            grouped(records as f64),
        ),
        unit: Unit::Records,
        cases: bench.run(&races)?,
    })
}

const RECORDS_MIN: u64 = 240_000;
