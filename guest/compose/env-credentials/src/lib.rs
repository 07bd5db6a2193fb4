//! Credentials from the environment variables that AWS tools use: `AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN` where there is one. An empty variable counts as
//! not set.
//!
//! Every sink of a composition gets the same ones. A process cannot change its environment, so
//! `fresh` changes nothing: temporary credentials that have expired end the sink.

use wasip2::cli::environment::get_environment;

use crate::bindings::exports::spillway::s3::credentials::{CredentialSet, Failure, Guest};

struct Component;

impl Guest for Component {
    fn get(_identity: String, _fresh: bool) -> Result<CredentialSet, Failure> {
        let variables = get_environment();
        let get = |name: &str| {
            let found = variables.iter().find(|(is, value)| is == name && !value.is_empty());
            match found {
                // A line end that came along from a file would be refused as a wrong signature.
                Some((_, value)) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    Err(failure(&format!(
                        "the value of {name} contains a blank, a line end or a control character"
                    )))
                }
                found => Ok(found.map(|(_, value)| value.clone())),
            }
        };
        let needed =
            |name| get(name)?.ok_or_else(|| failure(&format!("the environment has no {name}")));
        Ok(CredentialSet {
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: get("AWS_SESSION_TOKEN")?,
            expires_at: None,
        })
    }
}

fn failure(text: &str) -> Failure {
    Failure::NotConfigured(text.to_owned())
}

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package spillway:env-credentials;
            world env-credentials {
                export spillway:s3/credentials@0.2.0;
            }
        ",
        world: "spillway:env-credentials/env-credentials",
        generate_all,
    });

    export!(Component with_types_in self);
}
