//! What can be proven of a cluster's settings before it is asked: that this build can do what they
//! say, that files are there, and that librdkafka takes its properties.

use std::fs::File;

use spillway::problem::Problem;

use super::{KafkaSettings, Sasl, Security, Tls};

impl KafkaSettings {
    /// All that is wrong.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !cfg!(feature = "kafka") {
            problems.push(Problem::new("source.type", NO_KAFKA));
            return problems;
        }
        let Security { tls, sasl } = &self.security;
        if !cfg!(feature = "kafka-tls") {
            let is_plain = matches!(sasl, Some(Sasl::Password { mechanism: "PLAIN", .. }));
            let needs =
                [("source.tls", tls.is_some()), ("source.sasl", sasl.is_some() && !is_plain)];
            let needs = needs.into_iter().filter(|(_, needs)| *needs);
            problems.extend(needs.map(|(field, _)| Problem::new(field, NO_TLS)));
        }
        let Tls { ca_file, identity, .. } = tls.clone().unwrap_or_default();
        let (certificate, key) = identity.unzip();
        let token = self.security.token_file().cloned();
        for (field, file) in [
            ("source.tls.ca_file", ca_file),
            ("source.tls.certificate_file", certificate),
            ("source.tls.key_file", key),
            ("source.sasl.token_file", token),
        ] {
            if let Some(file) = file
                && let Err(error) = File::open(&file)
            {
                let message = format!("{} cannot be read: {error}", file.display());
                problems.push(Problem::new(field, message));
            }
        }
        #[cfg(feature = "kafka")]
        problems.extend(super::client::problems(self));
        problems
    }
}

const NO_KAFKA: &str = "is \"kafka\", which this build leaves out; build it with `cargo build \
                        --release --features kafka`";
const NO_TLS: &str = "needs OpenSSL, which this build leaves out; build it with `cargo build \
                      --release --features kafka-tls`";
