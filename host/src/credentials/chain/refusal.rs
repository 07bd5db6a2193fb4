//! Why a source has no credentials, in words that hold none.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_types::error::metadata::ErrorMetadata;

use crate::contract::credentials::Failure;

/// What a source says that has no credentials.
pub(super) enum Refusal {
    /// Nothing is set up there. The next one is asked.
    Absent(String),
    /// Something is set up there, and wrongly.
    Wrong(String),
    /// Something is set up there, and did not deliver.
    Failed(String),
}

impl Refusal {
    /// What the SDK's error means.
    pub(super) fn of(error: &CredentialsError) -> Refusal {
        let text = causes(error);
        match error {
            CredentialsError::CredentialsNotLoaded(_) => Refusal::Absent(text),
            CredentialsError::InvalidConfiguration(_) => Refusal::Wrong(text),
            _ => Refusal::Failed(text),
        }
    }

    /// The refusals of several sources, in the order in which they were asked.
    pub(super) fn failure(refusals: Vec<(String, Refusal)>) -> Failure {
        let may_help = refusals.iter().any(|(_, refusal)| matches!(refusal, Refusal::Failed(_)));
        let texts = refusals.into_iter().map(|(source, refusal)| match refusal {
            Refusal::Absent(text) | Refusal::Wrong(text) | Refusal::Failed(text) => {
                format!("{source}: {text}")
            }
        });
        let text = texts.collect::<Vec<_>>().join("; ");
        if may_help { Failure::Failed(text) } else { Failure::NotConfigured(text) }
    }
}

/// The error's causes in one line, without those that say only that there is one below them.
fn causes(error: &CredentialsError) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        cause = error.source();
        let is_frame = error.is::<CredentialsError>() && cause.is_some();
        let text = match error.downcast_ref::<ErrorMetadata>() {
            Some(metadata) => answer(metadata),
            None => without_output(&error.to_string()),
        };
        // Many of them repeat what is below.
        if !is_frame && !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

/// What a service of AWS answered.
fn answer(metadata: &ErrorMetadata) -> String {
    let code = metadata.code().unwrap_or("an error without a code");
    metadata.message().map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"))
}

/// What a credential process printed may be what nobody should see.
fn without_output(text: &str) -> String {
    match text.split_once(" Stderr: ") {
        Some((text, _)) => format!("{text} Run it by hand to see what it prints"),
        None => text.to_owned(),
    }
}
