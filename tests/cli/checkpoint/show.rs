//! `spillway checkpoint show`.

use super::*;

#[test]
fn what_is_under_way_is_shown_to_people_and_to_programs() {
    let (place, store, _) = stopped(&large(&["a"], 150), &flow());
    let shown = place.spillway(&["checkpoint", "show", "run.checkpoint"]);
    assert_eq!((shown.code, shown.err.as_str()), (Some(0), ""), "{shown:?}");
    let id = store.bucket(|bucket| bucket.open_uploads().keys().next().cloned().unwrap());
    for text in [
        "taken    2",
        ", by spillway-s3 0.1.0\nflow     unfinished\nsource   events.json: ",
        "\n1 object open\n  open      a: ",
        " events, lines 1 to ",
        &format!(" of them in the checkpoint), upload {id}\n"),
    ] {
        assert!(shown.out.contains(text), "{text:?} is not in {}", shown.out);
    }
    let json = summary(&place.spillway(&["checkpoint", "show", "run.checkpoint", "--json"]));
    assert_eq!(
        (&json["finished"], &json["source"]["path"]),
        (&false.into(), &"events.json".into())
    );
    assert_eq!(json["configuration"]["bucket"], "events");
    let object = &json["objects"][0];
    assert_eq!((&object["key"], &object["phase"]), (&"a".into(), &"open".into()));
    assert_eq!((&object["first_line"], &object["upload_id"]), (&1.into(), &id.into()));
    assert_eq!(object["last_line"].as_u64().unwrap() + 1, json["next_line"].as_u64().unwrap());

    place.run(&[]);
    let shown = place.spillway(&["checkpoint", "show", "run.checkpoint"]);
    assert!(shown.out.contains("flow     finished\n"), "{shown:?}");
    assert!(shown.out.contains("events.json: 150 lines read, "), "{shown:?}");
    assert!(shown.out.ends_with("no object is open\n"), "{shown:?}");
}

#[test]
fn what_is_not_there_is_told() {
    let place = Place::new();
    let said = ["there is no checkpoint run.checkpoint"];
    assert_fails(&place.spillway(&["checkpoint", "show", "run.checkpoint"]), 2, &said);
    assert_fails(&place.spillway(&["checkpoint", "show", "tmp"]), 2, &["tmp cannot be read"]);
}
