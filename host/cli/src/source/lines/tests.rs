use std::sync::Arc;

use super::*;
use crate::source::{Crlf, EmptyLines, MultilineConfig};
use crate::testing::{Random, seeds};

#[test]
fn a_block_is_handed_over_as_it_was_read() {
    let pieces = read(b"one\ntwo\n", 1 << 20, 64);
    let Piece::Lines(lines) = &pieces[0] else { panic!("{pieces:?}") };
    assert_eq!(lines.block, b"one\ntwo\n");
    assert_eq!(lines.ends, [4, 8]);
    assert_eq!((lines.first, lines.offset, lines.newline_added), (0, 0, false));
    assert_eq!(pieces.len(), 1);
}

#[test]
fn nothing_has_no_lines() {
    assert_eq!(read(b"", 10, 64), []);
}

#[test]
fn the_last_line_needs_no_newline() {
    let pieces = read(b"one\ntwo\r", 10, 64);
    let Piece::Lines(lines) = &pieces[1] else { panic!("{pieces:?}") };
    // Without the newline it is no line end, so the `\r` is content.
    assert_eq!(lines.line(0, Crlf::Strip), b"two\r");
    assert_eq!((lines.offset_of(0), lines.offset_of(1)), (4, 8));
}

#[test]
fn a_last_line_is_left_where_it_may_go_on() {
    for chunk in [1, 3, 64] {
        for (text, lines, left) in [
            (&b""[..], 0, 0),
            (b"one", 0, 3),
            (b"one\n", 1, 0),
            (b"one\ntwo\r", 1, 4),
            (b"one\na line over the limit", 1, 21),
            (b"a line over the limit\nt", 1, 1),
        ] {
            let settings = LineSettings { last_line: LastLine::Leave, ..settings(10) };
            let mut reader = LineReader::new(Chunks { text, chunk }, settings, 0, 0);
            let mut count = 0;
            while let Some(piece) = reader.next_piece().unwrap() {
                count += match piece {
                    Piece::Lines(lines) => lines.ends.len(),
                    Piece::TooLong(_) => 1,
                    Piece::Note(_) | Piece::NoEvent(_) => panic!("{piece:?}"),
                };
            }
            assert_eq!((count, reader.left()), (lines, left), "{text:?} by {chunk}");
        }
    }
}

#[test]
fn what_holds_no_lines_is_told_before_any_is_handed_over() {
    let gzip = b"\x1F\x8B\x08 \n \n";
    for chunk in [1, 2, 64] {
        let mut reader = LineReader::new(Chunks { text: gzip, chunk }, settings(100), 0, 0);
        let error = reader.next_piece().unwrap_err();
        assert!(error.downcast::<NoLines>().is_ok(), "by {chunk}");
    }
    // Further down it is a line like any other.
    let mut reader = LineReader::new(&gzip[..], settings(100), 1, 4);
    assert!(matches!(reader.next_piece(), Ok(Some(Piece::Lines(_)))));
}

#[test]
fn crlf_is_a_line_end_unless_it_is_kept() {
    let pieces = read(b"one\r\n\r\nt\rwo\n", 10, 64);
    let Piece::Lines(lines) = &pieces[0] else { panic!("{pieces:?}") };
    let stripped: Vec<&[u8]> = (0..3).map(|index| lines.line(index, Crlf::Strip)).collect();
    assert_eq!(stripped, [&b"one"[..], b"", b"t\rwo"]);
    let kept: Vec<&[u8]> = (0..3).map(|index| lines.line(index, Crlf::Keep)).collect();
    assert_eq!(kept, [&b"one\r"[..], b"\r", b"t\rwo"]);
}

#[test]
fn a_line_of_just_the_limit_passes() {
    assert!(matches!(read(b"12345\r\n", 5, 1)[..], [Piece::Lines(_)]));
    assert!(matches!(read(b"12345", 5, 1)[..], [Piece::Lines(_)]));
    assert!(matches!(read(b"123456\n", 5, 1)[..], [Piece::TooLong(_)]));
    assert!(matches!(read(b"12345\r", 5, 1)[..], [Piece::TooLong(_)]));
}

