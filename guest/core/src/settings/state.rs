//! Where the bucket keeps the state of hosts.

use super::Settings;
use crate::error::Problem;
use crate::naming::{NAME_BYTES_MAX, SEPARATORS};

impl Settings {
    /// The key of the object that keeps the state `name` of a host.
    ///
    /// # Errors
    ///
    /// If there cannot be such an object.
    pub(crate) fn state_key(&self, name: &str) -> Result<String, Problem> {
        let key = format!("{}{name}", self.names.state_prefix);
        let shown: String = name.chars().take(40).flat_map(char::escape_default).collect();
        let is_wrong = |segment: &str| matches!(segment, "" | "." | "..");
        let problem = if name.split(SEPARATORS).any(is_wrong) {
            format!("`{shown}` has a segment that is empty, `.` or `..`")
        } else if name.chars().any(char::is_control) {
            format!("`{shown}` has a control character")
        } else if key.len() > NAME_BYTES_MAX {
            let len = key.len();
            format!(
                "with `state_prefix` it has {len} bytes, but a name has {NAME_BYTES_MAX} at most"
            )
        } else {
            return Ok(key);
        };
        Err(Problem::new("name", problem))
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn a_name_stands_behind_the_prefix() {
        assert_eq!(key("", "orders/3"), Ok("_spillway/orders/3".to_owned()));
        assert_eq!(key(r#", "state_prefix": "s-""#, "é"), Ok("s-é".to_owned()));
    }

    #[test]
    fn a_name_that_cannot_be_is_refused() {
        for (name, said) in [
            ("", "`` has a segment that is empty, `.` or `..`"),
            ("a//b", "`a//b` has a segment that is empty, `.` or `..`"),
            ("../a", "`../a` has a segment that is empty, `.` or `..`"),
            ("a\nb", "`a\\nb` has a control character"),
        ] {
            assert_eq!(key("", name), Err(said.to_owned()));
        }
        let error = key("", &"x".repeat(1_015)).unwrap_err();
        assert_eq!(error, "with `state_prefix` it has 1025 bytes, but a name has 1024 at most");
    }

    fn key(more: &str, name: &str) -> Result<String, String> {
        let settings = Settings::parse(&format!(r#"{{"bucket": "bbb"{more}}}"#));
        let settings = settings.expect("a configuration");
        settings.state_key(name).map_err(|problem| {
            assert_eq!(problem.field, "name");
            problem.message
        })
    }
}
