//! The nearest name of a misspelled one.

/// The name in `names` that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|n| (strsim::damerau_levenshtein(name, n), n));
    let near = scored.filter(|(distance, n)| *distance <= 1 + n.len() / 4);
    near.min_by_key(|(distance, _)| *distance).map(|(_, n)| n)
}
