//! `~/.aws/config` and `~/.aws/credentials`, read as the AWS command line reads them.
//!
//! The parser of the SDK is stricter: one indented line in a profile that nobody uses, and no
//! credentials are found. So the files are read here, and it gets them in the one form that it
//! takes for sure. Nothing of a line is ever shown: it may hold a secret.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

mod parse;

use std::path::{Path, PathBuf};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

pub(super) use parse::encoded;
use parse::{Kind, Section};

/// A file of profiles that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// One line is wrong.
    #[error("{path}, line {line}: {what}", path = .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// All of it is.
    #[error("{path}: {what}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// All profiles of both files.
#[derive(Clone)]
pub(super) struct Profiles {
    sections: Vec<(Kind, Section)>,
}

/// What a profile says of other things than credentials.
#[derive(Clone)]
pub struct Properties {
    sections: Vec<(Kind, Section)>,
    name: String,
}

impl Profiles {
    /// Reads the files that the variables name, or those in the home directory. One that is not
    /// there is empty.
    pub(super) fn read() -> Result<Profiles, Broken> {
        let mut sections = Vec::new();
        for (kind, variable, default) in [
            (Kind::Config, "AWS_CONFIG_FILE", "~/.aws/config"),
            (Kind::Credentials, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        ] {
            let named = std::env::var(variable).ok().filter(|path| !path.is_empty());
            let Some(path) = at_home(named.as_deref().unwrap_or(default)) else { continue };
            let Some(text) = text(&path)? else { continue };
            let parsed = parse::sections(&text, kind);
            let parsed = parsed.map_err(|(line, what)| Broken::Line { path, line, what })?;
            sections.extend(parsed.into_iter().map(|section| (kind, section)));
        }
        Ok(Profiles { sections })
    }

    /// The same for the SDK.
    pub(super) fn files(&self) -> EnvConfigFiles {
        let text = |kind: Kind| {
            let sections = self.sections.iter().filter(|(k, _)| *k == kind);
            sections.map(|(_, section)| section.to_string()).collect::<String>()
        };
        EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, text(Kind::Config))
            .with_contents(EnvConfigFileKind::Credentials, text(Kind::Credentials))
            .build()
    }

    /// The names of the profiles.
    pub(super) fn names(&self) -> Vec<&str> {
        let profiles = self.sections.iter().filter(|(_, section)| section.is_profile());
        let mut names: Vec<_> = profiles.map(|(_, section)| section.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the profile of that name says.
    pub(super) fn properties(self, name: &str) -> Properties {
        Properties { sections: self.sections, name: name.to_owned() }
    }
}

impl Properties {
    /// The name of the profile.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One property of the profile. As with the AWS command line, the file of credentials may have
    /// any, and goes first.
    pub fn get(&self, property: &str) -> Option<&str> {
        self.of("profile", &self.name, property)?.0
    }

    /// The name of the section `services` that the profile refers to, where there is none.
    pub fn lacks_services(&self) -> Option<&str> {
        let name = self.get("services")?;
        let has =
            |(_, section): &(Kind, Section)| section.prefix == "services" && section.name == name;
        (!self.sections.iter().any(has)).then_some(name)
    }

    /// One property of a service, in the section that the profile names as `services`.
    pub fn of_service(&self, service: &str, property: &str) -> Option<&str> {
        let (_, nested) = self.of("services", self.get("services")?, service)?;
        let mut pairs = nested.iter().filter_map(|line| line.split_once('='));
        pairs.find(|(name, _)| name.trim() == property).map(|(_, value)| value.trim())
    }

    fn of(&self, kind: &str, name: &str, property: &str) -> Option<(Option<&str>, &[String])> {
        // What is written last counts, and the file of credentials is read last.
        let sections = self.sections.iter().rev().map(|(_, section)| section);
        let mut named = sections.filter(|s| s.prefix == kind && s.name == name);
        let found = named.find_map(|section| section.find(property))?;
        let value = Some(found.value.as_str()).filter(|value| !value.is_empty());
        Some((value, &found.nested))
    }
}

/// What the file holds, or nothing where it is not there.
fn text(path: &Path) -> Result<Option<String>, Broken> {
    let broken = |what| Broken::File { path: path.to_owned(), what };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(error.to_string())),
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(broken("it is UTF-16; save it as UTF-8".to_owned()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Broken::Line { path: path.to_owned(), line, what: "it is not UTF-8" })
        }
    }
}

/// The path with the home directory in the place of `~`, where there is one.
fn at_home(path: &str) -> Option<PathBuf> {
    let Some(rest) = path.strip_prefix("~/") else { return Some(PathBuf::from(path)) };
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(rest))
}
