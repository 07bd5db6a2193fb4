//! `[credentials]`: the names of the variables that hold them.

use serde::Deserialize;

use crate::credentials::Environment;
use crate::problem::Problem;

/// As written. The spellings that begin with `aws_` are those that the origin of this flow
/// published.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Written {
    #[serde(alias = "aws_access_token", alias = "aws_access_key_id")]
    access_key_id_env: Option<String>,
    #[serde(alias = "aws_secret_access_key")]
    secret_access_key_env: Option<String>,
    #[serde(alias = "aws_session_token")]
    session_token_env: Option<String>,
}

/// The names of the fields.
pub(super) const FIELDS: &[&str] = &[
    "access_key_id_env",
    "secret_access_key_env",
    "session_token_env",
    "aws_access_token",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];

/// The variables meant; those that are not named are the standard ones.
pub(super) fn meant(written: Written) -> Result<Environment, Vec<Problem>> {
    let standard = Environment::default();
    let mut problems = Vec::new();
    let mut name = |field: &str, written: Option<String>, standard: String| match written {
        None => standard,
        Some(name) if is_name(&name) => name,
        Some(_) => {
            // It may be a secret that was put in the wrong place, so it is not shown.
            let message = "is not the name of an environment variable, which it must be; \
                           the value itself does not belong in a flow";
            problems.push(Problem::new(format!("credentials.{field}"), message));
            String::new()
        }
    };
    let environment = Environment {
        access_key_id: name("access_key_id_env", written.access_key_id_env, standard.access_key_id),
        secret_access_key: name(
            "secret_access_key_env",
            written.secret_access_key_env,
            standard.secret_access_key,
        ),
        session_token: name("session_token_env", written.session_token_env, standard.session_token),
    };
    if problems.is_empty() { Ok(environment) } else { Err(problems) }
}

fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = text.chars().next().is_some_and(|c| !c.is_ascii_digit());
    // Access key ids have 20 characters and begin so; they would pass for names.
    let is_key_id = text.len() == 20 && (text.starts_with("AKIA") || text.starts_with("ASIA"));
    begins && text.chars().all(legal) && !is_key_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_the_origin_name_variables() {
        let text = "aws_access_token = 'A'\naws_secret_access_key = 'S'";
        let environment = meant(toml::from_str(text).unwrap()).unwrap();
        assert_eq!(environment.access_key_id, "A");
        assert_eq!(environment.secret_access_key, "S");
        assert_eq!(environment.session_token, "AWS_SESSION_TOKEN");
    }

    #[test]
    fn a_value_in_the_place_of_a_name_is_refused_and_not_shown() {
        for value in ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG", "", "7UP"] {
            let written =
                Written { secret_access_key_env: Some(value.to_owned()), ..Written::default() };
            let problems = meant(written).unwrap_err();
            assert_eq!(problems[0].field, "credentials.secret_access_key_env", "{value}");
            assert!(value.is_empty() || !problems[0].message.contains(value), "{value}");
        }
    }
}
