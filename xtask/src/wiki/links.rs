//! Links, as a wiki needs them: to pages by name, to everything else of the project by its address in the repository.

use std::{ops::Range, path::Path};

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::pages::Page;

/// Where the repository is seen.
pub struct Site {
    repository: String,
    branch: String,
}

impl Site {
    pub fn new(repository: &str, branch: &str) -> Result<Self, String> {
        let repository = repository.trim_end_matches('/');
        let host = repository.strip_prefix("https://").or_else(|| repository.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            return Err(format!("repository is no http(s) address: '{repository}'"));
        }
        Ok(Self { repository: repository.to_owned(), branch: branch.to_owned() })
    }

    fn address(&self, root: &Path, path: &str) -> String {
        let kind = if root.join(path).is_dir() { "tree" } else { "blob" };
        format!("{}/{kind}/{}/{path}", self.repository, self.branch)
    }
}

/// A page's text, with its links changed; what is no link, and code, stays as it is.
pub fn rewritten(root: &Path, page: &Page, pages: &[Page], site: &Site) -> Result<String, String> {
    let mut text = page.text.clone();
    let mut places = found(&page.text).map_err(|why| format!("{}: {why}", page.path))?;
    places.sort_by_key(|(at, _)| std::cmp::Reverse(at.start));
    places.dedup_by_key(|(at, _)| at.start);
    for (at, target) in places {
        if let Some(new) = changed(root, page, pages, site, &target)? {
            text.replace_range(at, &new);
        }
    }
    Ok(text)
}

/// Where a text's links lead.
#[cfg(test)]
pub fn targets(text: &str) -> Vec<String> {
    found(text).unwrap().into_iter().map(|(_, target)| target).collect()
}

/// Every target of a link or picture, and where in the text it stands.
fn found(text: &str) -> Result<Vec<(Range<usize>, String)>, String> {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    let definitions: Vec<_> =
        parser.reference_definitions().iter().map(|(_, d)| (d.span.clone(), d.dest.to_string())).collect();
    for (span, target) in definitions {
        places.push(place(text, span, "]:", target)?);
    }
    for (event, span) in parser.into_offset_iter() {
        if let Event::Start(
            Tag::Link { link_type: LinkType::Inline, dest_url, .. }
            | Tag::Image { link_type: LinkType::Inline, dest_url, .. },
        ) = event
        {
            places.push(place(text, span, "](", dest_url.to_string())?);
        }
    }
    Ok(places)
}

/// The target's place in its link: behind what ends the link's text. It must stand there as it is meant, without escapes.
fn place(
    text: &str,
    span: Range<usize>,
    mark: &str,
    target: String,
) -> Result<(Range<usize>, String), String> {
    let link = &text[span.clone()];
    let behind = link.rfind(mark).map(|at| at + mark.len());
    let at = behind.and_then(|behind| Some(behind + link[behind..].find(&target)?));
    let start = span.start
        + at.ok_or_else(|| format!("link to '{target}' is written in a way that is not known here: {link}"))?;
    Ok((start..start + target.len(), target))
}

/// The target in the wiki; `None` where it stays.
fn changed(
    root: &Path,
    page: &Page,
    pages: &[Page],
    site: &Site,
    target: &str,
) -> Result<Option<String>, String> {
    let broken = |why: &str| format!("{}: link to '{target}' {why}", page.path);
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let scheme = file.split(['/', '?']).next().is_some_and(|head| head.contains(':'));
    if scheme || file.starts_with("//") {
        return Ok(None);
    }
    if file.starts_with('/') {
        return Err(broken("is no path from its page"));
    }
    let path = if file.is_empty() {
        page.path.clone()
    } else {
        resolved(&page.path, file).ok_or_else(|| broken("leaves the project"))?
    };
    let Some(other) = pages.iter().find(|other| other.path == path) else {
        if !root.join(&path).exists() {
            return Err(broken("leads nowhere"));
        }
        let anchor = anchor.map(|anchor| format!("#{anchor}")).unwrap_or_default();
        return Ok(Some(site.address(root, &path) + &anchor));
    };
    let name = if file.is_empty() { "" } else { &other.name };
    let Some(anchor) = anchor else { return Ok(Some(name.to_owned())) };
    let heading = headings(&other.text).into_iter().find(|h| of_console(h) == anchor || of_wiki(h) == anchor);
    let heading = heading.ok_or_else(|| broken("names no heading of that page"))?;
    Ok(Some(format!("{name}#{}", of_wiki(&heading))))
}

