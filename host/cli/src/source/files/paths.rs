//! Which files a flow names: patterns, and what they match now.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use spillway::problem::Problem;
use walkdir::WalkDir;

/// The files that `paths` name, without those that `exclude` names.
#[derive(Clone, Debug)]
pub struct Paths {
    /// As the flow writes them: two that are written alike name the same files.
    written: (Vec<String>, Vec<String>),
    files: Vec<PathBuf>,
    patterns: Vec<Pattern>,
    exclude: GlobSet,
}

/// A path with wildcards.
#[derive(Clone, Debug)]
struct Pattern {
    /// The folder below which it matches: its components before the first wildcard.
    folder: PathBuf,
    /// What a file matches.
    file: GlobMatcher,
    /// What a folder at each depth below matches; nothing where any depth is meant.
    folders: Option<Vec<GlobMatcher>>,
}

/// The number of a file on this machine. Another file may get it once this one is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// A regular file that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) length: u64,
    pub(super) modified: SystemTime,
}

impl Paths {
    /// `paths` may have the wildcards `*`, `?`, `[a-z]`, `{a,b}` and, for any number of folders,
    /// `**`. `exclude` takes names of files, or whole paths where a pattern has a `/`.
    ///
    /// # Errors
    ///
    /// Every pattern that is wrong.
    pub fn new(paths: &[String], exclude: &[String]) -> Result<Paths, Vec<Problem>> {
        let mut problems = Vec::new();
        let (mut files, mut patterns) = (Vec::new(), Vec::new());
        if paths.is_empty() {
            problems.push(Problem::new("source.paths", "is empty, expected a path at least"));
        }
        for (index, path) in paths.iter().enumerate() {
            if path.is_empty() || path.ends_with('/') {
                let message = format!("is \"{path}\", expected the path of a file, or a pattern");
                problems.push(Problem::new(format!("source.paths[{index}]"), message));
            } else if !has_wildcard(path) {
                files.push(PathBuf::from(path));
            } else {
                match Pattern::new(path) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(error) => {
                        let field = format!("source.paths[{index}]");
                        problems.push(Problem::new(field, wrong(path, &error)));
                    }
                }
            }
        }
        let mut excluded = GlobSetBuilder::new();
        for (index, pattern) in exclude.iter().enumerate() {
            let anywhere = if pattern.contains('/') { String::new() } else { "**/".to_owned() };
            match glob(&(anywhere + pattern)) {
                Ok(glob) => drop(excluded.add(glob)),
                Err(error) => {
                    let field = format!("source.exclude[{index}]");
                    problems.push(Problem::new(field, wrong(pattern, &error)));
                }
            }
        }
        let exclude_set = excluded.build().map_err(|error| {
            vec![Problem::new("source.exclude", format!("cannot be used: {error}"))]
        })?;
        let written = (paths.to_vec(), exclude.to_vec());
        match problems.is_empty() {
            true => Ok(Paths { written, files, patterns, exclude: exclude_set }),
            false => Err(problems),
        }
    }

    /// One file, whatever characters its name has.
    pub fn one(path: &Path) -> Paths {
        Paths {
            written: (vec![path.display().to_string()], Vec::new()),
            files: vec![path.to_owned()],
            patterns: Vec::new(),
            exclude: GlobSet::empty(),
        }
    }

    /// The paths and patterns as the flow writes them.
    pub fn written(&self) -> &[String] {
        &self.written.0
    }

    /// Whether this is one of the files, or would be if it were there.
    pub fn names(&self, path: &Path) -> bool {
        let whole = |path: &Path| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
            Some(folder.join(path.file_name()?))
        };
        let found = self.find().0;
        let same = |found: &Found| whole(&found.path).is_some_and(|own| Some(own) == whole(path));
        self.matches(path) || found.iter().any(same)
    }

    /// Whether a file of this path is meant.
    pub(super) fn matches(&self, path: &Path) -> bool {
        let is_named = self.files.iter().any(|file| file == path)
            || self.patterns.iter().any(|pattern| pattern.file.is_match(path));
        is_named && !self.exclude.is_match(path)
    }

    /// The regular files that are there, and why a folder or a file could not be looked at.
    pub(super) fn find(&self) -> (Vec<Found>, Vec<(PathBuf, io::Error)>) {
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for path in self.files.iter().filter(|path| !self.exclude.is_match(path)) {
            match fs::metadata(path) {
                Ok(metadata) => found.extend(Found::of(path.clone(), &metadata)),
                Err(error) if is_absent(&error) => {}
                Err(error) => errors.push((path.clone(), error)),
            }
        }
        for pattern in &self.patterns {
            pattern.find(&mut found, &mut errors);
        }
        found.retain(|found| !self.exclude.is_match(&found.path));
        // Two patterns may match the same file. Which comes first does not matter, and names
        // compare faster than paths, component by component.
        found.sort_by(|one, other| one.path.as_os_str().cmp(other.path.as_os_str()));
        found.dedup_by(|one, other| one.path.as_os_str() == other.path.as_os_str());
        (found, errors)
    }

    /// The folders in which names may change, as far as they are there.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let parents = self.files.iter().filter_map(|file| file.parent());
        let below = self.patterns.iter().map(|pattern| pattern.folder.as_path());
        let folders = parents.chain(below).map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        });
        let mut folders: Vec<PathBuf> = folders.collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

