//! Lines that are records, of which a partition has not all.

use std::sync::Arc;

use super::support::events_of;
use crate::batch::Framing;
use crate::events::mapper::{Mapper, Rest};
use crate::events::open::OpenBatch;
use crate::events::{Batch, shared};
use crate::layout::{Layout, Lines as Between};
use crate::map::MapConfig;
use crate::place::{Begun, Place};
use crate::source::{
    Codec, LineSettings, Lines, NoEvent, Partition, Piece, Record, Records, SourceError, Start,
};

#[test]
fn offsets_that_a_partition_does_not_have_take_a_position_each() {
    for (map, codec, values) in [
        // Taken over as they are, and mapped.
        ("fixed_key = '{topic}/{partition}'", Codec::Raw, [["a", "b"], ["c", "d"]]),
        ("key = '$topic + \"/3\"'\npayload = '.v'", Codec::Json, JSON),
    ] {
        let pieces = vec![
            records(12, &values[0]),
            Piece::NoEvent(NoEvent { line: 14, reason: None, key: None }),
            Piece::NoEvent(NoEvent { line: 17, reason: Some("it has no value"), key: None }),
            records(20, &values[1]),
        ];
        let batch = fill(map, codec, pieces, place(10), None).unwrap();
        let found = events_of(&batch.runs);
        let at: Vec<u64> = found.iter().map(|(position, ..)| *position).collect();
        assert_eq!(at, [12, 13, 20, 21], "{map}");
        assert!(found.iter().all(|(_, key, _)| key == "orders/3"), "{found:?}");
        let payloads: Vec<_> = found.iter().map(|(.., payload)| payload.clone()).collect();
        assert_eq!(payloads, [b"a", b"b", b"c", b"d"].map(|p| payload(p, codec)), "{map}");
        assert_eq!((batch.lines, batch.blank, batch.rejected.len()), (6, 1, 1));
        assert_eq!((batch.rejected[0].position, batch.rejected[0].lines_before), (17, 17));
        assert_eq!((batch.next.start.line, batch.next.position), (22, 22));
        // So the line of a position is its offset, also where there is none.
        let mut layout = Layout::new(place(10).line_start(), place(10).line_start());
        layout.add(&batch.several, &batch.next);
        for offset in 10..22 {
            let line = offset + 1;
            assert_eq!(layout.lines_of(offset), Between { first: line, last: line });
        }
        assert_eq!(batch.starts.start(14).map(|start| start.line), Some(14));
        assert_eq!(batch.starts.start(20).map(|start| start.line), Some(20));
        assert_eq!(batch.starts.start(22).map(|start| start.line), Some(22));
    }
}

#[test]
fn a_record_that_was_begun_and_is_gone_is_told() {
    let map = "key = '$topic'\npayload = '.v[]'";
    let (value, at) = (r#"{"v":[1,2,3]}"#, Place { taken: 1, ..place(5) });
    let mut begun = Begun::at(None);
    begun.add("orders", b"1");
    let batch = fill(map, Codec::Json, vec![records(5, &[value])], at, Some(begun.clone()));
    let found = events_of(&batch.unwrap().runs);
    assert_eq!(found.iter().map(|(position, ..)| *position).collect::<Vec<_>>(), [6, 7]);
    // The next one that the partition has is another record.
    let batch = fill(map, Codec::Json, vec![records(6, &[value])], at, Some(begun));
    assert!(matches!(batch, Err(SourceError::OtherEvents { line: 6, events: 1 })), "{batch:?}");
}

fn fill(
    map: &str,
    codec: Codec,
    pieces: Vec<Piece>,
    place: Place,
    begun: Option<Begun>,
) -> Result<Batch, SourceError> {
    let map: MapConfig = toml::from_str(map).unwrap();
    let map = shared(map.settings(codec).unwrap().map);
    let mapper = Mapper { map, framing: Framing::Newline, lines: LineSettings::of(codec) };
    let mut open = OpenBatch::new(Framing::Newline, place, begun);
    for piece in pieces {
        let filled = mapper.fill(open, Rest::from(piece));
        assert!(filled.rest.is_none());
        open = filled.open;
    }
    open.close()
}

fn records(first: u64, values: &[&str]) -> Piece {
    let block = values.iter().flat_map(|value| [value.as_bytes(), b"\n"].concat()).collect();
    let mut end = 0;
    let ends = values.iter().map(|value| {
        end += value.len() as u32 + 1;
        end
    });
    let ends = ends.collect();
    let partition = Arc::new(Partition { topic: "orders".to_owned(), number: 3 });
    let each = vec![Record::default(); values.len()];
    let records = Some(Records { partition, each });
    let (offset, newline_added, origin) = (100 * first, false, None);
    Piece::Lines(Lines { block, ends, first, offset, newline_added, origin, records })
}

fn payload(text: &[u8], codec: Codec) -> Vec<u8> {
    match codec {
        Codec::Raw => text.to_vec(),
        _ => [b"\"", text, b"\""].concat(),
    }
}

fn place(line: u64) -> Place {
    Place { start: Start { line, offset: 0 }, position: line, taken: 0 }
}

const JSON: [[&str; 2]; 2] = [[r#"{"v":"a"}"#, r#"{"v":"b"}"#], [r#"{"v":"c"}"#, r#"{"v":"d"}"#]];
