//! Links between pages lead to a page, and to a heading of it.

use std::path::{Component, Path};

use super::page::{self, Page, root};

/// Targets of a line's links.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    // What stands in backticks is no link.
    let outside = line.split('`').step_by(2);
    outside.flat_map(|text| text.split("](").skip(1).filter_map(|rest| rest.split(')').next()))
}

/// As the console names headings (`console/sources/src/markdown.rs`).
fn anchor(heading: &str) -> String {
    let words = heading.to_lowercase();
    let words: Vec<&str> = words.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    words.join("-")
}

fn has_heading(page: &Page, wanted: &str) -> bool {
    page.prose.iter().filter(|line| line.starts_with('#')).any(|line| anchor(line) == wanted)
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> String {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                parts.pop();
            }
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    parts.join("/")
}

/// What is wrong with a link of a page.
fn wrong(page: &Page, link: &str) -> Option<String> {
    if ["http://", "https://", "/"].iter().any(|outside| link.starts_with(outside)) {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = if file.is_empty() {
        page.path.clone()
    } else {
        plain(&Path::new(&page.path).parent().expect("pages lie in a folder").join(file))
    };
    if !root().join(&path).exists() {
        return Some(format!("there is no {path}"));
    }
    let missing = !heading.is_empty() && !has_heading(&page::of(&path), heading);
    missing.then(|| format!("{path} has no heading {heading}"))
}

#[test]
fn links_between_pages_lead_to_a_page_and_a_heading() {
    let (mut problems, mut links) = (Vec::new(), 0);
    for page in page::all().into_iter().chain([page::of("README.md"), page::of("ARCHITECTURE.md")]) {
        for link in page.prose.iter().flat_map(|line| targets(line)) {
            links += 1;
            problems.extend(wrong(&page, link).map(|why| format!("{}: {link}: {why}", page.path)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(links > 100, "only {links} links were found");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = page::of("runbooks/guides/deploy.md");
    for fine in ["roll-back.md", "#values", "../alerts/ServiceDown.md#meaning", "https://example.com/x"] {
        assert_eq!(wrong(&page, fine), None, "{fine}");
    }
    for bad in ["roll-bak.md", "#valuables", "../alerts/ServiceDown.md#meanings"] {
        assert!(wrong(&page, bad).is_some(), "{bad}");
    }
}
