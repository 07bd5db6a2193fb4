//! How large the component and the command are.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use spillway::component::Component;

use crate::flow;
use crate::result::{Case, Section, Side, Unit};

/// The bytes of both.
///
/// # Errors
///
/// Where the command cannot be built.
pub(super) fn measure() -> anyhow::Result<Section> {
    flow::build()?;
    let component = Component::embedded();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(component)?;
    let gzip = gzip.finish()?;
    let command = std::fs::metadata(flow::command())?.len();
    let sides = [side("as it is", component.len() as u64), side("`gzip -9`", gzip.len() as u64)];
    Ok(Section {
        title: "Sizes".to_owned(),
        about: "The files. The command contains the component, and those of guest/compose."
            .to_owned(),
        unit: Unit::Bytes,
        cases: vec![
            Case { name: "component".to_owned(), sides: sides.into() },
            Case { name: "command".to_owned(), sides: vec![side("`spillway`", command)] },
        ],
    })
}

/// Bytes as they are.
fn side(name: &str, bytes: u64) -> Side {
    Side { name: name.to_owned(), values: vec![bytes as f64], taken: Vec::new() }
}
