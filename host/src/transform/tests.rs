use super::*;
use crate::contract::Rejection;

#[test]
fn what_is_of_the_batch_is_taken() {
    let batch = [run("a", 5, 3), run("b", 8, 2), run("b", 20, 1)];
    for (runs, rejected) in [
        (batch.to_vec(), vec![]),
        (vec![], vec![]),
        (vec![], vec![5, 6, 7, 8, 9, 20]),
        (vec![run("x", 5, 1), run("y", 7, 2), run("x", 20, 1)], vec![6, 9]),
        // Neighbours of two runs may go on as one.
        (vec![run("x", 5, 5)], vec![20]),
    ] {
        assert_eq!(check(&batch, &outcome(runs, &rejected)), Ok(()));
    }
}

#[test]
fn what_is_not_of_the_batch_is_told() {
    let batch = [run("a", 5, 3), run("b", 20, 1)];
    let cut = Run { boundaries: Boundaries::At(vec![1, 1]), ..run("a", 5, 2) };
    let none = Run { boundaries: Boundaries::At(vec![]), ..run("a", 5, 0) };
    let lines = Run { boundaries: Boundaries::Lines(2), ..run("a", 5, 2) };
    for (runs, rejected, said) in [
        (vec![run("a", 4, 1)], vec![], "position 4 is passed on, and the batch has no such"),
        (vec![run("a", 6, 3)], vec![], "position 8 is passed on, and the batch has no such"),
        (vec![run("a", 6, 1), run("a", 5, 1)], vec![], "position 5 is passed on after 6"),
        (vec![run("a", 5, 1), run("a", 5, 1)], vec![], "position 5 is passed on after 5"),
        (vec![], vec![5, 5], "position 5 is rejected after 5"),
        (vec![], vec![u64::MAX], "position 18446744073709551615 is rejected"),
        (vec![run("a", 5, 2)], vec![6], "position 6 is passed on and rejected"),
        (vec![run("", 5, 1)], vec![], "the run at position 5 has no key"),
        (vec![cut], vec![], "the boundaries of the run at position 5 do not fit it"),
        (vec![none], vec![], "the boundaries of the run at position 5 do not fit it"),
        (vec![lines], vec![], "the boundaries of the run at position 5 do not fit it"),
    ] {
        let error = check(&batch, &outcome(runs, &rejected)).expect_err(said);
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn lines_end_in_line_feeds() {
    let batch = [run("a", 5, 3)];
    for (text, boundaries, framing, fits) in [
        ("a\nb\n\n", Boundaries::At(vec![2, 4, 5]), Framing::Newline, true),
        ("a\nb\nc\n", Boundaries::Lines(3), Framing::Newline, true),
        // One that has more of them, and is written as it is.
        ("a\nb\nc\n", Boundaries::At(vec![4, 6]), Framing::Newline, true),
        ("abc\n", Boundaries::At(vec![1, 2, 4]), Framing::Newline, false),
        ("a\nb\nc", Boundaries::At(vec![2, 4, 5]), Framing::Newline, false),
        ("a\nb\n", Boundaries::At(vec![2, 2, 4]), Framing::Newline, false),
        ("\nb\n", Boundaries::At(vec![0, 1, 3]), Framing::Newline, false),
        ("", Boundaries::At(vec![0]), Framing::Newline, false),
        ("abc", Boundaries::At(vec![1, 1, 3]), Framing::Bare, true),
        ("a\nb\nc\n", Boundaries::Lines(3), Framing::Bare, false),
    ] {
        let what = format!("{text:?}, {boundaries:?}, {framing:?}");
        let payload = Payload::Bytes(text.as_bytes().to_vec());
        let run = Run { payload, boundaries, framing, ..run("a", 5, 3) };
        assert_eq!(check(&batch, &outcome(vec![run], &[])).is_ok(), fits, "{what}");
    }
}

fn outcome(runs: Vec<Run>, rejected: &[u64]) -> Outcome {
    let rejection = |position: &u64| Rejection { position: *position, reason: "no".to_owned() };
    Outcome { runs, rejected: rejected.iter().map(rejection).collect() }
}

fn run(key: &str, first: u64, events: u32) -> Run {
    Run {
        key: key.to_owned(),
        first,
        at: None,
        payload: Payload::Bytes(vec![b'x'; events as usize]),
        boundaries: Boundaries::At((1..=events).collect()),
        framing: Framing::Bare,
    }
}