/// They name the same files.
impl PartialEq for Paths {
    fn eq(&self, other: &Paths) -> bool {
        self.written == other.written
    }
}

impl Eq for Paths {}

impl Pattern {
    fn new(pattern: &str) -> Result<Pattern, globset::Error> {
        let components: Vec<Component<'_>> = Path::new(pattern).components().collect();
        let text = |component: &Component<'_>| component.as_os_str().to_string_lossy().into_owned();
        let is_fixed = |component: &&Component<'_>| !has_wildcard(&text(component));
        let fixed = components.iter().take_while(is_fixed).count();
        let folder: PathBuf = components[..fixed].iter().collect();
        let rest = &components[fixed..];
        let any_depth = rest.iter().any(|component| text(component) == "**");
        let folders = match any_depth {
            true => None,
            false => {
                let prefix =
                    |depth: usize| -> PathBuf { components[..fixed + depth].iter().collect() };
                let folders = (1..rest.len()).map(|depth| {
                    glob(&prefix(depth).to_string_lossy()).map(|glob| glob.compile_matcher())
                });
                Some(folders.collect::<Result<_, _>>()?)
            }
        };
        let whole: PathBuf = components.iter().collect();
        let file = glob(&whole.to_string_lossy())?.compile_matcher();
        Ok(Pattern { folder, file, folders })
    }

    fn find(&self, found: &mut Vec<Found>, errors: &mut Vec<(PathBuf, io::Error)>) {
        let here = self.folder.as_os_str().is_empty();
        let folder = if here { Path::new(".") } else { &self.folder };
        let own = |path: &Path| match path.strip_prefix(".") {
            Ok(path) if here => path.to_owned(),
            _ => path.to_owned(),
        };
        // Logs of containers are symbolic links to where they lie.
        let mut walk = WalkDir::new(folder).follow_links(true).min_depth(1);
        if let Some(folders) = &self.folders {
            walk = walk.max_depth(folders.len() + 1);
        }
        let is_looked_at = |entry: &walkdir::DirEntry| match &self.folders {
            Some(folders) if entry.file_type().is_dir() => folders
                .get(entry.depth() - 1)
                .is_some_and(|folder| folder.is_match(own(entry.path()))),
            _ => true,
        };
        for entry in
            walk.into_iter().filter_entry(|entry| entry.depth() == 0 || is_looked_at(entry))
        {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    let path = own(entry.path());
                    if self.file.is_match(&path)
                        && let Ok(metadata) = entry.metadata()
                    {
                        found.extend(Found::of(path, &metadata));
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    match error.into_io_error() {
                        Some(error) if !is_absent(&error) => errors.push((path, error)),
                        // A loop of links, or a file that has vanished meanwhile.
                        _ => {}
                    }
                }
            }
        }
    }
}

impl Found {
    /// Nothing where it is no regular file.
    pub(super) fn of(path: PathBuf, metadata: &Metadata) -> Option<Found> {
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let found = Found { path, id: FileId::of(metadata), length: metadata.len(), modified };
        metadata.is_file().then_some(found)
    }
}

impl FileId {
    /// That of no file.
    pub(super) const NONE: FileId = FileId { device: 0, inode: 0 };

    pub(super) fn of(metadata: &Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).build()
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Whether a path is that of nothing.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn wrong(pattern: &str, error: &globset::Error) -> String {
    format!("is \"{pattern}\", which is no pattern: {}", error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_and_not_what_is_excluded() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["a.log", "b.log", "b.tmp", "deep/c.log", "deep/er/d.log", "deep/er/d.txt"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::create_dir(root.join("folder.log")).unwrap();
        std::os::unix::fs::symlink(root.join("a.log"), root.join("link.log")).unwrap();
        for (paths, exclude, wanted) in [
            (&["*.log"][..], &[][..], &["a.log", "b.log", "link.log"][..]),
            (&["**/*.log"], &["link*"], &["a.log", "b.log", "deep/c.log", "deep/er/d.log"]),
            (&["*/*.log", "a.log"], &[], &["a.log", "deep/c.log"]),
            (&["d*/e?/*.{log,txt}"], &[], &["deep/er/d.log", "deep/er/d.txt"]),
            (&["b.*"], &["*.tmp"], &["b.log"]),
            (&["b.*", "*.log"], &["a.log", "link.log"], &["b.log", "b.tmp"]),
            (&["missing/*.log", "none"], &[], &[]),
        ] {
            let whole = |name: &&str| root.join(name).display().to_string();
            let paths: Vec<String> = paths.iter().map(whole).collect();
            let exclude: Vec<String> = exclude.iter().map(|text| (*text).to_owned()).collect();
            let paths = Paths::new(&paths, &exclude).unwrap();
            let (found, errors) = paths.find();
            assert!(errors.is_empty(), "{errors:?}");
            let found: Vec<&Path> =
                found.iter().map(|f| f.path.strip_prefix(root).unwrap()).collect();
            assert_eq!(found, wanted.iter().map(Path::new).collect::<Vec<_>>(), "{paths:?}");
            found.iter().for_each(|path| assert!(paths.matches(&root.join(path))));
        }
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        let text = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let problems = Paths::new(&text(&["a", "", "x/", "a[b"]), &text(&["{a"])).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        let wanted = ["source.paths[1]", "source.paths[2]", "source.paths[3]", "source.exclude[0]"];
        assert_eq!(fields, wanted);
        assert!(problems[2].message.contains("\"a[b\""), "{}", problems[2]);
    }
}
