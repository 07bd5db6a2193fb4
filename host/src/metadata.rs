//! What the file of a component says of itself.

use wasmparser::{Chunk, Parser, Payload};

/// What the file of a component says of itself, in the custom sections that tools and registries
/// know. Whoever made the file claims it, and nothing proves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The version of the component.
    pub version: Option<String>,
    /// What it is, in a sentence.
    pub description: Option<String>,
    /// Who made it.
    pub authors: Option<String>,
    /// Its licences, as an SPDX expression.
    pub licenses: Option<String>,
    /// The URL of its sources.
    pub source: Option<String>,
    /// The revision of the sources that it was built from.
    pub revision: Option<String>,
    /// The URL of pages about it.
    pub homepage: Option<String>,
}

impl Metadata {
    /// The metadata of a component, without that of the modules and components in it. A text over
    /// 4 KiB or not in UTF-8 is left out, and so is everything from the first malformed section on.
    pub(crate) fn read(component: &[u8]) -> Metadata {
        let mut metadata = Metadata::default();
        let (mut parser, mut rest) = (Parser::new(0), component);
        while let Ok(Chunk::Parsed { consumed, payload }) = parser.parse(rest, true) {
            let inner = match payload {
                Payload::CustomSection(section) => {
                    metadata.take(section.name(), section.data());
                    0
                }
                Payload::ModuleSection { unchecked_range, .. }
                | Payload::ComponentSection { unchecked_range, .. } => unchecked_range.len(),
                Payload::End(_) => break,
                _ => 0,
            };
            rest = rest.get(consumed.saturating_add(inner)..).unwrap_or_default();
        }
        metadata
    }

    fn take(&mut self, name: &str, text: &[u8]) {
        let field = match name {
            "version" => &mut self.version,
            "description" => &mut self.description,
            "authors" => &mut self.authors,
            "licenses" => &mut self.licenses,
            "source" => &mut self.source,
            "revision" => &mut self.revision,
            "homepage" => &mut self.homepage,
            _ => return,
        };
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= TEXT_BYTES_MAX);
        *field = text.map(str::to_owned);
    }
}

const TEXT_BYTES_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_outermost_component() {
        let inner = wat::parse_str(r#"(module (@custom "version" "of a module"))"#).unwrap();
        let outer = r#"
            (component
                (core module (@custom "authors" "of a module") (memory 1))
                (component (@custom "authors" "of a component"))
                (@custom "version" "1.2.3")
                (@custom "unknown" "text")
                (@custom "licenses" "MIT")
                (@custom "source" "https://sources.test")
                (@custom "description" "\ff no UTF-8")
            )
        "#;
        let expected = Metadata {
            version: Some("1.2.3".to_owned()),
            licenses: Some("MIT".to_owned()),
            source: Some("https://sources.test".to_owned()),
            ..Metadata::default()
        };
        assert_eq!(Metadata::read(&wat::parse_str(outer).unwrap()), expected);
        // `wat` knows modules with sections of this kind, so the test above is none of thin air.
        assert_eq!(Metadata::read(&inner).version.as_deref(), Some("of a module"));
    }

    #[test]
    fn a_long_text_and_a_damaged_file_are_no_trouble() {
        let text = |bytes| format!(r#"(component (@custom "authors" "{}"))"#, "x".repeat(bytes));
        let most = wat::parse_str(text(TEXT_BYTES_MAX)).unwrap();
        assert_eq!(Metadata::read(&most).authors.unwrap().len(), TEXT_BYTES_MAX);
        let more = wat::parse_str(text(TEXT_BYTES_MAX + 1)).unwrap();
        assert_eq!(Metadata::read(&more), Metadata::default());
        for end in 0..most.len() {
            assert_eq!(Metadata::read(&most[..end]), Metadata::default(), "{end} bytes of it");
        }
    }
}
