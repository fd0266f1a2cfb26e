//! The parts of a payload that Slack shows (api.slack.com/reference/block-kit/blocks).

use serde_json::Value;

use super::mrkdwn::{Inline, parse, safe_url};

/// Slack refuses messages with more.
const MAX_BLOCKS: usize = 100;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Shown above attachments when the message has no blocks of its own; in mrkdwn.
    pub text: String,
    pub username: Option<String>,
    pub parts: Vec<Part>,
}

/// Blocks of the message itself, or of one attachment.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub is_attachment: bool,
    /// Of the bar at the left; checked to be a colour.
    pub colour: Option<String>,
    pub blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    Header(String),
    Section {
        text: Option<Vec<Inline>>,
        fields: Vec<Vec<Inline>>,
        button: Option<Button>,
    },
    Context(Vec<Vec<Inline>>),
    Actions(Vec<Button>),
    Divider,
    /// Of a type that is not drawn.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    pub text: String,
    pub url: Option<String>,
    pub is_primary: bool,
}

impl Message {
    /// None when the payload is no message.
    pub fn from_json(payload: &str) -> Option<Self> {
        let Value::Object(message) = serde_json::from_str(payload).ok()? else { return None };
        let mut parts = Vec::new();
        let own = blocks(message.get("blocks"));
        let has_own = !own.is_empty();
        if has_own {
            parts.push(Part { is_attachment: false, colour: None, blocks: own });
        }
        for attachment in message.get("attachments").and_then(Value::as_array).into_iter().flatten() {
            let mut inside = blocks(attachment.get("blocks"));
            if inside.is_empty() {
                inside = legacy(attachment);
            }
            let colour = attachment.get("color").and_then(Value::as_str).and_then(colour);
            parts.push(Part { is_attachment: true, colour, blocks: inside });
        }
        let text = message.get("text").and_then(Value::as_str).unwrap_or_default();
        if parts.is_empty() && text.is_empty() {
            return None;
        }
        Some(Self {
            text: if has_own { String::new() } else { text.to_owned() },
            username: message.get("username").and_then(Value::as_str).map(str::to_owned),
            parts,
        })
    }
}

/// An attachment in the manner before blocks: title, text.
fn legacy(attachment: &Value) -> Vec<Block> {
    let text = |name: &str| attachment.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
    let title = text("title").map(|t| Block::Header(t.to_owned()));
    let body =
        text("text").map(|t| Block::Section { text: Some(parse(t)), fields: Vec::new(), button: None });
    title.into_iter().chain(body).collect()
}

fn blocks(value: Option<&Value>) -> Vec<Block> {
    value.and_then(Value::as_array).into_iter().flatten().take(MAX_BLOCKS).map(block).collect()
}

fn block(value: &Value) -> Block {
    let list = |name: &str| value.get(name).and_then(Value::as_array).into_iter().flatten();
    match value.get("type").and_then(Value::as_str).unwrap_or_default() {
        "header" => Block::Header(plain(value.get("text"))),
        "section" => Block::Section {
            text: value.get("text").map(rich),
            fields: list("fields").map(rich).collect(),
            button: value.get("accessory").and_then(button),
        },
        "context" => Block::Context(list("elements").map(rich).collect()),
        "actions" => Block::Actions(list("elements").filter_map(button).collect()),
        "divider" => Block::Divider,
        other => Block::Other(other.chars().take(40).collect()),
    }
}

fn button(value: &Value) -> Option<Button> {
    if value.get("type").and_then(Value::as_str) != Some("button") {
        return None;
    }
    Some(Button {
        text: plain(value.get("text")),
        url: value.get("url").and_then(Value::as_str).and_then(safe_url),
        is_primary: value.get("style").and_then(Value::as_str) == Some("primary"),
    })
}

fn plain(text: Option<&Value>) -> String {
    text.and_then(|t| t.get("text")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A text object: mrkdwn is parsed, plain text is not.
fn rich(text: &Value) -> Vec<Inline> {
    match text.get("type").and_then(Value::as_str) {
        Some("mrkdwn") => parse(&plain(Some(text))),
        Some("image") => {
            vec![Inline::Text(text.get("alt_text").and_then(Value::as_str).unwrap_or("image").to_owned())]
        }
        _ => vec![Inline::Text(plain(Some(text)))],
    }
}

/// A hexadecimal colour or one of Slack's three names.
fn colour(text: &str) -> Option<String> {
    let hex = text.strip_prefix('#').unwrap_or_default();
    let is_hex = matches!(hex.len(), 3 | 6) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    match text {
        "good" => Some("#2eb67d".to_owned()),
        "warning" => Some("#ecb22e".to_owned()),
        "danger" => Some("#e01e5a".to_owned()),
        _ => is_hex.then(|| text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_an_attachment_are_read() {
        let message = Message::from_json(
            r##"{"text":"*Fallback*","attachments":[{"color":"#d1293d","blocks":[
                {"type":"header","text":{"type":"plain_text","text":"🔴 *PaymentFailures*"}},
                {"type":"section","fields":[{"type":"mrkdwn","text":"*Service*\n`payments`"}]},
                {"type":"divider"},
                {"type":"actions","elements":[
                    {"type":"button","text":{"type":"plain_text","text":"Open"},"url":"http://c/alerts/1","style":"primary"},
                    {"type":"button","text":{"type":"plain_text","text":"Bad"},"url":"javascript:alert(1)"}]},
                {"type":"video"}]}]}"##,
        )
        .unwrap();
        assert_eq!(message.text, "*Fallback*");
        let part = &message.parts[0];
        assert_eq!(part.colour.as_deref(), Some("#d1293d"));
        assert_eq!(part.blocks[0], Block::Header("🔴 *PaymentFailures*".into()));
        let Block::Section { fields, .. } = &part.blocks[1] else { panic!("{part:?}") };
        assert_eq!(
            fields[0],
            [
                Inline::Bold(vec![Inline::Text("Service".into())]),
                Inline::Break,
                Inline::Code("payments".into())
            ]
        );
        let Block::Actions(buttons) = &part.blocks[3] else { panic!("{part:?}") };
        assert_eq!((buttons[0].is_primary, buttons[1].url.as_deref()), (true, None));
        assert_eq!(part.blocks[4], Block::Other("video".into()));
    }

    #[test]
    fn a_colour_that_is_none_is_left_out() {
        assert_eq!(colour("#abc").as_deref(), Some("#abc"));
        assert_eq!(colour("red;background:url(x)"), None);
        assert_eq!(colour("#12345"), None);
    }

    #[test]
    fn what_is_no_message_is_none() {
        for payload in ["", "[]", "plain mail", "{}", "{\"text\":5}"] {
            assert_eq!(Message::from_json(payload), None, "{payload}");
        }
    }
}
