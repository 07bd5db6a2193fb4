//! Why a source has no credentials, in words that hold none.

use std::error::Error;

use aws_config::imds::client::error::{ImdsError, TokenError as MetadataTokenError};
use aws_credential_types::provider::error::{CredentialsError, TokenError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
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
        let text = text(error);
        match error {
            CredentialsError::CredentialsNotLoaded(_) => Refusal::Absent(text),
            _ if causes(error).any(is_other_metadata) => Refusal::Absent(text),
            CredentialsError::InvalidConfiguration(_) => Refusal::Wrong(text),
            _ => Refusal::Failed(text),
        }
    }

    /// The same of a profile: one that refers to what is not there is set up, and another source
    /// would be another identity than the one that was meant.
    pub(super) fn of_profile(error: &CredentialsError) -> Refusal {
        match Refusal::of(error) {
            Refusal::Absent(text) if text.is_empty() => {
                Refusal::Absent("no file has it, or it contains no credentials".to_owned())
            }
            Refusal::Absent(text) => Refusal::Wrong(text),
            refusal => refusal,
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
fn text(error: &CredentialsError) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = said(cause);
        let is_frame = cause.is::<CredentialsError>() || FRAMES.contains(&text.as_str());
        // Many of them repeat what is below.
        if !is_frame && !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    if causes(error).any(|cause| cause.is::<TokenError>()) {
        texts.push("log in again, as with `aws sso login`".to_owned());
    }
    texts.join(": ")
}

/// The error, and what it comes of.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// What one cause says for itself. Some would show all of an answer.
fn said(cause: &(dyn Error + 'static)) -> String {
    if let Some(answer) = cause.downcast_ref::<ErrorMetadata>() {
        let code = answer.code().unwrap_or("an error without a code");
        return answer.message().map_or(code.to_owned(), |message| format!("{code}: {message}"));
    }
    if let Some(ImdsError::ErrorResponse(answer)) = cause.downcast_ref::<ImdsError>() {
        return format!("status {}", answer.response().status());
    }
    let text = cause.to_string();
    // The SDK advises to build another program.
    if text.contains("credentials-login") {
        return LOGIN.to_owned();
    }
    without_dumps(&text)
}

/// The text without what it shows of a request, or of what a credential process printed: both may
/// be what nobody should see.
fn without_dumps(text: &str) -> String {
    if let Some((text, _)) = text.split_once(" Stderr: ") {
        return format!("{}; run it by hand to see what it prints", text.trim_end_matches('.'));
    }
    match (text.find(" {"), text.rfind('}')) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{} {{…{}", &text[..begin], &text[end..])
        }
        _ => text.to_owned(),
    }
}

/// Whether something answers at the address of an instance's metadata that is no such service, or
/// one that is switched off: other clouds have services of their own there.
fn is_other_metadata(cause: &(dyn Error + 'static)) -> bool {
    let error = cause.downcast_ref::<SdkError<MetadataTokenError, HttpResponse>>();
    let answer = error.and_then(SdkError::raw_response);
    answer.is_some_and(|answer| !answer.status().is_server_error())
}

/// What to do about a login that is not read here.
const LOGIN: &str = "it has a login of `aws login`, which Spillway does not read; another profile \
                     can use it with `credential_process = aws configure export-credentials \
                     --profile NAME --format process`";
/// What the SDK says of an error only to name its cause below.
const FRAMES: &[&str] =
    &["dispatch failure", "io error", "other", "response error", "service error"];
