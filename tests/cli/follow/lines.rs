//! Lines that say where they belong: of which log, and which line of it.

/// The line of this number of a log, with its line feed. No two are the same.
pub(super) fn line(log: &str, number: u64) -> String {
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let bytes = match scattered % 50 {
        0 => 5_000,
        _ => scattered % 200,
    };
    let padding = "x".repeat(usize::try_from(bytes).unwrap());
    format!("{{\"file\":\"{log}\",\"n\":{number},\"padding\":\"{padding}\"}}\n")
}

/// Which log a line is of, and its number.
///
/// # Panics
///
/// If it is not a whole line.
pub(super) fn read(text: &str) -> (String, u64) {
    let parsed: serde_json::Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    let (log, number) = (parsed["file"].as_str().unwrap(), parsed["n"].as_u64().unwrap());
    assert_eq!(line(log, number).trim_end(), text, "a line that was not written like this");
    (log.to_owned(), number)
}