/// A path from the project's root, of one that is meant from a page's folder.
fn resolved(page: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// Headings of a page, as text.
fn headings(text: &str) -> Vec<String> {
    let mut headings = Vec::new();
    let mut words: Option<String> = None;
    for event in Parser::new(text) {
        match (event, &mut words) {
            (Event::Start(Tag::Heading { .. }), _) => words = Some(String::new()),
            (Event::Text(part) | Event::Code(part), Some(words)) => words.push_str(&part),
            (Event::End(TagEnd::Heading(_)), _) => headings.extend(words.take()),
            _ => {}
        }
    }
    headings
}

/// A heading's anchor as GitHub makes it: what is no letter, digit, `-`, `_` or blank is left out.
fn of_wiki(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// And as the console does (`console/sources/src/markdown.rs`): words with one dash between.
fn of_console(heading: &str) -> String {
    let words = heading.to_lowercase();
    let words: Vec<&str> =
        words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::folder;

    fn page(path: &str, name: &str, text: &str) -> Page {
        Page {
            path: path.to_owned(),
            folder: "guides".to_owned(),
            name: name.to_owned(),
            title: name.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The text of a page with this text, beside `runbooks/alerts/Gone.md` and `src/main.rs`.
    fn of(text: &str) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        folder::make(&root.path().join("src")).unwrap();
        folder::write(&root.path().join("src/main.rs"), "").unwrap();
        let pages = [
            page("runbooks/guides/one.md", "one", text),
            page("runbooks/alerts/Gone.md", "alerts-Gone", "# Gone\n## What to do & how\n"),
        ];
        let site = Site::new("https://github.com/your-org/quarterdeck", "main").unwrap();
        rewritten(root.path(), &pages[0], &pages, &site)
    }

    #[test]
    fn links_to_pages_go_by_name_and_to_files_by_address() {
        let text = "[a](../alerts/Gone.md) ![b](../../src/main.rs \"../../src/main.rs\") [c](../alerts/Gone.md#what-to-do-how)\n\n| t |\n|-|\n| [d](../../src) |\n";
        let base = "https://github.com/your-org/quarterdeck";
        let wanted = format!(
            "[a](alerts-Gone) ![b]({base}/blob/main/src/main.rs \"../../src/main.rs\") [c](alerts-Gone#what-to-do--how)\n\n| t |\n|-|\n| [d]({base}/tree/main/src) |\n"
        );
        assert_eq!(of(text).unwrap(), wanted);
    }

    #[test]
    fn definitions_are_links_too() {
        assert_eq!(
            of("[a][x] [b][x]\n\n[x]: ../alerts/Gone.md\n").unwrap(),
            "[a][x] [b][x]\n\n[x]: alerts-Gone\n"
        );
    }

    #[test]
    fn code_addresses_and_anchors_of_the_page_itself_stay() {
        let text = "# Top\n[a](#top) [b](https://example.com/x.md) <https://example.com> `[c](../alerts/Gone.md)`\n\n```\n[d](../alerts/Gone.md)\n```\n";
        assert_eq!(of(text).unwrap(), text);
    }

    #[test]
    fn links_that_lead_nowhere_are_named_with_their_page() {
        for (text, why) in [
            ("[a](Nobody.md)", "leads nowhere"),
            ("[a](../../../etc/passwd)", "leaves the project"),
            ("[a](/alerts/Gone)", "is no path from its page"),
            ("[a](../alerts/Gone&#46;md)", "is not known here"),
            ("[a](../alerts/Gone.md#nothing)", "names no heading"),
            ("[a](#nothing)", "names no heading"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains("runbooks/guides/one.md") && error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn repository_is_an_address() {
        for wrong in ["", "your-org/quarterdeck", "https://", "ftp://example.com"] {
            assert!(Site::new(wrong, "main").is_err(), "{wrong}");
        }
    }
}
