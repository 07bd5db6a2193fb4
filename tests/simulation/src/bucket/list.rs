//! The list of parts that CompleteMultipartUpload sends.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use spillway_core::s3::ChecksumAlgorithm;

use super::answer::S3Error;

/// A part as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedPart {
    pub(super) number: u32,
    pub(super) etag: String,
    pub(super) checksum: Option<(ChecksumAlgorithm, String)>,
}

/// Reads the list. One without a part is as malformed as one that is no XML.
pub(super) fn read(body: &[u8]) -> Result<Vec<ListedPart>, S3Error> {
    let malformed = || {
        let text = "The XML you provided was not well-formed or did not validate against our \
                    published schema";
        S3Error::new(400, "MalformedXML", text)
    };
    let parts = str::from_utf8(body).ok().and_then(parts).ok_or_else(malformed)?;
    let parts = parts.into_iter().map(ListedPart::new).collect::<Option<Vec<_>>>();
    parts.filter(|parts| !parts.is_empty()).ok_or_else(malformed)
}

type Fields = Vec<(String, String)>;

/// The names and texts of what is in each part.
fn parts(text: &str) -> Option<Vec<Fields>> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut parts: Vec<Fields> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                match (path.len(), name.as_str()) {
                    (0, "CompleteMultipartUpload") => {}
                    (1, "Part") => parts.push(Fields::new()),
                    (2, _) => parts.last_mut()?.push((name.clone(), String::new())),
                    _ => return None,
                }
                path.push(name);
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Text(text) if path.len() == 3 => {
                parts.last_mut()?.last_mut()?.1.push_str(&text.xml10_content());
            }
            Event::GeneralRef(reference) if path.len() == 3 => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => resolve_predefined_entity(&reference)?.to_owned(),
                };
                parts.last_mut()?.last_mut()?.1.push_str(&text);
            }
            Event::Eof if path.is_empty() => return Some(parts),
            Event::Eof => return None,
            Event::Text(text) if !text.xml10_content().trim().is_empty() => return None,
            _ => {}
        }
    }
}

impl ListedPart {
    fn new(fields: Fields) -> Option<ListedPart> {
        let field = |name: &str| {
            let found = fields.iter().find(|(n, _)| n == name);
            found.map(|(_, text)| text.trim().to_owned())
        };
        let checksum =
            |algorithm: ChecksumAlgorithm| Some((algorithm, field(algorithm.element_name())?));
        Some(ListedPart {
            number: field("PartNumber")?.parse().ok()?,
            etag: field("ETag")?,
            checksum: ChecksumAlgorithm::ALL.into_iter().find_map(checksum),
        })
    }
}
