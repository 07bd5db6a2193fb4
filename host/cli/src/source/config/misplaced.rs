//! Fields of a source that have no meaning for its type.

use super::SourceConfig;
use spillway::problem::Problem;

impl SourceConfig {
    /// The fields that have a meaning for files alone, for those that are followed, and for a Kafka
    /// cluster.
    pub(super) fn misplaced(&self, problems: &mut Vec<Problem>) {
        let of_files = [
            ("source.paths", self.paths.is_some()),
            ("source.exclude", self.exclude.is_some()),
            ("source.follow", self.follow.is_some()),
            ("source.compression", self.compression.is_some()),
        ];
        let of_followed = [
            ("source.start_at", self.start_at.is_some()),
            ("source.rotate_wait", self.rotate_wait.is_some()),
            ("source.partial_line_after", self.partial_line_after.is_some()),
        ];
        let of_kafka = [
            ("source.brokers", self.brokers.is_some()),
            ("source.topics", self.topics.is_some()),
            ("source.group", self.group.is_some()),
            ("source.tombstones", self.tombstones.is_some()),
            ("source.revoke_timeout", self.revoke_timeout.is_some()),
            ("source.commit_every", self.commit_every.is_some()),
            ("source.tls", self.tls.is_some()),
            ("source.sasl", self.sasl.is_some()),
            ("source.properties", self.properties.is_some()),
        ];
        let of_lines =
            [("source.crlf", self.crlf.is_some()), ("source.multiline", self.multiline.is_some())];
        let is_followed = self.follow == Some(true);
        let kind = self.kind.as_deref().unwrap_or_default();
        let of_path = ("source.path", self.path.is_some());
        let misplaced: Vec<_> = match kind {
            "stdin" => of_files.into_iter().chain(of_followed).chain(of_kafka).collect(),
            "file" => of_kafka.to_vec(),
            "kafka" => {
                let of_followed = of_followed.into_iter().filter(|(f, _)| *f != "source.start_at");
                let of_files = of_files.into_iter().chain([of_path]);
                of_files.chain(of_followed).chain(of_lines).collect()
            }
            _ => Vec::new(),
        };
        for (field, _) in misplaced.into_iter().filter(|(_, is_there)| *is_there) {
            let message = format!("has no meaning with type = \"{kind}\"; remove it");
            problems.push(Problem::new(field, message));
        }
        for (field, is_there) in of_followed {
            if is_there && self.kind.as_deref() == Some("file") && !is_followed {
                problems.push(Problem::new(field, "has a meaning only with follow = true"));
            }
        }
        if self.paths.is_some() && self.path.is_some() {
            let message = "stands beside `path`; write all files into `paths`, and remove `path`";
            problems.push(Problem::new("source.paths", message));
        }
        if self.exclude.is_some() && self.path.is_some() {
            problems.push(Problem::new("source.exclude", "has a meaning only with `paths`"));
        }
    }
}
