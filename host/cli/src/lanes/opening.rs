//! Opens the lanes of a sink, all at the same time.

use std::panic::resume_unwind;

use spillway::component::Component;
use spillway::contract::Error;
use spillway::egress::Passage;
use spillway::grants::Grants;
use spillway::sink::SinkError;
use tokio::task::JoinSet;

use super::state::{self, Saved};
use super::{Lane, Sinks};

/// Opens one lane for each of these configurations, with the states of a checkpoint if it goes on
/// from one.
///
/// # Errors
///
/// As [`Component::open`]; that the checkpoint has another number of lanes is
/// [`UnknownState`](Error::UnknownState).
pub async fn open(
    component: &Component,
    configs: &[String],
    state: Option<&[u8]>,
    grants: &Grants,
    passage: Passage,
) -> Result<Sinks, SinkError> {
    let saved = match state {
        Some(state) => state::split(state)?.into_iter().map(Some).collect(),
        None => configs.iter().map(|_| None).collect::<Vec<_>>(),
    };
    if saved.len() != configs.len() {
        let (seen, now) = (saved.len(), configs.len());
        let text = format!("the checkpoint is of `lanes` = {seen}, and `lanes` is {now}");
        return Err(SinkError::Refused(Error::UnknownState(text)));
    }
    let limits = grants.limits;
    let of = |lanes, passage| Sinks { lanes, passage, limits };
    if let ([config], [saved]) = (configs, &saved[..]) {
        // A state may be large, and that of a single lane is not copied.
        let lane = lane(component, config, saved.as_ref(), grants, &passage).await?;
        return Ok(of(vec![lane], passage));
    }
    let mut opening = JoinSet::new();
    for (index, (config, saved)) in configs.iter().cloned().zip(saved).enumerate() {
        let (component, grants, passage) = (component.clone(), grants.clone(), passage.clone());
        let saved = saved.map(Saved::into_owned);
        opening.spawn(async move {
            (index, lane(&component, &config, saved.as_ref(), &grants, &passage).await)
        });
    }
    let mut lanes: Vec<_> = configs.iter().map(|_| None).collect();
    while let Some(opened) = opening.join_next().await {
        let (index, lane) = opened.unwrap_or_else(|error| resume_unwind(error.into_panic()));
        lanes[index] = Some(lane?);
    }
    Ok(of(lanes.into_iter().flatten().collect(), passage))
}

async fn lane<B: AsRef<[u8]>>(
    component: &Component,
    config: &str,
    saved: Option<&Saved<B>>,
    grants: &Grants,
    passage: &Passage,
) -> Result<Lane, SinkError> {
    let state = saved.map(|saved| saved.bytes.as_ref());
    let sink = component.open_through(config, state, grants, passage.clone()).await?;
    Ok(Lane { sink: Some(sink), next: saved.map_or(0, |saved| saved.next) })
}
