//! The subset of XML that S3 uses: elements and text. Attributes and namespaces are ignored.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

use crate::s3::Malformed;

/// An element and its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// The name without its namespace prefix.
    pub(super) name: String,
    text: String,
    children: Vec<Element>,
}

/// A document, as far as it could be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// The root element. If the document is cut off, it contains the elements that were closed.
    pub(super) root: Element,
    /// Whether the root element was closed.
    pub(super) whole: bool,
}

/// Parses as much as there is. `None` if the bytes do not begin an XML document.
pub(super) fn read(bytes: &[u8]) -> Option<Document> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        // What precedes the invalid byte is used. The rest is ignored.
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut reader = Reader::from_str(text);
    // `<a/>` is then parsed as `<a></a>`.
    reader.config_mut().expand_empty_elements = true;

    let mut open: Vec<Element> = Vec::new();
    let mut elements = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                elements += 1;
                if open.len() == DEPTH_MAX || elements > ELEMENTS_MAX {
                    return broken_off(open);
                }
                let name = start.local_name().as_ref().to_owned();
                open.push(Element { name, ..Element::default() });
            }
            Ok(Event::End(_)) => {
                let ended = open.pop()?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(ended),
                    None => return Some(Document { root: ended, whole: true }),
                }
            }
            Ok(Event::Text(text)) => append(&mut open, &text.xml10_content()),
            Ok(Event::CData(text)) => append(&mut open, &text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => match resolve(&reference) {
                Some(text) => append(&mut open, &text),
                None => return broken_off(open),
            },
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            // Does not occur, since empty elements are expanded.
            Ok(Event::Empty(_)) => {}
            Ok(Event::Eof) | Err(_) => return broken_off(open),
        }
    }
}

/// Parses a document that must be complete and have the root element `name`.
pub(super) fn read_whole(bytes: &[u8], name: &'static str) -> Result<Element, Malformed> {
    let document = read(bytes).filter(|document| document.whole && document.root.name == name);
    document.map(|document| document.root).ok_or(Malformed { what: name })
}

/// The text with `<`, `>`, `&`, `"` and `'` escaped, for the content of an element.
pub(super) fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

impl Element {
    /// The first child with this name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children with this name.
    pub(super) fn children(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child with this name, including its whitespace.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// As [`Element::text`], but an error if the text is absent or empty.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Malformed> {
        self.text(name).filter(|text| !text.is_empty()).ok_or(Malformed { what: name })
    }

    /// The number in the first child with this name.
    ///
    /// # Errors
    ///
    /// If it is absent or not a number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Malformed> {
        self.required(name)?.trim().parse().map_err(|_| Malformed { what: name })
    }

    /// Whether the text of the first child with this name is `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }
}

/// The root element with the children that were closed. An element that was cut off is dropped,
/// since half of an error code may be another code.
fn broken_off(mut open: Vec<Element>) -> Option<Document> {
    while open.len() > 1 {
        let mut last = open.pop()?;
        last.text.clear();
        if !last.children.is_empty() {
            open.last_mut()?.children.push(last);
        }
    }
    open.pop().map(|root| Document { root, whole: false })
}

fn append(open: &mut [Element], text: &str) {
    // Text outside of the root element is the whitespace that S3 sends while it works.
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Some(character.to_string()),
        Ok(None) => resolve_predefined_entity(reference).map(str::to_owned),
        Err(_) => None,
    }
}

/// The deepest response of S3 has four levels.
const DEPTH_MAX: usize = 16;
/// The largest response has about 13,000 elements: 1,000 uploads with 13 each.
const ELEMENTS_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_elements_text_and_entities() {
        let text = "\u{feff} \n<?xml version=\"1.0\"?> \n<!-- c --><s:R xmlns:s=\"u\">\n \
                    <A>1</A><s:A x='y'>&lt;&#x41;&amp;<![CDATA[<&]]> </s:A><B/><N> 7 </N></s:R>\
                    junk<";
        let document = read(text.as_bytes()).expect("a document");
        assert!(document.whole);
        let root = document.root;
        assert_eq!(root.name, "R");
        assert_eq!(root.text("A"), Some("1"));
        let all: Vec<_> = root.children("A").map(|child| child.text.as_str()).collect();
        assert_eq!(all, ["1", "<A&<& "]);
        assert_eq!((root.text("B"), root.text("C")), (Some(""), None));
        assert_eq!(root.required("B"), Err(Malformed { what: "B" }));
        assert_eq!(root.number("N"), Ok(7_u32));
        assert_eq!(root.number::<u32>("B"), Err(Malformed { what: "B" }));
    }

    #[test]
    fn escaped_text_reads_as_it_was() {
        let text = "a<b>&\"c'd]]>é";
        let document = format!("<R><T>{}</T></R>", escape(text));
        let root = read_whole(document.as_bytes(), "R").expect("a document");
        assert_eq!(root.text("T"), Some(text));
        assert_eq!(escape("\"e\""), "&quot;e&quot;");
    }

    #[test]
    fn keeps_what_ended_before_the_break() {
        let whole = b"<R><O><A>1</A><A>22</A></O></R>";
        for cut in 0..whole.len() {
            let Some(document) = read(&whole[..cut]) else {
                assert!(cut < 3, "{cut}");
                continue;
            };
            assert!(!document.whole, "{cut}");
            let object = document.root.child("O");
            let seen: Vec<_> = object.iter().flat_map(|o| o.children("A")).collect();
            let texts: Vec<_> = seen.iter().map(|a| a.text.as_str()).collect();
            let expected: &[_] = match cut {
                0..14 => &[],
                14..23 => &["1"],
                _ => &["1", "22"],
            };
            assert_eq!(texts, expected, "{cut}");
        }
        assert!(read(whole).is_some_and(|document| document.whole));
    }

    #[test]
    fn half_a_text_is_none_even_with_an_element_in_it() {
        let document = read(b"<R><A>Slow<B>1</B>Do").expect("a document");
        let a = document.root.child("A").expect("what ended in it");
        assert_eq!((a.text.as_str(), a.text("B")), ("", Some("1")));
    }

    #[test]
    fn stops_at_what_is_not_xml() {
        for (bytes, root) in [
            (&b""[..], None),
            (b"  \n", None),
            (b"plain text", None),
            (b"{\"Code\":\"x\"}", None),
            (b"</R>", None),
            (b"<R><A>1</A>&nope;</R>", Some("R")),
            (b"<R><A>1</A></S>", Some("R")),
            (b"<R><A>1</A>\xff</R>", Some("R")),
            (b"\xff<R/>", None),
        ] {
            let document = read(bytes);
            let found = document.as_ref().map(|document| document.root.name.as_str());
            assert_eq!(found, root, "{bytes:?}");
            if let Some(document) = document {
                assert!(!document.whole);
                assert_eq!(document.root.text("A"), Some("1"));
            }
        }
    }

    #[test]
    fn depth_and_number_of_elements_are_limited() {
        let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
        let wide = |elements: usize| format!("<R>{}</R>", "<a/>".repeat(elements - 1));
        for (text, whole) in [
            (deep(DEPTH_MAX), true),
            (deep(DEPTH_MAX + 1), false),
            (wide(ELEMENTS_MAX), true),
            (wide(ELEMENTS_MAX + 1), false),
        ] {
            assert_eq!(read(text.as_bytes()).map(|document| document.whole), Some(whole));
        }
    }
}
