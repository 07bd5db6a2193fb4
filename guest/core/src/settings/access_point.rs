//! Parses the address of an access point, whose ARN is given as the bucket.

use crate::config::{Provider, RawConfig};
use crate::error::Problem;
use crate::http::Scheme;
use crate::s3::{AccessPoint, Address, AddressStyle};
use crate::settings::aws::{self, Endpoints};

/// The address of the access point, and the region that requests are signed for: the ARN's.
pub(super) fn store(
    raw: &RawConfig,
    provider: &Provider,
    arn: Result<AccessPoint, String>,
    bucket: &str,
    problems: &mut Vec<Problem>,
) -> (Address, String) {
    let endpoints = Endpoints::read(raw);
    let mut address = Address {
        scheme: Scheme::Https,
        authority: String::new(),
        base_path: String::new(),
        bucket: bucket.to_owned(),
        style: AddressStyle::VirtualHost,
    };
    let mut refuse = |field: &str, message: String| problems.push(Problem::new(field, message));
    if provider.name != "aws" {
        refuse("bucket", format!("an ARN, but `provider` is `{}`", provider.name));
    }
    if raw.is_set("endpoint") {
        let message = "set, but `bucket` is an ARN, which says where its access point is";
        refuse("endpoint", message.to_owned());
    }
    if raw.text("addressing") == Some("path") {
        let message = "an access point has a host of its own; `virtual-host` is wanted";
        refuse("addressing", message.to_owned());
    }
    let AccessPoint { partition, region, .. } = match arn {
        Ok(access_point) => access_point,
        Err(message) => {
            refuse("bucket", message);
            return (address, String::new());
        }
    };
    if partition != aws::partition_of(region) {
        let own = aws::partition_of(region);
        refuse("bucket", format!("the region `{region}` is of `{own}`, not of `{partition}`"));
    }
    if let Some(other) = raw.text("region").filter(|other| *other != region) {
        refuse("region", format!("`{other}`, but the access point is in `{region}`; leave it out"));
    }
    let in_path = Some("`bucket` is an access point");
    endpoints.check(region, in_path, problems);
    address.authority = endpoints.access_point_authority(region);
    (address, region.to_owned())
}

/// Rejects aliases of things other than buckets. AWS allows no bucket to have such a name:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html> The alias of an
/// access point, which ends in `-s3alias`, can be used like a bucket.
pub(super) fn check_alias(bucket: &str, problems: &mut Vec<Problem>) {
    for (suffix, what) in [
        (".mrap", "an access point of several regions, which wants Signature Version 4A"),
        ("--x-s3", "a directory bucket, which wants sessions of its own"),
        ("--ol-s3", "an access point of Object Lambda, which is for reading alone"),
        ("--op-s3", "an access point of Outposts, which is signed for otherwise"),
    ] {
        if bucket.ends_with(suffix) {
            problems.push(Problem::new("bucket", format!("`{bucket}` names {what}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::error::Error;
    use crate::settings::Settings;

    fn with(more: Value) -> Result<Settings, Vec<String>> {
        let mut config = json!({
            "bucket": "arn:aws:s3:eu-central-1:210987654321:accesspoint/events-writer",
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Settings::parse(&config.to_string()).map_err(|error| match error {
            Error::Invalid(problems) => problems.into_iter().map(|p| p.field).collect(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn an_arn_says_where_its_access_point_is() {
        for (more, egress, region) in [
            (
                json!({}),
                "events-writer-210987654321.s3-accesspoint.eu-central-1.amazonaws.com:443",
                "eu-central-1",
            ),
            (
                json!({"dualstack": true, "fips": true, "region": "eu-central-1"}),
                "events-writer-210987654321.s3-accesspoint-fips.dualstack.eu-central-1\
                 .amazonaws.com:443",
                "eu-central-1",
            ),
            (
                json!({"bucket": "arn:aws-cn:s3:cn-north-1:210987654321:accesspoint:abc"}),
                "abc-210987654321.s3-accesspoint.cn-north-1.amazonaws.com.cn:443",
                "cn-north-1",
            ),
            (
                json!({"bucket": "abc-def-s3alias", "region": "eu-west-3"}),
                "abc-def-s3alias.s3.eu-west-3.amazonaws.com:443",
                "eu-west-3",
            ),
        ] {
            let settings = with(more.clone()).expect("in order");
            assert_eq!(
                (settings.egress().as_str(), settings.store.region.as_str()),
                (egress, region)
            );
        }
    }

    #[test]
    fn what_an_access_point_cannot_be_is_refused() {
        let arn = |arn: &str| json!({"bucket": arn});
        for (more, fields) in [
            (json!({"endpoint": "https://s3.example.com"}), vec!["endpoint"]),
            (json!({"region": "us-east-1"}), vec!["region"]),
            (json!({"addressing": "path"}), vec!["addressing"]),
            (json!({"accelerate": true}), vec!["accelerate"]),
            (
                json!({"provider": "minio", "endpoint": "https://minio.test"}),
                vec!["bucket", "endpoint"],
            ),
            (arn("arn:aws:s3:cn-north-1:210987654321:accesspoint/abc"), vec!["bucket"]),
            (arn("arn:aws:s3::210987654321:accesspoint/abc.mrap"), vec!["bucket"]),
            (arn("arn:aws:s3:::events"), vec!["bucket"]),
            (arn("abcdef.mrap"), vec!["bucket"]),
            (arn("events--euw1-az1--x-s3"), vec!["bucket"]),
            (arn("events--ol-s3"), vec!["bucket"]),
        ] {
            assert_eq!(
                with(more.clone()).err(),
                Some(fields.iter().map(|f| (*f).to_owned()).collect()),
                "{more}"
            );
        }
    }
}
