//! The hosts of AWS endpoints.

use crate::config::RawConfig;
use crate::error::Problem;

/// The variants of the AWS endpoint that are selected.
#[derive(Clone, Copy)]
pub(super) struct Endpoints {
    dualstack: bool,
    fips: bool,
    accelerate: bool,
}

/// A partition: regions with a common domain.
struct Partition {
    /// The partition in ARNs.
    name: &'static str,
    /// The prefix of its regions.
    regions: &'static str,
    suffix: &'static str,
    has_fips: bool,
    has_acceleration: bool,
}

impl Endpoints {
    pub(super) fn read(raw: &RawConfig) -> Endpoints {
        Endpoints {
            dualstack: raw.flag("dualstack"),
            fips: raw.flag("fips"),
            accelerate: raw.flag("accelerate"),
        }
    }

    /// The fields that are set.
    pub(super) fn chosen(self) -> impl Iterator<Item = &'static str> {
        let all =
            [("dualstack", self.dualstack), ("fips", self.fips), ("accelerate", self.accelerate)];
        all.into_iter().filter(|(_, is_set)| *is_set).map(|(field, _)| field)
    }

    /// The host without the bucket's label.
    ///
    /// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/dual-stack-endpoints.html>
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html>
    pub(super) fn authority(self, region: &str) -> String {
        let region = region.to_ascii_lowercase();
        let suffix = partition(&region).suffix;
        let dualstack = if self.dualstack { ".dualstack" } else { "" };
        match (self.accelerate, self.fips) {
            (true, _) => format!("s3-accelerate{dualstack}.{suffix}"),
            (false, true) => format!("s3-fips{dualstack}.{region}.{suffix}"),
            (false, false) => format!("s3{dualstack}.{region}.{suffix}"),
        }
    }

    /// The host without the access point's label.
    ///
    /// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-usage.html>
    pub(super) fn access_point_authority(self, region: &str) -> String {
        let fips = if self.fips { "-fips" } else { "" };
        let dualstack = if self.dualstack { ".dualstack" } else { "" };
        format!("s3-accesspoint{fips}{dualstack}.{region}.{}", partition(region).suffix)
    }

    /// Reports variants that the region does not have, or that do not support a bucket in the path.
    pub(super) fn check(self, region: &str, in_path: Option<&str>, problems: &mut Vec<Problem>) {
        let partition = partition(&region.to_ascii_lowercase());
        if self.fips && !partition.has_fips {
            let message = format!("there are no endpoints for FIPS in the region `{region}`");
            problems.push(Problem::new("fips", message));
        }
        if !self.accelerate {
            return;
        }
        let mut refuse = |message| problems.push(Problem::new("accelerate", message));
        if !partition.has_acceleration {
            refuse(format!("there is no Transfer Acceleration in the region `{region}`"));
        }
        if self.fips {
            refuse(
                "set, and so is `fips`; Transfer Acceleration has no endpoints for it".to_owned(),
            );
        }
        if let Some(why) = in_path {
            refuse(format!("{why}, but Transfer Acceleration wants the bucket in the host"));
        }
    }
}

/// The partition of a region, as in ARNs.
pub(super) fn partition_of(region: &str) -> &'static str {
    partition(region).name
}

fn partition(region: &str) -> &'static Partition {
    let found = PARTITIONS.iter().find(|partition| region.starts_with(partition.regions));
    found.unwrap_or(&COMMERCIAL)
}

/// The default, for regions without the prefix of another partition.
const COMMERCIAL: Partition = Partition {
    name: "aws",
    regions: "",
    suffix: "amazonaws.com",
    has_fips: true,
    has_acceleration: true,
};

/// The other partitions, as in the AWS SDKs. In China the endpoint rules of S3 reject FIPS:
/// <https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json>
/// <https://github.com/boto/botocore/tree/develop/botocore/data/s3/2006-03-01>
const PARTITIONS: &[Partition] = &[
    Partition {
        name: "aws-cn",
        regions: "cn-",
        suffix: "amazonaws.com.cn",
        has_fips: false,
        has_acceleration: false,
    },
    Partition { name: "aws-us-gov", regions: "us-gov-", has_acceleration: false, ..COMMERCIAL },
    Partition {
        name: "aws-iso",
        regions: "us-iso-",
        suffix: "c2s.ic.gov",
        has_acceleration: false,
        ..COMMERCIAL
    },
    Partition {
        name: "aws-iso-b",
        regions: "us-isob-",
        suffix: "sc2s.sgov.gov",
        has_acceleration: false,
        ..COMMERCIAL
    },
    Partition {
        name: "aws-iso-f",
        regions: "us-isof-",
        suffix: "csp.hci.ic.gov",
        has_acceleration: false,
        ..COMMERCIAL
    },
    Partition {
        name: "aws-iso-e",
        regions: "eu-isoe-",
        suffix: "cloud.adc-e.uk",
        has_acceleration: false,
        ..COMMERCIAL
    },
    Partition {
        name: "aws-eusc",
        regions: "eusc-",
        suffix: "amazonaws.eu",
        has_acceleration: false,
        ..COMMERCIAL
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_own_hosts() {
        for (region, authority) in [
            ("eu-west-1", "s3.eu-west-1.amazonaws.com"),
            ("EU-West-1", "s3.eu-west-1.amazonaws.com"),
            ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
            ("us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"),
            ("us-isof-south-1", "s3.us-isof-south-1.csp.hci.ic.gov"),
            ("eu-isoe-west-1", "s3.eu-isoe-west-1.cloud.adc-e.uk"),
            ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"),
        ] {
            let plain = Endpoints { dualstack: false, fips: false, accelerate: false };
            assert_eq!(plain.authority(region), authority);
        }
    }

    /// The expected hosts are those of the AWS SDKs' tests.
    #[test]
    fn every_endpoint_has_its_host() {
        for (dualstack, fips, accelerate, authority) in [
            (true, false, false, "s3.dualstack.eu-west-1.amazonaws.com"),
            (false, true, false, "s3-fips.eu-west-1.amazonaws.com"),
            (true, true, false, "s3-fips.dualstack.eu-west-1.amazonaws.com"),
            (false, false, true, "s3-accelerate.amazonaws.com"),
            (true, false, true, "s3-accelerate.dualstack.amazonaws.com"),
        ] {
            let endpoints = Endpoints { dualstack, fips, accelerate };
            assert_eq!(endpoints.authority("eu-west-1"), authority);
        }
    }

    /// The expected hosts follow the endpoint rules of the AWS SDKs.
    #[test]
    fn access_points_have_hosts_of_their_own() {
        for (dualstack, fips, region, authority) in [
            (false, false, "eu-west-1", "s3-accesspoint.eu-west-1.amazonaws.com"),
            (true, false, "eu-west-1", "s3-accesspoint.dualstack.eu-west-1.amazonaws.com"),
            (false, true, "us-east-2", "s3-accesspoint-fips.us-east-2.amazonaws.com"),
            (true, true, "us-east-2", "s3-accesspoint-fips.dualstack.us-east-2.amazonaws.com"),
            (false, false, "cn-north-1", "s3-accesspoint.cn-north-1.amazonaws.com.cn"),
            (false, true, "us-gov-west-1", "s3-accesspoint-fips.us-gov-west-1.amazonaws.com"),
        ] {
            let endpoints = Endpoints { dualstack, fips, accelerate: false };
            assert_eq!(endpoints.access_point_authority(region), authority);
        }
        let partitions = ["eu-west-1", "cn-north-1", "us-gov-east-1"].map(partition_of);
        assert_eq!(partitions, ["aws", "aws-cn", "aws-us-gov"]);
    }
}
