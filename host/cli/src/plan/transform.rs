//! The transforms of a flow: loaded, and proven to take their configuration.

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::checkpoint::Through;
use crate::flow::TransformSettings;
use crate::run;
use spillway::component::ComponentSource;
use spillway::contract::Error;
use spillway::engine::{Engine, Limits};
use spillway::problem::Problem;
use spillway::sink::SinkError;
use spillway::transform::{LoadError, TransformComponent};

use super::{PlanError, chain, engine};

/// The transforms of a flow, in their order.
#[derive(Default)]
pub(crate) struct Transforms(Vec<Prepared>);

/// One that takes its configuration.
struct Prepared {
    component: TransformComponent,
    config: String,
    limits: Limits,
    identity: Through,
}

impl Transforms {
    /// Loads them. What is wrong with one is added to the problems.
    pub(super) async fn load(
        settings: Vec<TransformSettings>,
        problems: &mut Vec<Problem>,
    ) -> Result<Transforms, PlanError> {
        let mut transforms = Vec::new();
        if settings.is_empty() {
            return Ok(Transforms(transforms));
        }
        let engine = engine()?;
        for (index, settings) in settings.into_iter().enumerate() {
            let place = format!("transform[{index}]");
            transforms.extend(one(&engine, settings, &place, problems).await?);
        }
        Ok(Transforms(transforms))
    }

    /// Opens them for a run.
    pub(crate) async fn open(&self) -> Result<run::Transforms, PlanError> {
        let mut open = Vec::new();
        for (index, Prepared { component, config, limits, .. }) in self.0.iter().enumerate() {
            let opened = component.open(config, limits).await;
            open.push(opened.map_err(|error| failed(&format!("transform[{index}]"), error))?);
        }
        Ok(run::Transforms::new(open))
    }

    /// What a checkpoint keeps of them.
    pub(crate) fn identity(&self) -> Vec<Through> {
        self.0.iter().map(|transform| transform.identity.clone()).collect()
    }
}

/// One transform, or what is wrong with it. It is opened once: that needs nothing, and does
/// nothing.
async fn one(
    engine: &Engine,
    settings: TransformSettings,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Result<Option<Prepared>, PlanError> {
    let TransformSettings { component: path, limits, config } = settings;
    let compile_max = limits.compile_max();
    let (engine, source) = (engine.clone(), ComponentSource::File(path));
    // To read and compile it may take long, and a signal is heard meanwhile.
    let loading = tokio::task::spawn_blocking(move || {
        let bytes = source.read(compile_max)?.into_owned();
        let digest = digest(&bytes);
        let source = ComponentSource::Bytes(bytes);
        let component = TransformComponent::load_within(&engine, &source, compile_max)?;
        Ok::<_, LoadError>((component, digest))
    });
    let loaded = loading.await.context("the component was not loaded")?;
    let (component, digest_of_component) = match loaded {
        Ok(loaded) => loaded,
        Err(error) if error.is_limit() => {
            let (field, source) = (format!("{place}.component"), error.into());
            return Err(PlanError::Compile { field, source });
        }
        Err(error) => {
            problems.push(Problem::new(format!("{place}.component"), chain(&error)));
            return Ok(None);
        }
    };
    let limits = limits.limits("[[transform]]", Limits::default().memory_bytes_max);
    let config = serde_json::Value::Object(config).to_string();
    match component.open(&config, &limits).await {
        Ok(_) => {}
        Err(SinkError::Refused(error)) => {
            refused(error, place, problems);
            return Ok(None);
        }
        Err(error) => return Err(failed(place, error)),
    }
    let described = component.describe(&limits).await;
    let description = described.map_err(|error| failed(place, error))?;
    let identity = Through {
        name: description.name,
        version: description.version,
        component: digest_of_component,
        config: digest(config.as_bytes()),
    };
    Ok(Some(Prepared { component, config, limits, identity }))
}

/// What the component does not like, by where it is said.
fn refused(error: Error, place: &str, problems: &mut Vec<Problem>) {
    let config = format!("{place}.config");
    let Error::Invalid(found) = error else {
        problems.push(Problem::new(config, spillway::sink::explain(&error)));
        return;
    };
    problems.extend(found.into_iter().map(|problem| {
        let dot = if problem.field.is_empty() || problem.field.starts_with('[') { "" } else { "." };
        Problem::new(format!("{config}{dot}{}", problem.field), problem.message)
    }));
}

fn failed(place: &str, error: SinkError) -> PlanError {
    PlanError::Machine(anyhow::Error::new(error).context(format!("{place} failed")))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
