//! Offsets between clocks.

use super::*;

const SECOND: u64 = 1_000_000_000;
/// Fri, 24 May 2013 00:00:00 GMT
const MAY_24: u64 = 1_369_353_600 * SECOND;

fn answer(headers: &[(&str, &str)]) -> Response {
    let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    Response { status: 403, headers, body: Default::default() }
}

fn flight(seconds_before: u64, took: u64, offset: i64) -> Flight {
    let sent = Timestamp(MAY_24 - seconds_before * SECOND);
    Flight { sent, received: Timestamp(sent.0 + took * SECOND), offset: Offset(offset) }
}

const DATE: (&str, &str) = ("Date", "Fri, 24 May 2013 00:00:00 GMT");

#[test]
fn a_clock_that_is_behind_is_found() {
    let offset = flight(3_600, 2, 0).correction(&answer(&[DATE])).expect("an hour");
    assert_eq!(offset, Offset(3_599 * SECOND as i64), "to the middle of the flight");
    assert_eq!(offset.apply(Timestamp(MAY_24 - 3_599 * SECOND)), Timestamp(MAY_24));
    assert_eq!(offset.undo(Timestamp(MAY_24)), Timestamp(MAY_24 - 3_599 * SECOND));
}

#[test]
fn the_offset_that_counts_is_the_one_it_was_signed_with() {
    let offset = 3_600 * SECOND as i64;
    assert_eq!(flight(3_600, 0, offset).correction(&answer(&[DATE])), None);
    assert!(flight(3_600, 0, 0).correction(&answer(&[DATE])).is_some());
}

#[test]
fn what_says_nothing_corrects_nothing() {
    assert_eq!(flight(200, 0, 0).correction(&answer(&[DATE])), None, "below four minutes");
    let small = Some(Offset(200 * SECOND as i64));
    assert_eq!(flight(200, 0, 0).measured(&answer(&[DATE])), small, "but it is measured");
    assert_eq!(flight(3_600, 0, 0).correction(&answer(&[DATE, ("Age", "1")])), None);
    assert_eq!(flight(3_600, 1_000, 0).correction(&answer(&[DATE])), None, "too long a flight");
    assert_eq!(flight(3_600, 0, 0).correction(&answer(&[])), None);
}