#[test]
fn a_line_over_the_limit_is_named_and_not_held() {
    let long = 40 << 20;
    let head = b"a\nb\n";
    let input = head.chain(io::repeat(b'x').take(long)).chain(&b"\nc\n"[..]);
    let mut reader = LineReader::new(input, settings(1000), 0, 0);
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next_piece().unwrap() {
        assert!(reader.buffer.capacity() < 4 << 20, "{}", reader.buffer.capacity());
        pieces.push(piece);
    }
    let [Piece::Lines(_), Piece::TooLong(too_long), Piece::Lines(last)] = &pieces[..] else {
        panic!("{} pieces", pieces.len())
    };
    assert_eq!((too_long.line, too_long.offset), (2, 4));
    assert_eq!((too_long.bytes, too_long.head.len()), (long, HEAD_BYTES));
    assert_eq!(too_long.next_offset, 4 + long + 1);
    assert_eq!((last.first, last.offset), (3, too_long.next_offset));
}

#[test]
fn a_failed_read_comes_after_the_lines_before_it() {
    let input = b"one\ntw".chain(Failing);
    let mut reader = LineReader::new(input, settings(100), 0, 0);
    assert!(matches!(reader.next_piece(), Ok(Some(Piece::Lines(_)))));
    assert_eq!(reader.next_piece().unwrap_err().to_string(), "disk on fire");
}

#[test]
fn any_input_in_any_chunks_gives_the_lines_of_the_plain_splitter() {
    for seed in seeds(3000) {
        let random = &mut Random::new(seed);
        let text = random_text(random);
        let max = 1 + random.below(12) as u64;
        let chunk = 1 + random.below(9);
        let crlf = *random.pick(&[Crlf::Strip, Crlf::Keep]);
        let settings = LineSettings { crlf, ..settings(max) };
        let mut reader = LineReader::new(Chunks { text: &text, chunk }, settings, 0, 0);
        let mut seen = Vec::new();
        while let Some(piece) = reader.next_piece().unwrap() {
            list(&piece, crlf, &mut seen);
            if let Piece::Lines(lines) = piece {
                reader.recycle(lines.block);
            }
        }
        assert_eq!(seen, plain(&text, crlf, max), "SPILLWAY_SEED={seed} {text:?} by {chunk}");
    }
}

#[test]
fn any_input_in_any_chunks_gives_the_same_events_of_several_lines() {
    for seed in seeds(3000) {
        let random = &mut Random::new(seed);
        let text = random_events(random);
        let (max, bytes_max) = (20, 1 + random.below(20));
        let rule = *random.pick(&["start = '^>'", "continue = '^ '"]);
        let last_line = *random.pick(&[LastLine::Take, LastLine::Leave]);
        let multiline: MultilineConfig =
            toml::from_str(&format!("{rule}\nlines_max = 4\nbytes_max = {bytes_max}")).unwrap();
        let multiline = multiline.settings(Crlf::Strip, max).unwrap();
        let settings =
            LineSettings { last_line, multiline: Some(Arc::new(multiline)), ..settings(max) };
        let origin = Origin { file: "a".into(), line: 0, offset: 0 };
        let read = |chunk| {
            let input = Chunks { text: &text, chunk };
            let reader = LineReader::new(input, settings.clone(), 0, 0);
            let mut reader = reader.at(Some(origin.clone()));
            let mut seen = Vec::new();
            while let Some(piece) = reader.next_piece().unwrap() {
                assert_eq!(piece_origin(&piece).unwrap(), &origin_of(&piece, &text));
                list(&piece, Crlf::Strip, &mut seen);
                if let Piece::Lines(lines) = piece {
                    reader.recycle(lines.block);
                }
            }
            (seen, reader.left())
        };
        let (whole, left) = read(text.len() + 1);
        let chunk = 1 + random.below(9);
        assert_eq!(read(chunk), (whole.clone(), left), "SPILLWAY_SEED={seed} {text:?} by {chunk}");
        let end = whole.last().map_or(0, |line| line.2);
        assert_eq!(end + left, text.len() as u64, "SPILLWAY_SEED={seed} {text:?}");
        if last_line == LastLine::Take || text.ends_with(b"\n") {
            assert_eq!(left, 0, "SPILLWAY_SEED={seed} {text:?}");
        }
    }
}

