//! The pages that a person reads, and what is found on them.

use crate::support::{files, read, root};

/// A page of documentation.
pub(super) struct Page {
    /// Its path in this repository.
    pub(super) name: String,
    /// What it says.
    pub(super) text: String,
}

impl Page {
    /// Puts another text in its place.
    pub(super) fn write(&self, text: &str) {
        std::fs::write(root().join(&self.name), text).expect("a page can be written");
    }
}

/// Every page: those of the root folder, and those of `docs/`.
pub(super) fn pages() -> Vec<Page> {
    let entries = std::fs::read_dir(root()).expect("the root folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    let docs = root().join("docs");
    if docs.is_dir() {
        paths.extend(files(&docs, "md"));
    }
    paths.sort();
    let page = |path: std::path::PathBuf| {
        let name = path.strip_prefix(root()).expect("a path below the root").display().to_string();
        Page { text: read(&path), name }
    };
    paths.into_iter().map(page).collect()
}

/// The texts of a page's fenced blocks in that language.
pub(super) fn blocks<'a>(text: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{language}\n");
    let begins: Vec<_> = text.match_indices(&fence).map(|(at, _)| at + fence.len()).collect();
    begins.into_iter().filter_map(|at| text[at..].split("```").next())
}

/// The spans between two backticks, line by line; lines of fenced blocks have none.
pub(super) fn inline_code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.contains("```")).flat_map(|l| l.split('`').skip(1).step_by(2))
}

/// The anchor that forges give a heading: small letters, digits and hyphens; blanks are hyphens.
pub(super) fn slug(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}
