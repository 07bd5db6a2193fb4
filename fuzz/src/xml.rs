//! Reads XML by another way than the core does.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The elements that hold text only, with that text, in their order.
///
/// # Panics
///
/// Where that is no XML.
pub fn leaves(xml: &str) -> Vec<(String, String)> {
    let (mut reader, mut leaves) = (Reader::from_str(xml), Vec::new());
    let mut leaf: Option<(String, String)> = None;
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                leaf = Some((start.name().as_ref().to_owned(), String::new()));
            }
            Event::End(_) => leaves.extend(leaf.take()),
            Event::Text(text) => add(&mut leaf, &text.xml10_content()),
            Event::GeneralRef(name) => add(&mut leaf, entity(&name)),
            Event::Eof => return leaves,
            other => panic!("{other:?}"),
        }
    }
}

fn add(leaf: &mut Option<(String, String)>, text: &str) {
    leaf.as_mut().expect("text within an element").1.push_str(text);
}

fn entity(name: &str) -> &'static str {
    match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        other => panic!("the entity {other}"),
    }
}
