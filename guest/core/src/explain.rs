//! Sentences for people: what was being done, what the store said, and what to check.

use crate::classify::{Class, TransportError, Verdict};
use crate::error::Error;
use crate::names::OnExisting;
use crate::settings::Settings;
use crate::sink::CredentialsError;
use crate::upload::{Operation, Upload};

/// What a request is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The object's name; for a list, what names begin with.
    pub(crate) name: &'a str,
    /// What is asked about it.
    pub(crate) operation: Operation,
}

impl Subject<'_> {
    pub(crate) fn upload(upload: &Upload, operation: Operation) -> Subject<'_> {
        Subject { name: &upload.span.name, operation }
    }
}

/// What one attempt was for, and how it ended.
pub(crate) fn attempt(settings: &Settings, subject: &Subject, verdict: &Verdict) -> String {
    format!("{}: {}", request(settings, subject), outcome(verdict))
}

/// Why a request was given up.
pub(crate) fn failure(
    settings: &Settings,
    subject: &Subject,
    attempts: u32,
    verdict: &Verdict,
) -> Error {
    let mut text = attempt(settings, subject, verdict);
    if let Some(advice) = advice(settings, subject, verdict) {
        text = format!("{text}; {advice}");
    }
    match verdict.class {
        Class::Transient | Class::Throttled | Class::Conflict if attempts > 1 => {
            Error::Unavailable(format!("{text} (gave up after {attempts} attempts)"))
        }
        Class::Transient | Class::Throttled | Class::Conflict | Class::NoSuchUpload => {
            Error::Unavailable(text)
        }
        _ => Error::Denied(text),
    }
}

/// Why there is nothing to sign with.
pub(crate) fn credentials(error: &CredentialsError) -> Error {
    match error {
        CredentialsError::NotConfigured(text) => {
            Error::Denied(format!("no credentials are configured: {text}"))
        }
        CredentialsError::Failed(text) => {
            Error::Unavailable(format!("the credentials could not be had: {text}"))
        }
    }
}

/// The operation as the S3 API names it.
pub fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::PutObject => "PutObject",
        Operation::CreateMultipartUpload => "CreateMultipartUpload",
        Operation::UploadPart(_) => "UploadPart",
        Operation::CompleteMultipartUpload => "CompleteMultipartUpload",
        Operation::HeadObject => "HeadObject",
        Operation::AbortMultipartUpload => "AbortMultipartUpload",
        Operation::ListMultipartUploads => "ListMultipartUploads",
        Operation::ListParts => "ListParts",
    }
}

fn request(settings: &Settings, subject: &Subject) -> String {
    let part = match subject.operation {
        Operation::UploadPart(number) => format!(" {number}"),
        _ => String::new(),
    };
    let address = &settings.address;
    let (scheme, authority) = (address.scheme.as_str(), &address.authority);
    let (bucket, object) = (&address.bucket, subject.name);
    let operation = name(subject.operation);
    format!("{operation}{part} s3://{bucket}/{object} at {scheme}://{authority}")
}

/// How one attempt ended.
pub(crate) fn outcome(verdict: &Verdict) -> String {
    match (&verdict.transport, &verdict.error) {
        (Some(transport), _) => transport.to_string(),
        (None, Some(error)) if error.message.is_empty() => {
            format!("{} {}", verdict.status, error.code)
        }
        (None, Some(error)) => {
            // The sentence goes on.
            let message = error.message.trim_end_matches('.');
            format!("{} {}: {message}", verdict.status, error.code)
        }
        (None, None) if verdict.status / 100 == 2 => {
            format!("status {} without what it must say", verdict.status)
        }
        (None, None) => format!("status {}", verdict.status),
    }
}

