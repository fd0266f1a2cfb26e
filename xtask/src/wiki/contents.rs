//! What leads to the pages: the first page and the side bar.

use std::fmt::Write as _;

use super::pages::Page;

const LEAD: &str = "# Knowledge base\n\nThese pages are made of `runbooks/` by `make wiki`. Change them there: what is \
                    changed here is written over.\n";

/// The first page: every folder with the titles of its pages.
pub fn home(pages: &[Page]) -> String {
    format!("{LEAD}{}", list(pages, "##"))
}

/// The side bar: the way back, and the same list.
pub fn side_bar(pages: &[Page]) -> String {
    format!("[Knowledge base](Home)\n{}", list(pages, "###"))
}

fn list(pages: &[Page], heading: &str) -> String {
    let mut text = String::new();
    let mut folder = None;
    for page in pages {
        if folder != Some(&page.folder) {
            folder = Some(&page.folder);
            let _ = writeln!(text, "\n{heading} {}\n", heading_of(&page.folder));
        }
        let _ = writeln!(text, "- [{}]({})", escaped(&page.title), page.name);
    }
    text
}

fn heading_of(folder: &str) -> String {
    let mut letters = folder.chars();
    letters.next().map_or_else(|| "Pages".to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

/// A title is text: what Markdown would take for marks is escaped.
fn escaped(title: &str) -> String {
    let mut text = String::with_capacity(title.len());
    for letter in title.chars() {
        if matches!(letter, '[' | ']' | '*' | '_' | '`' | '<' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_head_lists_of_titles() {
        let page = |folder: &str, name: &str, title: &str| Page {
            path: String::new(),
            folder: folder.to_owned(),
            name: name.to_owned(),
            title: title.to_owned(),
            text: String::new(),
        };
        let pages = [page("alerts", "Gone", "Gone"), page("guides", "a-b", "A [b] c_d")];
        let home = home(&pages);
        assert!(
            home.ends_with("\n## Alerts\n\n- [Gone](Gone)\n\n## Guides\n\n- [A \\[b\\] c\\_d](a-b)\n"),
            "{home}"
        );
        assert!(side_bar(&pages).starts_with("[Knowledge base](Home)\n\n### Alerts\n"));
    }
}
