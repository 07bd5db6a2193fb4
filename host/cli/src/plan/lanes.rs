//! The lanes of a sink: whether a flow can have them, and what each of them is given.

use serde_json::Value;

use super::share::{Share, Shared};
use super::{Destination, Plan, PlanError};
use crate::lanes::{LANE, LANES, LaneSettings, configured};
use crate::map::OnRejected;
use crate::source::SourceSettings;
use spillway::component::Component;
use spillway::contract::Error;
use spillway::grants::Grants;
use spillway::problem::Problem;
use spillway::sink::SinkError;

/// What the lanes of a sink are given.
pub(crate) struct LaneShares {
    /// The configuration of each.
    pub(crate) configs: Vec<String>,
    /// What each of them is granted: all have the requests in flight together.
    pub(crate) grants: Grants,
}

/// What stands around the sink of a flow and bears on its lanes.
pub(super) struct Around<'a> {
    pub(super) source: Option<&'a SourceSettings>,
    pub(super) on_rejected: Option<&'a OnRejected>,
    pub(super) has_checkpoint: bool,
}

impl Plan {
    /// What the lanes are given of a run that goes on from this state, or begins without one.
    pub(crate) async fn lane_shares(&self, state: Option<&[u8]>) -> Result<LaneShares, PlanError> {
        let Plan { sink, config, grants, lanes, .. } = self;
        let count = lanes.count(state);
        if count == 1 {
            let (configs, grants) = (vec![config.clone()], grants.clone());
            return Ok(LaneShares { configs, grants });
        }
        let shared = Shared::of(sink, config, grants).await?;
        if let Some(message) = shared.exceeded_by(count, "lanes") {
            // The number is that of the checkpoint: a number that is written was looked at before.
            let problems = vec![Problem::new("sink.lanes", message)];
            return Err(PlanError::Problems { flow: "the flow".to_owned(), problems });
        }
        let Share { config, grants } = shared.among(count);
        let configs = (0..count).map(|index| configured(&config, index, count)).collect();
        Ok(LaneShares { configs, grants })
    }
}

/// Proves that a flow can have the lanes that it says: no two keys may give one object, and nothing
/// may want one order of all events.
pub(super) async fn prove(
    destination: &Destination,
    around: &Around<'_>,
    problems: &mut Vec<Problem>,
) -> Result<(), PlanError> {
    let Destination { sink, config, grants, lanes } = destination;
    let is_one = *lanes == LaneSettings::default();
    let written: Value = serde_json::from_str(config).unwrap_or_default();
    let own = [LANES, LANE].into_iter().filter(|field| written.get(field).is_some());
    let own: Vec<_> = own.filter(|_| sink.is_embedded() || !is_one).collect();
    problems.extend(own.iter().map(|field| Problem::new(format!("sink.config.{field}"), OWN)));
    if is_one || !own.is_empty() {
        return Ok(());
    }
    let mut refuse = |message: String| problems.push(Problem::new("sink.lanes", message));
    if around.source.is_some_and(|source| source.kafka().is_some()) {
        refuse(OF_A_GROUP.to_owned());
        return Ok(());
    }
    if !has_lanes(sink, grants).await? {
        refuse(NO_LANES.to_owned());
        return Ok(());
    }
    // What a machine with one core takes, one with more is to take, too.
    let count = lanes.count(None).max(2);
    let shared = Shared::of(sink, config, grants).await?;
    if let Some(message) = shared.exceeded_by(count, "lanes") {
        refuse(message);
        return Ok(());
    }
    if around.on_rejected == Some(&OnRejected::Stop) && !around.has_checkpoint {
        problems.push(Problem::new("map.on_rejected", IN_ORDER));
    }
    let config = configured(&shared.among(count).config, 0, count);
    match sink.egress(&config, &grants.limits).await {
        Err(SinkError::Refused(Error::Invalid(found))) => {
            let field = |name: &str| format!("sink.config.{name}");
            problems.extend(found.iter().map(|it| Problem::new(field(&it.field), &it.message)));
            Ok(())
        }
        wanted => Ok(wanted.map(drop)?),
    }
}

/// Whether a component says that it runs in lanes.
async fn has_lanes(sink: &Component, grants: &Grants) -> Result<bool, SinkError> {
    let schema = sink.describe(&grants.limits).await?.configuration_schema;
    let schema: Value = serde_json::from_str(&schema).unwrap_or_default();
    Ok([LANES, LANE].iter().all(|field| schema["properties"].get(field).is_some()))
}

const OWN: &str = "is set for each lane by the command; remove it, and write lanes in [sink]";
const OF_A_GROUP: &str = "is set, but the partitions that a member of a Kafka group reads \
                          are its lanes already: each has a sink of its own; remove it";
const NO_LANES: &str = "is set, but the component cannot run in lanes: its configuration \
                        has no fields `lanes` and `lane`; remove it";
const IN_ORDER: &str = "is \"stop\", but with lanes in [sink] events behind a rejected one may be \
                        stored already; write \"skip\" or { file = \"...\" }, or add [checkpoint]";
