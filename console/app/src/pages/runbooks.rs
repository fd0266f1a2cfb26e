//! Runbooks: the knowledge base, searched and listed by folder.

use std::collections::BTreeMap;

use console_model::runbook::RunbookEntry;
use console_ui::{Card, Empty, ErrorPanel, Glyph, Icon};
use leptos::prelude::*;

use super::query::answer;
use crate::{layout::Page, request::PageRequest};

#[component]
pub fn RunbooksPage() -> impl IntoView {
    let request = PageRequest::current();
    let query = request.param("q").unwrap_or_default().to_owned();
    let (asked, wanted) = (request.clone(), query.clone());
    let content = Suspend::new(async move {
        let source = &asked.backends.runbooks;
        let found = if wanted.is_empty() {
            answer(source.list()).await
        } else {
            answer(source.search(&wanted)).await
        };
        match found {
            Err(error) => {
                view! { <ErrorPanel title="The knowledge base cannot be read" message=error.to_string()/> }.into_any()
            }
            Ok(found) if found.is_empty() && wanted.is_empty() => view! {
                <section class="card lone">
                    <Empty title="The knowledge base is empty"><p>"Write markdown files below the runbooks folder."</p></Empty>
                </section>
            }
            .into_any(),
            Ok(found) if found.is_empty() => view! {
                <section class="card lone">
                    <Empty title="No page has all of these words">
                        <p>"Try fewer or shorter words, or " <a href="/runbooks">"see all pages"</a> "."</p>
                    </Empty>
                </section>
            }
            .into_any(),
            Ok(found) if !wanted.is_empty() => {
                let note = if found.len() == 1 { "1 page".to_owned() } else { format!("{} pages", found.len()) };
                view! { <Card title="Found" note class="flush"><Entries entries=found with_folder=true/></Card> }.into_any()
            }
            Ok(found) => by_folder(found)
                .into_iter()
                .map(|(folder, entries)| {
                    let note = entries.len().to_string();
                    view! { <Card title=folder_words(&folder) note class="flush"><Entries entries with_folder=false/></Card> }
                })
                .collect_view()
                .into_any(),
        }
    });
    view! {
        <Page title="Runbooks" active="runbooks" request timeless=true>
            <form class="toolbar" method="get" action="/runbooks" role="search">
                <label class="search grow">
                    <span class="sr-only">"Search runbooks"</span>
                    <Icon glyph=Glyph::Search/>
                    <input class="input" type="search" name="q" value=query placeholder="Search all pages" autocomplete="off" data-search=""/>
                </label>
                <button class="button" type="submit">"Search"</button>
            </form>
            <Suspense>{content}</Suspense>
        </Page>
    }
}

#[component]
fn Entries(entries: Vec<RunbookEntry>, with_folder: bool) -> impl IntoView {
    let row = |e: RunbookEntry| {
        let folder =
            with_folder.then(|| view! { <span class="muted small">{folder_of(&e.slug).to_owned()}</span> });
        view! {
            <li>
                <p class="row"><a class="strong" href=format!("/runbooks/{}", e.slug)>{e.title}</a>{folder}</p>
                <p class="muted runbook-excerpt">{e.excerpt}</p>
            </li>
        }
    };
    view! { <ul class="list">{entries.into_iter().map(row).collect_view()}</ul> }
}

fn folder_of(slug: &str) -> &str {
    slug.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `alerts` first: that is what somebody looks for at night; then guides; the rest in order.
fn by_folder(entries: Vec<RunbookEntry>) -> Vec<(String, Vec<RunbookEntry>)> {
    let mut folders: BTreeMap<String, Vec<RunbookEntry>> = BTreeMap::new();
    for entry in entries {
        folders.entry(folder_of(&entry.slug).to_owned()).or_default().push(entry);
    }
    let mut all: Vec<(String, Vec<RunbookEntry>)> = folders.into_iter().collect();
    all.sort_by_key(|(folder, _)| match folder.as_str() {
        "alerts" => 0,
        "guides" => 1,
        _ => 2,
    });
    all
}

/// `alerts` is `Alerts`; the top folder is `Pages`.
fn folder_words(folder: &str) -> String {
    let mut letters = folder.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => "Pages".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_come_first_then_guides() {
        let entry =
            |slug: &str| RunbookEntry { slug: slug.into(), title: slug.into(), excerpt: String::new() };
        let folders =
            by_folder(["decisions/1", "guides/a", "top", "alerts/B", "alerts/A"].map(entry).to_vec());
        let names: Vec<&str> = folders.iter().map(|(f, _)| f.as_str()).collect();
        assert_eq!(names, ["alerts", "guides", "", "decisions"]);
        assert_eq!((folder_words("alerts").as_str(), folder_words("").as_str()), ("Alerts", "Pages"));
    }
}
