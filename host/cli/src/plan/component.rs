//! The component of a flow, and what it is granted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::SinkSettings;
use anyhow::Context as _;
use spillway::component::{Component, ComponentSource, LoadError};
use spillway::credentials::Provider;
use spillway::egress::{self, Client, ClientError, ClientOptions, Proxies};
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway::problem::Problem;
use spillway::sink::SinkError;

use super::environment::Filled;
use super::surroundings::Surroundings;
use super::{Destination, PlanError, authorities, chain};

/// Loads the component, and checks that it may reach what it wants to.
pub(super) async fn load(
    settings: SinkSettings,
    surroundings: Surroundings,
    credentials: Arc<dyn Provider>,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Destination>, PlanError> {
    let Surroundings { filled, is_plain, ca_bundle, proxies } = surroundings;
    let lanes = settings.lanes;
    let (from, ca_bundle) = ca_bundle.unzip();
    let options = ClientOptions {
        ca_file: settings.ca_file,
        ca_bundle: ca_bundle.map(PathBuf::from),
        proxies: proxies.clone(),
    };
    let client = Client::new(&options).map_err(|error| {
        let field = match &error {
            ClientError::CaFile(_) => "sink.ca_file".to_owned(),
            ClientError::CaBundle(_) => from.unwrap_or_default(),
        };
        problems.push(Problem::new(field, chain(&error)));
    });
    let engine = engine()?;
    let compile_max = settings.limits.compile_max();
    let source = settings.component.clone();
    let source = source.map_or(ComponentSource::Embedded, ComponentSource::File);
    let sink = match compiled(engine, source, compile_max).await? {
        Ok(sink) => sink,
        Err(error) if error.is_limit() => {
            let (field, source) = ("sink.component".to_owned(), error.into());
            return Err(PlanError::Compile { field, source });
        }
        Err(error) => {
            problems.push(Problem::new("sink.component", chain(&error)));
            return Ok(None);
        }
    };
    notes.extend(without_credentials(&sink));
    let config = serde_json::Value::Object(settings.config).to_string();
    // The settings of the embedded one bound what it holds, and are checked before it starts.
    let memory_bytes_max = match sink.is_embedded() {
        true => EMBEDDED_MEMORY_BYTES_MAX,
        false => Limits::default().memory_bytes_max,
    };
    let limits = settings.limits.limits("[sink]", memory_bytes_max);
    let wanted = match sink.egress(&config, &limits).await {
        Ok(wanted) => wanted,
        Err(SinkError::Refused(error)) => {
            refused(error, &filled, problems);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let egress = authorities::granted(sink.is_embedded(), wanted, settings.egress, problems);
    for (authority, why) in egress.iter().filter_map(|a| Some((a, egress::prohibited(a)?))) {
        let field = filled.from("endpoint").unwrap_or(match sink.is_embedded() {
            true => "sink.config.endpoint",
            false => "sink.egress",
        });
        problems.push(Problem::new(field, format!("{authority} is not allowed: {why}")));
    }
    proxied(&proxies, &egress, is_plain, notes, problems);
    let Ok(client) = client else { return Ok(None) };
    let grants = Grants { egress, transport: Arc::new(client), credentials, limits };
    Ok(Some(Destination { sink, config, grants, lanes }))
}

/// To compile it may take seconds, and a signal is heard meanwhile.
pub(super) async fn compiled(
    engine: Engine,
    source: ComponentSource,
    compile_max: Duration,
) -> Result<Result<Component, LoadError>, PlanError> {
    let loading =
        tokio::task::spawn_blocking(move || Component::load_within(&engine, &source, compile_max));
    Ok(loading.await.context("the component was not loaded")?)
}

/// What cannot be proven of a component that asks the flow for no credentials: they may be in its
/// file, and only the store knows whether they are good.
fn without_credentials(sink: &Component) -> Option<String> {
    if takes_credentials(sink) {
        return None;
    }
    let and = match imports(sink, "wasi:cli/environment@") {
        true => {
            "it imports wasi:cli/environment, which is empty in a flow: a sink composed with \
             `env-credentials` finds none there, so compose it without, and the flow provides them"
        }
        false => "whether it has its own was not checked; `check --connect` asks the store",
    };
    Some(format!("the component takes no credentials from the flow; {and}"))
}

/// Whether it asks the flow for credentials.
pub(super) fn takes_credentials(sink: &Component) -> bool {
    imports(sink, "spillway:s3/credentials@")
}

fn imports(sink: &Component, interface: &str) -> bool {
    sink.imports().iter().any(|name| name.starts_with(interface))
}

/// Says which proxies are on the way, and what is wrong with those that should be.
fn proxied(
    proxies: &Proxies,
    authorities: &[String],
    is_plain: bool,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    for authority in authorities {
        let scheme = if is_plain || authority.ends_with(":80") { "http" } else { "https" };
        let Ok(url) = format!("{scheme}://{authority}/").parse() else { continue };
        match proxies.on_the_way_to(&url) {
            Ok(None) => {}
            Ok(Some((variable, proxy))) => {
                notes.push(format!(
                    "it connects to {authority} through the proxy of {variable}: {proxy}"
                ));
            }
            Err((variable, wrong)) => problems.push(Problem::new(variable, wrong)),
        }
    }
}

/// What the component does not like, by where it is said.
fn refused(error: spillway::contract::Error, filled: &Filled, problems: &mut Vec<Problem>) {
    let spillway::contract::Error::Invalid(found) = error else {
        problems.push(Problem::new("sink.config", spillway::sink::explain(&error)));
        return;
    };
    let before = problems.len();
    for problem in found {
        let field = format!("sink.config.{}", problem.field);
        let field = field.trim_end_matches('.');
        let field = filled.from(&problem.field).unwrap_or(field).to_owned();
        // What a variable should have filled in is wrong only once.
        if !problems[..before].iter().any(|known| known.field == field) {
            problems.push(Problem::new(field, problem.message));
        }
    }
}

/// An engine with the user's cache, or without one where there is nowhere to keep it.
pub(crate) fn engine() -> Result<Engine, PlanError> {
    let engine = Engine::new(Engine::default_cache()).or_else(|_| Engine::new(None));
    Ok(engine.context("wasmtime could not be started")?)
}

/// All that a 32-bit component can address.
const EMBEDDED_MEMORY_BYTES_MAX: usize = 4 << 30;
