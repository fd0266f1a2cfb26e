//! Topics that messages are taken from, and the one host that speaks for a topic.

use std::fmt;

use serde::Deserialize;
use url::Url;

/// Longest address that a message may name.
const MAX_URL_CHARS: usize = 2048;

/// `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TopicArn {
    text: String,
    host: String,
}

impl TopicArn {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host of the topic's region. Nothing is fetched from any other.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// An address that a message of this topic names: https, at the topic's own host and the usual port, as nobody.
    pub fn address(&self, field: &'static str, text: &str) -> Result<Url, String> {
        let refuse = |why: &str| Err(format!("{field}: {why}"));
        if text.len() > MAX_URL_CHARS {
            return refuse(&format!("longer than {MAX_URL_CHARS} characters"));
        }
        let Ok(url) = Url::parse(text) else { return refuse("not a URL") };
        if url.scheme() != "https" {
            return refuse("not https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("names a user");
        }
        if url.host_str() != Some(self.host()) || url.port().is_some() {
            return refuse(&format!("not at {}", self.host));
        }
        Ok(url)
    }
}

impl TryFrom<String> for TopicArn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("{text:?} is not the ARN of an SNS topic: {why}"));
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, service, region, account, name] = parts.as_slice() else {
            return refuse("not arn:PARTITION:sns:REGION:ACCOUNT:NAME");
        };
        let domain = match *partition {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            _ => return refuse("the partition is not aws, aws-cn or aws-us-gov"),
        };
        let plain = |s: &str, more: &[u8]| {
            !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
        };
        let is_region = plain(region, b"-") && !region.bytes().any(|b| b.is_ascii_uppercase());
        if *service != "sns" || !is_region {
            return refuse("not of sns in a region");
        }
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return refuse("an account has 12 digits");
        }
        // Topics whose name ends in .fifo deliver to no HTTPS endpoint.
        if !plain(name, b"-_") || name.len() > 256 {
            return refuse("the name has letters, digits, - and _");
        }
        Ok(Self { host: format!("sns.{region}.{domain}"), text })
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Result<TopicArn, String> {
        TopicArn::try_from(text.to_owned())
    }

    #[test]
    fn a_topic_has_one_host() {
        let host = |arn: &str| topic(arn).unwrap().host().to_owned();
        assert_eq!(host("arn:aws:sns:eu-central-1:111122223333:alarms"), "sns.eu-central-1.amazonaws.com");
        assert_eq!(host("arn:aws-cn:sns:cn-north-1:111122223333:alarms"), "sns.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn what_is_no_topic_is_refused_with_the_reason() {
        for (arn, why) in [
            ("alarms", "PARTITION"),
            ("arn:other:sns:eu-central-1:111122223333:alarms", "partition"),
            ("arn:aws:sqs:eu-central-1:111122223333:alarms", "of sns"),
            ("arn:aws:sns:evil.test/:111122223333:alarms", "region"),
            ("arn:aws:sns:eu-central-1:1111:alarms", "12 digits"),
            ("arn:aws:sns:eu-central-1:111122223333:alarms.fifo", "name"),
            ("arn:aws:sns:eu-central-1:111122223333:alarms:4f2a", "PARTITION"),
        ] {
            let error = topic(arn).unwrap_err();
            assert!(error.contains(why), "{arn}: {error}");
        }
    }

    #[test]
    fn nothing_is_fetched_from_anybody_else() {
        let topic = topic("arn:aws:sns:eu-central-1:111122223333:alarms").unwrap();
        let good = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a.pem";
        assert_eq!(
            topic.address("SigningCertURL", good).unwrap().path(),
            "/SimpleNotificationService-0a.pem"
        );
        for wrong in [
            "http://sns.eu-central-1.amazonaws.com/x.pem",
            "https://sns.eu-central-1.amazonaws.com.evil.test/x.pem",
            "https://evil-sns.eu-central-1.amazonaws.com/x.pem",
            "https://sns.us-east-1.amazonaws.com/x.pem",
            "https://s3.eu-central-1.amazonaws.com/x.pem",
            "https://sns.eu-central-1.amazonaws.com:8443/x.pem",
            "https://sns.eu-central-1.amazonaws.com./x.pem",
            "https://sns.eu-central-1.amazonaws.com@evil.test/x.pem",
            "https://kim@sns.eu-central-1.amazonaws.com/x.pem",
            "https://:secret@sns.eu-central-1.amazonaws.com/x.pem",
            "https://169.254.169.254/x.pem",
            "https://[::1]/x.pem",
            "https://evil.test\\@sns.eu-central-1.amazonaws.com/x.pem",
            "https://evil.test#@sns.eu-central-1.amazonaws.com/x.pem",
            "https://evil.test?sns.eu-central-1.amazonaws.com/x.pem",
            "https://sns.eu-central-1.amazonaws.\u{441}om/x.pem",
            "file:///etc/passwd",
            "sns.eu-central-1.amazonaws.com/x.pem",
            "",
        ] {
            let error = topic.address("SigningCertURL", wrong).unwrap_err();
            assert!(error.starts_with("SigningCertURL: "), "{wrong}: {error}");
        }
        let long = format!("{good}{}", "x".repeat(2048));
        assert!(topic.address("SubscribeURL", &long).unwrap_err().contains("longer than 2048"));
    }
}
