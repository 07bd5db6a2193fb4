//! A role that is assumed.

/// A role to assume with the credentials at hand, through AWS STS.
///
/// The formats are those of
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, as `arn:aws:iam::123456789012:role/writer`.
    pub arn: String,
    /// What the role's owner asks of those who come from another account.
    pub external_id: Option<String>,
    /// What the session is called in the logs of the role's account.
    pub session_name: String,
}

impl Role {
    /// What a session is called where nothing else is said.
    pub const SESSION_NAME: &str = "spillway";

    /// Whether it is the ARN of a role, in any partition and any account.
    pub fn is_arn(text: &str) -> bool {
        let fields: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = fields[..] else { return false };
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let name = resource.strip_prefix("role/").unwrap_or_default();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
        !partition.is_empty() && is_account && is_name && text.len() <= ARN_BYTES_MAX
    }

    /// Whether a role's owner may ask for this.
    pub fn is_external_id(text: &str) -> bool {
        let legal = |c| is_word(c) || matches!(c, ':' | '/');
        (2..=EXTERNAL_ID_BYTES_MAX).contains(&text.len()) && text.chars().all(legal)
    }

    /// Whether a session may be called so.
    pub fn is_session_name(text: &str) -> bool {
        (2..=SESSION_NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(is_word)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

const ARN_BYTES_MAX: usize = 2_048;
const EXTERNAL_ID_BYTES_MAX: usize = 1_224;
const SESSION_NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles_and_of_nothing_else() {
        for arn in [
            "arn:aws:iam::123456789012:role/writer",
            "arn:aws-cn:iam::123456789012:role/path/to/writer+=,.@-_",
        ] {
            assert!(Role::is_arn(arn), "{arn}");
        }
        let long = format!("arn:aws:iam::123456789012:role/{}", "x".repeat(2_048));
        for other in [
            "",
            "writer",
            "arn:aws:iam::123456789012:user/writer",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12345:role/writer",
            "arn:aws:s3:::role/writer",
            "arn:aws:iam::123456789012:role/wri ter",
            &long,
        ] {
            assert!(!Role::is_arn(other), "{other}");
        }
    }

    #[test]
    fn lengths_and_letters_of_names() {
        let of = |length| "x".repeat(length);
        assert!(Role::is_session_name(Role::SESSION_NAME));
        assert!([2, 64].into_iter().all(|length| Role::is_session_name(&of(length))));
        assert!([0, 1, 65].into_iter().all(|length| !Role::is_session_name(&of(length))));
        assert!([2, 1_224].into_iter().all(|length| Role::is_external_id(&of(length))));
        assert!([0, 1, 1_225].into_iter().all(|length| !Role::is_external_id(&of(length))));
        assert!(Role::is_external_id("a:b/c") && !Role::is_session_name("a:b/c"));
        assert!(!Role::is_external_id("a b") && !Role::is_session_name("ä_ö"));
    }
}
