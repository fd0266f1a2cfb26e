//! What SNS posts: a JSON object with a signature over some of its fields
//! (docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::Deserialize;

const MAX_ID_CHARS: usize = 100;
const MAX_REASON_CHARS: usize = 200;
const MAX_SUBJECT_CHARS: usize = 256;
const MAX_TOKEN_CHARS: usize = 1024;
/// A key of 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    SubscriptionConfirmation,
    Notification,
    UnsubscribeConfirmation,
}

/// The digest that the signature is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureVersion {
    Sha1,
    Sha256,
}

/// A message whose form is right. Nothing is believed of it yet.
#[derive(Debug)]
pub struct Message {
    pub kind: Kind,
    pub message_id: String,
    pub topic_arn: String,
    pub subject: Option<String>,
    pub message: String,
    pub timestamp: DateTime<Utc>,
    pub signature_version: SignatureVersion,
    pub signature: Vec<u8>,
    pub signing_cert_url: String,
    /// Of a confirmation.
    pub subscribe_url: Option<String>,
    /// What is signed.
    pub canonical: String,
}

/// As sent. What SNS adds to it later is no reason to lose an alarm: unknown fields are let pass, and nothing reads them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    r#type: String,
    message_id: String,
    topic_arn: String,
    #[serde(default)]
    subject: Option<String>,
    message: String,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
    #[serde(default, rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    #[serde(default)]
    token: Option<String>,
}

/// The message of a body; an error names the field.
pub fn read(body: &[u8]) -> Result<Message, String> {
    let sent: Sent = serde_json::from_slice(body).map_err(|e| {
        // It may repeat what was sent.
        let why: String = e.to_string().chars().take(MAX_REASON_CHARS).collect();
        format!("not a message of SNS: {why}")
    })?;
    let kind = match sent.r#type.as_str() {
        "SubscriptionConfirmation" => Kind::SubscriptionConfirmation,
        "Notification" => Kind::Notification,
        "UnsubscribeConfirmation" => Kind::UnsubscribeConfirmation,
        _ => {
            return Err(
                "Type: not SubscriptionConfirmation, Notification or UnsubscribeConfirmation".to_owned()
            );
        }
    };
    let signature_version = match sent.signature_version.as_str() {
        "1" => SignatureVersion::Sha1,
        "2" => SignatureVersion::Sha256,
        _ => return Err("SignatureVersion: not 1 or 2".to_owned()),
    };
    // The text that is signed joins fields by line feeds: one within a field could move another's border.
    one_line("MessageId", &sent.message_id, MAX_ID_CHARS)?;
    one_line("Subject", sent.subject.as_deref().unwrap_or("-"), MAX_SUBJECT_CHARS)?;
    let timestamp = DateTime::parse_from_rfc3339(&sent.timestamp).map_err(|e| format!("Timestamp: {e}"))?;
    let signature = STANDARD.decode(&sent.signature).map_err(|e| format!("Signature: not base64: {e}"))?;
    if signature.len() > MAX_SIGNATURE_BYTES {
        return Err(format!("Signature: longer than {MAX_SIGNATURE_BYTES} bytes"));
    }
    let canonical = canonical(kind, &sent)?;
    Ok(Message {
        kind,
        message_id: sent.message_id,
        topic_arn: sent.topic_arn,
        subject: sent.subject,
        message: sent.message,
        timestamp: timestamp.to_utc(),
        signature_version,
        signature,
        signing_cert_url: sent.signing_cert_url,
        subscribe_url: sent.subscribe_url,
        canonical,
    })
}

fn one_line(field: &str, text: &str, max_chars: usize) -> Result<(), String> {
    if text.is_empty() || text.chars().count() > max_chars || text.chars().any(char::is_control) {
        return Err(format!("{field}: not a line of 1 to {max_chars} characters"));
    }
    Ok(())
}

/// Names and values of the signed fields, a line each, in the order of their names
/// (docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
fn canonical(kind: Kind, sent: &Sent) -> Result<String, String> {
    let mut fields = vec![("Message", sent.message.as_str()), ("MessageId", sent.message_id.as_str())];
    if kind == Kind::Notification {
        fields.extend(sent.subject.as_deref().map(|subject| ("Subject", subject)));
    } else {
        let url = sent.subscribe_url.as_deref().ok_or("SubscribeURL: missing")?;
        fields.push(("SubscribeURL", url));
    }
    fields.push(("Timestamp", &sent.timestamp));
    if kind != Kind::Notification {
        let token = sent.token.as_deref().ok_or("Token: missing")?;
        one_line("Token", token, MAX_TOKEN_CHARS)?;
        fields.push(("Token", token));
    }
    fields.push(("TopicArn", &sent.topic_arn));
    fields.push(("Type", &sent.r#type));
    Ok(fields.iter().flat_map(|(name, value)| [*name, "\n", value, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn notification() -> Value {
        json!({
            "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", "Subject": "My First Message",
            "Message": "Hello world!", "Timestamp": "2012-05-02T00:54:06.655Z", "SignatureVersion": "1",
            "Signature": "AAEC", "SigningCertURL": "https://sns.us-west-2.amazonaws.com/x.pem",
            "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
        })
    }

    fn error(change: impl FnOnce(&mut Value)) -> String {
        let mut sent = notification();
        change(&mut sent);
        read(sent.to_string().as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_signed_is_what_the_documentation_says() {
        let message = read(notification().to_string().as_bytes()).unwrap();
        assert_eq!(
            message.canonical,
            "Message\nHello world!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\nMy First Message\n\
             Timestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n\
             Type\nNotification\n"
        );
        let mut plain = notification();
        plain.as_object_mut().unwrap().remove("Subject");
        assert!(!read(plain.to_string().as_bytes()).unwrap().canonical.contains("Subject"));
        let mut confirmation = notification();
        confirmation["Type"] = json!("SubscriptionConfirmation");
        confirmation["SubscribeURL"] =
            json!("https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription");
        confirmation["Token"] = json!("2336412f37f");
        let canonical = read(confirmation.to_string().as_bytes()).unwrap().canonical;
        let names: Vec<&str> = canonical.lines().step_by(2).collect();
        assert_eq!(names, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for field in [
            "MessageId",
            "TopicArn",
            "Message",
            "Timestamp",
            "SignatureVersion",
            "Signature",
            "SigningCertURL",
        ] {
            let text = error(|m| drop(m.as_object_mut().unwrap().remove(field)));
            assert!(text.contains(field), "{text}");
        }
        assert!(error(|m| m["Type"] = json!("Other")).starts_with("Type:"));
        assert!(error(|m| m["SignatureVersion"] = json!("3")).starts_with("SignatureVersion:"));
        assert!(error(|m| m["MessageId"] = json!("a\nb")).starts_with("MessageId:"));
        assert!(error(|m| m["Subject"] = json!("a\nTimestamp")).starts_with("Subject:"));
        assert!(error(|m| m["Timestamp"] = json!("yesterday")).starts_with("Timestamp:"));
        assert!(error(|m| m["Signature"] = json!("%")).starts_with("Signature:"));
        assert!(error(|m| m["Type"] = json!("UnsubscribeConfirmation")).starts_with("SubscribeURL:"));
        assert!(read(b"Hello world!").unwrap_err().contains("not a message of SNS"));
    }
}
