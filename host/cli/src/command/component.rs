//! `spillway component`.

use std::fs::{OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use spillway::component::Component;
use spillway::parts::{Part, with_credentials};

use super::args::{ComponentArguments, ComponentName};
use super::exit::{CliError, Exit};
use super::output::outln;

pub(crate) fn component(arguments: ComponentArguments) -> Result<Exit, CliError> {
    let ComponentArguments { name, credentials, output: path } = arguments;
    let bytes = match (&credentials, name) {
        (None, name) => bytes(name).to_vec(),
        (Some(file), ComponentName::StaticCredentials) => with(file).map_err(CliError::Usage)?,
        (Some(_), _) => {
            let text = "--credentials: only for `spillway component static-credentials`";
            return Err(CliError::Usage(anyhow!(text)));
        }
    };
    let written = write(&path, &bytes, credentials.is_some());
    let written = written.with_context(|| format!("cannot write {}", path.display()));
    written.map_err(CliError::Failed)?;
    outln!("{}: {} bytes", path.display(), bytes.len());
    if name == ComponentName::StaticCredentials && credentials.is_none() {
        outln!("It has no credentials yet: write it with `--credentials FILE`.");
    }
    Ok(Exit::Done)
}

fn bytes(name: ComponentName) -> &'static [u8] {
    match name {
        ComponentName::S3 => Component::embedded(),
        ComponentName::Chain => Part::Chain.bytes(),
        ComponentName::Route => Part::Route.bytes(),
        ComponentName::Command => Part::Command.bytes(),
        ComponentName::EnvCredentials => Part::EnvCredentials.bytes(),
        ComponentName::StaticCredentials => Part::StaticCredentials.bytes(),
        ComponentName::Wasmcloud => Part::Wasmcloud.bytes(),
    }
}

/// What a program prints that AWS tools ask for credentials, with `credential_process`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// The component static-credentials with those of a file. No error shows what is in it.
fn with(file: &Path) -> anyhow::Result<Vec<u8>> {
    let name = file.display();
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.with_context(|| format!("--credentials {name}: cannot be read"))?;
    let given: Given = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        anyhow!("--credentials {name}: line {line}, column {column}: {EXPECTED}")
    })?;
    let Given { access_key_id, secret_access_key, session_token, expiration } = given;
    let texts = [Some(&access_key_id), Some(&secret_access_key), session_token.as_ref()];
    for (text, field) in texts.into_iter().zip(["AccessKeyId", "SecretAccessKey", "SessionToken"]) {
        let is_sound =
            |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if text.is_some_and(|text| !is_sound(text)) {
            bail!("--credentials {name}: {field}: expected visible ASCII characters");
        }
    }
    let expires_at = expiration.as_deref().map(str::parse::<Timestamp>).transpose();
    let expires_at = expires_at.map_err(|_| {
        anyhow!("--credentials {name}: Expiration: expected a time such as 2026-05-01T12:00:00Z")
    })?;
    let expires_at = expires_at.map(|at| at.as_nanosecond());
    let json = json!({
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
        "session_token": session_token,
        "expires_at": expires_at.map(|at| u64::try_from(at).unwrap_or_default()),
    });
    with_credentials(&json.to_string()).map_err(|room| {
        anyhow!(
            "--credentials {name}: longer than the {room} bytes that the component has for them"
        )
    })
}

/// Writes a file. One with credentials is for its owner alone, before they stand in it.
fn write(path: &Path, bytes: &[u8], is_secret: bool) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if is_secret {
        options.mode(OWNER_ONLY);
    }
    let mut file = options.open(path)?;
    if is_secret {
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    }
    file.write_all(bytes)
}

const OWNER_ONLY: u32 = 0o600;
const EXPECTED: &str = "expected JSON with AccessKeyId and SecretAccessKey, and SessionToken and \
                        Expiration where there are such";
