//! Signed webhooks. They only hint: what they say is not believed, the provider is asked.

pub mod sender;
pub mod signature;

use serde::Deserialize;
use shop_instrumentation::{Code, Problem};

/// Longest body read, bytes.
pub const LONGEST_BODY: usize = 64 * 1024;
/// Longest event id and reference kept, bytes.
const LONGEST_ID: usize = 255;

/// What an event speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    /// The payment at the provider.
    pub reference: String,
    /// Our key of the hold, where the provider repeats it.
    pub key: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: String,
    /// On refunds and charges: the payment that they belong to.
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    key: Option<String>,
}

impl Event {
    /// From the body of a webhook, after its signature was checked.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let invalid = |field: &str, detail: &str| {
            Problem::new(Code::Invalid, "not a webhook event").field(field, detail)
        };
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|_| invalid("body", "is not an event with an object"))?;
        let object = envelope.data.object;
        let reference = object.payment_intent.unwrap_or(object.id);
        let key = object.metadata.and_then(|m| m.key);
        for (field, value) in
            [("id", Some(&envelope.id)), ("data.object", Some(&reference)), ("key", key.as_ref())]
        {
            let bad = |text: &String| text.is_empty() || text.len() > LONGEST_ID || text.contains('\0');
            if value.is_some_and(bad) {
                return Err(invalid(field, "must be 1 to 255 bytes"));
            }
        }
        Ok(Self { id: envelope.id, reference, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refund_speaks_of_its_payment() {
        let body = br#"{"id":"evt_1","type":"refund.updated","data":{"object":{"id":"re_1","payment_intent":"pi_1"}}}"#;
        let event = Event::parse(body).unwrap();
        assert_eq!((event.reference.as_str(), event.key), ("pi_1", None));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in [&b"{}"[..], b"\xff", br#"{"id":"","data":{"object":{"id":"pi_1"}}}"#] {
            assert_eq!(Event::parse(body).unwrap_err().code(), Code::Invalid);
        }
    }
}
