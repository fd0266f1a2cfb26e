//! Markdown to sanitised HTML. Raw HTML becomes text, links keep only harmless schemes, headings get anchors.

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

/// A page: its title (first heading), HTML, and plain text for searching.
pub struct Rendered {
    pub title: Option<String>,
    pub html: String,
    pub text: String,
    /// The first paragraph of `text`.
    pub lead: String,
}

/// Renders one page. `folder` is where it lies below the knowledge base, for relative links to other pages.
pub fn render(markdown: &str, folder: &str) -> Rendered {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut events: Vec<Event> = Parser::new_ext(markdown, options).map(|e| harmless(e, folder)).collect();
    let (title, text) = read(&events);
    let lead = lead(&events);
    add_anchors(&mut events);
    let mut out = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut out, events.into_iter());
    Rendered { title, html: out, text, lead }
}

fn harmless<'a>(event: Event<'a>, folder: &str) -> Event<'a> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = match link_type {
                LinkType::Email => dest_url,
                _ => link(&dest_url, folder),
            };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: link(&dest_url, folder), title, id })
        }
        other => other,
    }
}

/// `Other.md` beside this page becomes its address in the console; `javascript:` and its like lead nowhere.
fn link(url: &str, folder: &str) -> CowStr<'static> {
    let lower = url.trim().to_ascii_lowercase();
    if ["http://", "https://", "#", "/"].iter().any(|s| lower.starts_with(s)) && !lower.starts_with("//") {
        return url.to_owned().into();
    }
    let head = lower.split(['/', '?', '#']).next().unwrap_or_default();
    if head.contains(':') || lower.starts_with("//") {
        return "#".into();
    }
    let (file, anchor) = url.split_once('#').map_or((url, String::new()), |(f, a)| (f, format!("#{a}")));
    let Some(page) = file.strip_suffix(".md") else { return url.to_owned().into() };
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in page.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    format!("/runbooks/{}{anchor}", parts.join("/")).into()
}

fn read(events: &[Event]) -> (Option<String>, String) {
    let (mut title, mut text, mut heading) = (None, String::new(), None::<String>);
    for event in events {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) if title.is_none() => {
                heading = Some(String::new());
            }
            Event::End(TagEnd::Heading(HeadingLevel::H1)) if title.is_none() => title = heading.take(),
            Event::Text(t) | Event::Code(t) => match &mut heading {
                Some(h) => h.push_str(t),
                None => text.push_str(t),
            },
            Event::SoftBreak | Event::HardBreak | Event::End(_) if !text.ends_with(' ') => text.push(' '),
            _ => {}
        }
    }
    (title, text.trim().to_owned())
}

fn lead(events: &[Event]) -> String {
    let start = events.iter().position(|e| matches!(e, Event::Start(Tag::Paragraph))).unwrap_or(events.len());
    let inside = events[start..].iter().take_while(|e| !matches!(e, Event::End(TagEnd::Paragraph)));
    let words = inside.filter_map(|e| match e {
        Event::Text(t) | Event::Code(t) => Some(t.to_string()),
        Event::SoftBreak | Event::HardBreak => Some(" ".to_owned()),
        _ => None,
    });
    words.collect::<String>().trim().to_owned()
}

fn add_anchors(events: &mut [Event]) {
    for i in 0..events.len() {
        if !matches!(events[i], Event::Start(Tag::Heading { .. })) {
            continue;
        }
        let words: String = events[i + 1..]
            .iter()
            .take_while(|e| !matches!(e, Event::End(TagEnd::Heading(_))))
            .filter_map(|e| if let Event::Text(t) | Event::Code(t) = e { Some(t.to_string()) } else { None })
            .collect();
        let slug: Vec<String> = words
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect();
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[i] {
            *id = Some(slug.join("-").into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_become_text_and_bad_links_lead_nowhere() {
        let page =
            render("# T\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) <b onclick=x>y</b>", "");
        assert!(
            !page.html.contains("<script")
                && !page.html.contains("javascript:")
                && !page.html.contains("<b ")
        );
        assert_eq!(page.title.as_deref(), Some("T"));
    }

    #[test]
    fn the_lead_is_the_first_paragraph_without_headings() {
        let page = render("# T\n\n## Meaning\n\nIt `burns`\nnow.\n\nMore.", "");
        assert_eq!(page.lead, "It burns now.");
        assert_eq!(render("# T", "").lead, "");
    }

    #[test]
    fn links_to_pages_stay_inside_the_console() {
        let page = render("[a](Other.md#fix) [b](../guides/on-call.md) [c](https://example.com)", "alerts");
        for wanted in ["/runbooks/alerts/Other#fix", "/runbooks/guides/on-call", "https://example.com"] {
            assert!(page.html.contains(&format!("href=\"{wanted}\"")), "{wanted}: {}", page.html);
        }
    }

    #[test]
    fn headings_have_anchors() {
        assert!(render("## First look", "").html.contains("id=\"first-look\""));
    }
}
