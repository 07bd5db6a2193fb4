//! `spillway component`.

use anyhow::Context as _;
use spillway::component::Component;

use super::args::ComponentArguments;
use super::exit::{Exit, Stop};
use super::say::say;

pub(crate) fn component(arguments: ComponentArguments) -> Result<Exit, Stop> {
    let path = arguments.output;
    let written = std::fs::write(&path, Component::embedded());
    let written = written.with_context(|| format!("cannot write {}", path.display()));
    written.map_err(Stop::Failed)?;
    say!("{}: {} bytes", path.display(), Component::embedded().len());
    Ok(Exit::Done)
}
