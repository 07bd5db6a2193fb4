//! What a component says of itself to those who only hold its file: custom sections, with the names
//! that `wasm-tools metadata show`, `wkg` and registries look for.
//!
//! A part of the build script, and of the test that builds the component at another place.

use std::path::Path;

/// What is written into a component. An empty text is left out.
pub struct Metadata<'a> {
    /// The version of the component.
    pub version: &'a str,
    /// One sentence.
    pub description: &'a str,
    /// Whom to turn to.
    pub authors: &'a str,
    /// An SPDX expression.
    pub licenses: &'a str,
    /// The URL of the sources.
    pub source: &'a str,
    /// The URL of the project's pages.
    pub homepage: &'a str,
}

/// The description in a manifest.
///
/// # Errors
///
/// The manifest cannot be read, or has none.
pub fn description(manifest: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(manifest)
        .map_err(|error| format!("cannot read {}: {error}", manifest.display()))?;
    let quoted = text.lines().find_map(|line| line.strip_prefix("description = "));
    let description = quoted.map(|quoted| quoted.trim().trim_matches('"').to_owned());
    description.ok_or_else(|| format!("{} has no line `description = …`", manifest.display()))
}

/// Appends what `metadata` says to a component.
pub fn add(component: &mut Vec<u8>, metadata: &Metadata) {
    let Metadata { version, description, authors, licenses, source, homepage } = *metadata;
    for (name, text) in [
        ("version", version),
        ("description", description),
        ("authors", authors),
        ("licenses", licenses),
        ("source", source),
        ("homepage", homepage),
    ] {
        if !text.is_empty() {
            append(component, name, text);
        }
    }
}

/// Appends a custom section: the number 0, the length of what follows, a name with its length, and
/// the content. <https://webassembly.github.io/spec/core/binary/modules.html#custom-section>
fn append(component: &mut Vec<u8>, name: &str, text: &str) {
    let mut section = Vec::new();
    push_length(&mut section, name.len());
    section.extend(name.as_bytes());
    section.extend(text.as_bytes());
    component.push(0);
    push_length(component, section.len());
    component.extend(section);
}

/// Unsigned LEB128: seven bits a byte, the lowest first, and the eighth where more follow.
fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        bytes.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    bytes.push(length as u8);
}
