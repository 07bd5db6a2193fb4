//! `spillway component`.

use anyhow::Context as _;
use spillway::component::Component;

use super::args::ComponentArguments;
use super::exit::{CliError, Exit};
use super::output::outln;

pub(crate) fn component(arguments: ComponentArguments) -> Result<Exit, CliError> {
    let path = arguments.output;
    let written = std::fs::write(&path, Component::embedded());
    let written = written.with_context(|| format!("cannot write {}", path.display()));
    written.map_err(CliError::Failed)?;
    outln!("{}: {} bytes", path.display(), Component::embedded().len());
    Ok(Exit::Done)
}
