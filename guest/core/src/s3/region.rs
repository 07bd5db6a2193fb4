//! What a region may be called.

/// Whether a text can stand in a host's name, and so in a signature's scope.
pub(crate) fn is_region(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(legal)
}
