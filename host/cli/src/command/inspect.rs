//! `spillway inspect`.

use crate::escape;
use crate::plan::engine;
use anyhow::Context as _;
use spillway::component::{Component, ComponentSource};

use super::args::InspectArguments;
use super::exit::{CliError, Exit};
use super::output::outln;

pub(crate) async fn inspect(arguments: InspectArguments) -> Result<Exit, CliError> {
    let engine = engine()?;
    let source = arguments.component.map_or(ComponentSource::Embedded, ComponentSource::File);
    let sink = Component::load(&engine, &source).map_err(|error| CliError::Usage(error.into()))?;
    let description = sink.describe().await;
    let description = description.context("the component cannot be described");
    let description = description.map_err(CliError::Failed)?;
    let which = if sink.is_embedded() { " (built in)" } else { "" };
    let (name, version) = (escape::line(&description.name), escape::line(&description.version));
    outln!("{name} {version}{which}");
    list("imports", sink.imports());
    list("exports", sink.exports());
    outln!("\nconfiguration (JSON Schema)");
    let schema = &description.configuration_schema;
    let pretty = serde_json::from_str::<serde_json::Value>(schema);
    let pretty = pretty.and_then(|schema| serde_json::to_string_pretty(&schema));
    match pretty {
        Ok(pretty) => outln!("{}", escape::json(&pretty)),
        Err(_) => outln!("{}", escape::line(schema)),
    }
    Ok(Exit::Done)
}

fn list(title: &str, names: &[String]) {
    outln!("\n{title}");
    names.iter().for_each(|name| outln!("  {}", escape::line(name)));
}