#[test]
fn the_beginning_of_an_event_is_left_with_its_unfinished_line() {
    let multiline: MultilineConfig = toml::from_str("start = '^>'").unwrap();
    let multiline = Some(Arc::new(multiline.settings(Crlf::Strip, 10).unwrap()));
    for (text, last_line, events, left) in [
        (&b"> a\n> b\n c\n"[..], LastLine::Leave, 2, 0),
        (b"> a\n> b\n c", LastLine::Leave, 1, 6),
        (b"> a\n> b\n c", LastLine::Take, 2, 0),
        (b"> a\n b\na line over the limit\n c\n> d\n", LastLine::Take, 4, 0),
    ] {
        let settings = LineSettings { last_line, multiline: multiline.clone(), ..settings(10) };
        let mut reader = LineReader::new(Chunks { text, chunk: 3 }, settings, 0, 0);
        let mut seen = Vec::new();
        while let Some(piece) = reader.next_piece().unwrap() {
            list(&piece, Crlf::Strip, &mut seen);
        }
        assert_eq!((seen.len(), reader.left()), (events, left), "{seen:?}");
    }
}

fn piece_origin(piece: &Piece) -> Option<&Origin> {
    match piece {
        Piece::Lines(lines) => lines.origin.as_ref(),
        Piece::TooLong(long) => long.origin.as_ref(),
        Piece::Note(_) | Piece::NoEvent(_) => None,
    }
}

/// Where a piece of a file begins.
fn origin_of(piece: &Piece, text: &[u8]) -> Origin {
    let offset = match piece {
        Piece::Lines(lines) => lines.offset,
        Piece::TooLong(long) => long.offset,
        Piece::Note(_) | Piece::NoEvent(_) => panic!("{piece:?}"),
    };
    let line = text[..offset as usize].iter().filter(|byte| **byte == b'\n').count() as u64;
    Origin { file: "a".into(), line, offset }
}

fn random_events(random: &mut Random) -> Vec<u8> {
    let lines = [&b"> a\n"[..], b" b\r\n", b"\n", b"c\n", b" a line that is over the limit\n"];
    let mut text: Vec<u8> =
        (0..random.below(12)).flat_map(|_| random.pick(&lines).to_vec()).collect();
    if random.below(2) == 0 {
        text.extend(*random.pick(&[&b"> d"[..], b" e", b" a line over the limit, unfinished"]));
    }
    text
}

/// A line: position, offset, offset of the next, content if it is not too long, length with a `\r`.
type Line = (u64, u64, u64, Option<Vec<u8>>, u64);

fn plain(text: &[u8], crlf: Crlf, max: u64) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut offset = 0;
    for (position, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let next = offset + line.len() as u64;
        let whole = line.strip_suffix(b"\n").unwrap_or(line);
        let content = match crlf {
            Crlf::Strip => line.strip_suffix(b"\r\n").unwrap_or(whole),
            Crlf::Keep => whole,
        };
        let held = (content.len() as u64 <= max).then(|| content.to_vec());
        let bytes = if held.is_some() { content.len() } else { whole.len() };
        lines.push((position as u64, offset, next, held, bytes as u64));
        offset = next;
    }
    lines
}

fn list(piece: &Piece, crlf: Crlf, seen: &mut Vec<Line>) {
    match piece {
        Piece::TooLong(long) => {
            seen.push((long.line, long.offset, long.next_offset, None, long.bytes));
        }
        Piece::Note(_) | Piece::NoEvent(_) => panic!("{piece:?}"),
        Piece::Lines(lines) => {
            for index in 0..lines.ends.len() {
                let line = lines.line(index, crlf);
                let position = lines.first + index as u64;
                let (offset, next) = (lines.offset_of(index), lines.offset_of(index + 1));
                seen.push((position, offset, next, Some(line.to_vec()), line.len() as u64));
            }
        }
    }
}

fn random_text(random: &mut Random) -> Vec<u8> {
    let length = random.below(60);
    (0..length).map(|_| *random.pick(b"abcdefgh\r\n\n")).collect()
}

fn read(text: &[u8], max: u64, chunk: usize) -> Vec<Piece> {
    let mut reader = LineReader::new(Chunks { text, chunk }, settings(max), 0, 0);
    std::iter::from_fn(|| reader.next_piece().unwrap()).collect()
}

fn settings(line_bytes_max: u64) -> LineSettings {
    let settings = LineSettings::of(Codec::Raw);
    assert_eq!(settings.empty_lines, EmptyLines::Keep);
    LineSettings { line_bytes_max, ..settings }
}

/// Gives `chunk` bytes at a time.
struct Chunks<'a> {
    text: &'a [u8],
    chunk: usize,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.chunk.min(self.text.len()).min(buffer.len());
        let (now, later) = self.text.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.text = later;
        Ok(length)
    }
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("disk on fire"))
    }
}
