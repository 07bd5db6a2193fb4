//! Access points: further names of a bucket, each with its own host.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-usage.html>

/// An access point, by its ARN `arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint<'a> {
    /// The partition, such as `aws` or `aws-cn`.
    pub partition: &'a str,
    /// The region of the access point, which requests to it are signed for.
    pub region: &'a str,
    /// The id of the account that owns it.
    pub account: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl<'a> AccessPoint<'a> {
    /// Parses an ARN. `None` if the text is not an ARN.
    ///
    /// # Errors
    ///
    /// The reason, as a sentence, if it is not the ARN of an access point that objects can be
    /// written to.
    pub fn parse(text: &'a str) -> Option<Result<AccessPoint<'a>, String>> {
        let fields: Vec<_> = text.strip_prefix("arn:")?.splitn(5, ':').collect();
        let [partition, service, region, account, resource] = fields[..] else {
            return Some(Err(wanted(text)));
        };
        let name = resource.strip_prefix("accesspoint");
        let name = name.and_then(|rest| rest.strip_prefix(['/', ':']));
        Some(match (service, name) {
            ("s3-object-lambda", _) => Err(format!("`{text}` is for reading alone")),
            ("s3-outposts" | "s3express", _) => {
                Err(format!("`{text}` is of the service {service}, which is signed for otherwise"))
            }
            ("s3", None) if region.is_empty() && account.is_empty() => {
                Err(format!("`{text}` is the ARN of a bucket; write its name, `{resource}`"))
            }
            ("s3", Some(_)) if region.is_empty() => Err(format!(
                "`{text}` is an access point of several regions, and requests to it would need \
                 Signature Version 4A"
            )),
            ("s3", Some(name)) => {
                let access_point = AccessPoint { partition, region, account, name };
                if access_point.is_sound() { Ok(access_point) } else { Err(wanted(text)) }
            }
            _ => Err(wanted(text)),
        })
    }

    /// The first label of its host.
    pub fn label(&self) -> String {
        format!("{}-{}", self.name, self.account)
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html>
    fn is_sound(&self) -> bool {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_word = |text: &str| {
            !text.is_empty()
                && text.chars().all(legal)
                && !text.starts_with('-')
                && !text.ends_with('-')
        };
        (3..=50).contains(&self.name.len())
            && is_word(self.name)
            && is_word(self.region)
            && is_word(self.partition)
            && self.account.len() == 12
            && self.account.bytes().all(|byte| byte.is_ascii_digit())
    }
}

fn wanted(text: &str) -> String {
    format!(
        "`{text}` is no ARN of an access point, such as \
         `arn:aws:s3:eu-west-1:123456789012:accesspoint/my-access-point`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_point_is_read_from_its_arn() {
        for arn in [
            "arn:aws-cn:s3:cn-north-1:210987654321:accesspoint/events-writer",
            "arn:aws-cn:s3:cn-north-1:210987654321:accesspoint:events-writer",
        ] {
            let access_point = AccessPoint::parse(arn).expect("an ARN").expect("an access point");
            assert_eq!(access_point.label(), "events-writer-210987654321");
            assert_eq!((access_point.partition, access_point.region), ("aws-cn", "cn-north-1"));
        }
        for name in ["events", "arn", "arn-of-events", "events-abc-s3alias"] {
            assert_eq!(AccessPoint::parse(name), None, "{name}");
        }
    }

    #[test]
    fn what_objects_cannot_be_written_to_is_told() {
        for (arn, said) in [
            ("arn:aws:s3:::events", "the ARN of a bucket; write its name, `events`"),
            ("arn:aws:s3::210987654321:accesspoint/abc.mrap", "Signature Version 4A"),
            ("arn:aws:s3-object-lambda:eu-west-1:210987654321:accesspoint/a", "reading alone"),
            (
                "arn:aws:s3-outposts:eu-west-1:210987654321:outpost/op-1/accesspoint/a",
                "the service s3-outposts",
            ),
            ("arn:aws:sns:eu-west-1:210987654321:topic", "no ARN of an access point"),
            ("arn:aws:s3:eu-west-1:210987654321:accesspoint/", "no ARN of an access point"),
            ("arn:aws:s3:eu-west-1:21098765432:accesspoint/abc", "no ARN of an access point"),
            ("arn:aws:s3:eu-west-1:210987654321:accesspoint/a/b", "no ARN of an access point"),
            ("arn:aws:s3:eu.west:210987654321:accesspoint/abc", "no ARN of an access point"),
            ("arn:aws", "no ARN of an access point"),
        ] {
            let error = AccessPoint::parse(arn).expect("an ARN").unwrap_err();
            assert!(error.contains(said), "{arn}: {error}");
        }
    }
}
