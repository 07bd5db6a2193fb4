//! Suggestions for misspelled names.

/// The name in `names` that is closest to `name`, if one is close enough to be meant.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|n| (strsim::damerau_levenshtein(name, n), n));
    let near = scored.filter(|(distance, n)| *distance <= 1 + n.len() / 4);
    near.min_by_key(|(distance, _)| *distance).map(|(_, n)| n)
}
