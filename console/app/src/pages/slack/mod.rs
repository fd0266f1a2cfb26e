//! A Slack message as Slack would show it, from the exact payload that is (or would be) sent.
//!
//! Only text comes out: nothing of a payload ever becomes HTML, and links lead to http and https only.

mod message;
mod mrkdwn;

use leptos::prelude::*;

use self::{
    message::{Block, Button, Message},
    mrkdwn::{Inline, parse},
};

/// The message with its sender and time.
#[component]
pub fn SlackMessage(payload: String, at_ms: i64) -> impl IntoView {
    let Some(message) = Message::from_json(&payload) else {
        return view! { <pre class="code-block wrap">{payload}</pre> }.into_any();
    };
    let time = crate::view::format::clock_utc(at_ms).chars().take(5).collect::<String>();
    let sender = message.username.clone().unwrap_or_else(|| "Quarterdeck".to_owned());
    let parts = message.parts.into_iter().map(|part| {
        let style = part.colour.as_ref().map(|c| format!("--bar:{c}"));
        let class = if part.is_attachment { "slack-attachment" } else { "slack-part" };
        let blocks = part.blocks.into_iter().map(block).collect_view();
        view! { <div class=class style=style>{blocks}</div> }
    });
    view! {
        <div class="slack">
            <div class="slack-face" aria-hidden="true"><console_ui::Logo/></div>
            <div class="slack-body">
                <p class="slack-who">
                    <b>{sender}</b>
                    <span class="slack-app">"APP"</span>
                    <time datetime=crate::view::format::rfc3339(at_ms)>{time}</time>
                </p>
                {(!message.text.is_empty()).then(|| view! { <p class="slack-text">{inlines(parse(&message.text))}</p> })}
                {parts.collect_view()}
            </div>
        </div>
    }
    .into_any()
}

fn block(block: Block) -> AnyView {
    match block {
        Block::Header(text) => view! { <p class="slack-header">{text}</p> }.into_any(),
        Block::Section { text, fields, button } => {
            let fields = (!fields.is_empty()).then(|| {
                let each = fields.into_iter().map(|f| view! { <div>{inlines(f)}</div> }).collect_view();
                view! { <div class="slack-fields">{each}</div> }
            });
            view! {
                <div class="slack-section">
                    {text.map(|text| view! { <div class="slack-text">{inlines(text)}</div> })}
                    {fields}
                    {button.map(action)}
                </div>
            }
            .into_any()
        }
        Block::Context(elements) => {
            let each = elements.into_iter().map(|e| view! { <span>{inlines(e)}</span> }).collect_view();
            view! { <div class="slack-context">{each}</div> }.into_any()
        }
        Block::Actions(buttons) => {
            view! { <div class="slack-actions">{buttons.into_iter().map(action).collect_view()}</div> }
                .into_any()
        }
        Block::Divider => view! { <hr/> }.into_any(),
        Block::Other(kind) => {
            view! { <p class="slack-context">{format!("(a block of type {kind})")}</p> }.into_any()
        }
    }
}

fn action(button: Button) -> AnyView {
    let class = if button.is_primary { "slack-button primary" } else { "slack-button" };
    match button.url {
        Some(url) => view! { <a class=class href=url rel="noreferrer">{button.text}</a> }.into_any(),
        None => view! { <span class=class>{button.text}</span> }.into_any(),
    }
}

fn inlines(all: Vec<Inline>) -> AnyView {
    all.into_iter().map(inline).collect_view().into_any()
}

fn inline(inline: Inline) -> AnyView {
    match inline {
        Inline::Text(text) => text.into_any(),
        Inline::Break => view! { <br/> }.into_any(),
        Inline::Bold(inside) => view! { <b>{inlines(inside)}</b> }.into_any(),
        Inline::Italic(inside) => view! { <i>{inlines(inside)}</i> }.into_any(),
        Inline::Strike(inside) => view! { <s>{inlines(inside)}</s> }.into_any(),
        Inline::Code(text) => view! { <code>{text}</code> }.into_any(),
        Inline::Block(text) => view! { <pre>{text}</pre> }.into_any(),
        Inline::Link { url, text } => view! { <a href=url rel="noreferrer">{text}</a> }.into_any(),
        Inline::Mention(text) => view! { <span class="slack-mention">{text}</span> }.into_any(),
    }
}
