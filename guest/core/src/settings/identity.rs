//! The fields that a checkpoint depends on. With other values, its uploads would not be found, or
//! would continue differently.

use super::address::is_loopback;
use super::words::{CHECKSUM, FRAMING, ON_EXISTING};
use super::{Encryption, Settings};
use crate::encode::Compression;

impl Settings {
    /// The fields that a checkpoint depends on, and their values. None of them is secret.
    pub fn identity(&self) -> Vec<(String, String)> {
        let address = &self.store.address;
        // A store on this machine may have another port after a restart.
        let authority = match address.authority.rsplit_once(':') {
            Some((host, _)) if is_loopback(host) => host,
            _ => &address.authority,
        };
        let endpoint = format!("{}://{authority}{}", address.scheme.as_str(), address.base_path);
        let encoding = self.upload.encoding;
        let fields = [
            ("endpoint", endpoint),
            ("bucket", address.bucket.clone()),
            ("prefix", self.names.prefix.clone()),
            ("key_template", self.names.template.to_string()),
            ("on_existing", ON_EXISTING.word(self.names.on_existing).to_owned()),
            ("framing", FRAMING.word(encoding.framing).to_owned()),
            ("compression", encoding.compression.map_or("none", Compression::name).to_owned()),
            ("compression_suffix", (!self.names.suffix.is_empty()).to_string()),
            ("encryption", encryption(&self.upload.encryption).to_owned()),
            ("checksum", CHECKSUM.word(self.upload.checksum).to_owned()),
            ("part_bytes", self.upload.part_bytes.to_string()),
        ];
        let lane = self.names.lane;
        let lane = lane.has_others().then(|| ("lane", format!("{} of {}", lane.index, lane.count)));
        let fields = fields.into_iter().chain(lane);
        fields.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The key itself is not part of the identity.
fn encryption(encryption: &Encryption) -> &'static str {
    match encryption {
        Encryption::Default => "that of the bucket",
        Encryption::S3 => "AES256",
        Encryption::Kms(kms) if kms.dual_layer => "aws:kms:dsse",
        Encryption::Kms(_) => "aws:kms",
        Encryption::Customer(_) => "a customer's key",
    }
}
