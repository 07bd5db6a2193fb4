//! Names of regions.

/// Whether a text can be part of a host name, and so of a signature's scope.
pub(crate) fn is_region(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(legal)
}