fn advice(settings: &Settings, subject: &Subject, verdict: &Verdict) -> Option<String> {
    if let Some(transport) = &verdict.transport {
        return transport_advice(transport);
    }
    let bucket = &settings.address.bucket;
    let code = verdict.error.as_ref().map(|e| e.code.as_str()).unwrap_or_default();
    let text = match (code, verdict.status) {
        ("AccessDenied" | "AllAccessDisabled", _) => {
            let action = action(subject.operation);
            let resource = match subject.operation {
                Operation::ListMultipartUploads => settings.address.bucket_arn(),
                _ => settings.address.arn(subject.name),
            };
            format!("check that the credentials are allowed {action} on {resource}")
        }
        ("NotImplemented", _) if subject.operation == Operation::ListMultipartUploads => {
            "this store does not tell which uploads are open; look for tools of its own".to_owned()
        }
        ("SignatureDoesNotMatch", _) => {
            "check the secret access key, and that nothing between here and the store changes \
             requests"
                .to_owned()
        }
        ("InvalidAccessKeyId" | "NotSignedUp", _) => "check the access key id".to_owned(),
        ("InvalidToken" | "ExpiredToken", _) => "check the session token".to_owned(),
        ("RequestTimeTooSkewed", _) => "set this machine's clock".to_owned(),
        ("PreconditionFailed", _) | (_, 412) => match settings.names.on_existing {
            OnExisting::Overwrite => return None,
            OnExisting::Fail => {
                "an object of that name exists, and `on_existing` is `fail`".to_owned()
            }
            OnExisting::Next => {
                "an object of that name exists, and this one could not be stored under another"
                    .to_owned()
            }
        },
        ("NoSuchBucket", _) => format!("create the bucket `{bucket}`, or correct `bucket`"),
        ("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed", _) => {
            let region = verdict.region.as_ref().filter(|r| **r != settings.region);
            match region {
                Some(region) => {
                    format!("set `region` to `{region}`; it is `{}` now", settings.region)
                }
                None => "check `endpoint` and `region`".to_owned(),
            }
        }
        (_, 403) => "check the credentials and what they are allowed".to_owned(),
        (_, 301 | 307) => "check `endpoint` and `region`".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// What a policy has to allow:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
fn action(operation: Operation) -> &'static str {
    match operation {
        Operation::PutObject
        | Operation::CreateMultipartUpload
        | Operation::UploadPart(_)
        | Operation::CompleteMultipartUpload => "s3:PutObject",
        Operation::HeadObject => "s3:GetObject",
        Operation::AbortMultipartUpload => "s3:AbortMultipartUpload",
        Operation::ListMultipartUploads => "s3:ListBucketMultipartUploads",
        Operation::ListParts => "s3:ListMultipartUploadParts",
    }
}

fn transport_advice(error: &TransportError) -> Option<String> {
    let text = match error {
        TransportError::Denied => "check which authorities the host grants",
        TransportError::Dns(_) => "check the host's name in `endpoint`, and `region`",
        TransportError::Connect(_) | TransportError::Timeout(_) => {
            "check `endpoint`, and that the store can be reached from here"
        }
        TransportError::Tls(_) => {
            "check that the store speaks TLS at this port, and that its certificate is of an \
             authority that the host trusts and names the host in `endpoint`"
        }
        TransportError::Broken(_) => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classify;
    use crate::clock::Flight;
    use crate::http::Response;

    fn explained(status: u16, code: &str) -> String {
        let settings = Settings::parse(r#"{"bucket": "bbb", "endpoint": "http://s3.test"}"#);
        let subject = Subject { name: "a/b", operation: Operation::UploadPart(3) };
        let body = format!("<Error><Code>{code}</Code><Message>Said so.</Message></Error>");
        let response = Response { status, headers: vec![], body: body.into() };
        let verdict = classify(subject.operation, &Ok(response), &Flight::default());
        failure(&settings.unwrap(), &subject, 2, &verdict).to_string()
    }

    #[test]
    fn a_failure_says_what_was_done_what_was_said_and_what_to_check() {
        assert_eq!(
            explained(403, "AccessDenied"),
            "UploadPart 3 s3://bbb/a/b at http://s3.test: 403 AccessDenied: Said so; check that the \
             credentials are allowed s3:PutObject on arn:aws:s3:::bbb/a/b"
        );
        assert!(
            explained(404, "NoSuchBucket")
                .ends_with("create the bucket `bbb`, or correct `bucket`")
        );
        assert!(explained(500, "InternalError").ends_with("Said so (gave up after 2 attempts)"));
    }

    #[test]
    fn each_way_of_not_reaching_the_store_has_a_remedy() {
        let text = String::new;
        for error in [
            TransportError::Denied,
            TransportError::Dns(text()),
            TransportError::Connect(text()),
            TransportError::Tls(text()),
            TransportError::Timeout(text()),
        ] {
            assert!(transport_advice(&error).is_some_and(|a| a.starts_with("check ")), "{error}");
        }
    }
}
