//! What Flux told of what it applied: what fails now first, then the newest.

use std::collections::HashSet;

use console_model::flux::FluxEvent;
use console_storage::SourceError;
use console_ui::{Badge, Card, Empty, ErrorPanel, TableScroll, Tone};
use leptos::prelude::*;

use crate::{pages::moment::When, view::markup::shorten};

const EVENTS_SHOWN: usize = 30;
/// Characters of a message in the table; the whole stands in its title.
const MESSAGE_SHOWN: usize = 300;

/// One event, and whether its object has been told of since.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub event: FluxEvent,
    /// A failure that nothing came after.
    pub is_open: bool,
}

/// Open failures first, then all others; each the newest first. The events may come in any order.
pub fn ordered(mut events: Vec<FluxEvent>) -> Vec<Told> {
    events.sort_by_key(|e| std::cmp::Reverse(e.at_ms));
    let mut seen = HashSet::new();
    let mut told: Vec<Told> = events
        .into_iter()
        .map(|event| {
            let is_last = seen.insert((event.kind.clone(), event.namespace.clone(), event.name.clone()));
            Told { is_open: is_last && event.is_failure, event }
        })
        .collect();
    told.sort_by_key(|t| !t.is_open);
    told
}

/// The commit of `main@sha1:HASH`.
pub fn commit_of(revision: &str) -> Option<&str> {
    let (_, hash) = revision.rsplit_once("sha1:")?;
    (hash.len() == 40 && hash.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hash)
}

#[component]
pub fn Flux(events: Result<Option<Vec<FluxEvent>>, SourceError>, now_ms: i64) -> impl IntoView {
    let mut note = "notifications of the cluster".to_owned();
    let body = match events {
        Err(error) => {
            view! { <ErrorPanel title="Flux' notifications cannot be read" message=error.to_string()/> }
                .into_any()
        }
        Ok(None) => view! {
            <Empty title="Flux' notifications are not taken">
                <p>"The configuration names no key that they are signed with ("<code>"flux.events_key_file"</code>")."</p>
            </Empty>
        }
        .into_any(),
        Ok(Some(all)) if all.is_empty() => view! {
            <Empty title="Flux has told nothing yet">
                <p>"What it applies in the cluster, and what it cannot, will stand here."</p>
            </Empty>
        }
        .into_any(),
        Ok(Some(all)) => {
            let told = ordered(all);
            note = match told.iter().filter(|t| t.is_open).count() {
                0 => "nothing fails".to_owned(),
                1 => "1 object fails".to_owned(),
                n => format!("{n} objects fail"),
            };
            view! {
                <TableScroll label="Flux">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"When"</th>
                                <th scope="col">"Object, reason"</th>
                                <th scope="col">"Message"</th>
                                <th scope="col">"Revision"</th>
                            </tr>
                        </thead>
                        <tbody>
                            {told.into_iter().take(EVENTS_SHOWN).map(|t| row(t, now_ms)).collect_view()}
                        </tbody>
                    </table>
                </TableScroll>
            }
            .into_any()
        }
    };
    view! { <Card title="Flux" note class="flush">{body}</Card> }
}

fn row(told: Told, now_ms: i64) -> impl IntoView {
    let Told { event, is_open } = told;
    let object = format!("{}/{}", event.namespace, event.name);
    let tone = match (event.is_failure, is_open) {
        (true, true) => Some(Tone::Bad),
        (true, false) => Some(Tone::Neutral),
        (false, _) => None,
    };
    let reason = match tone {
        Some(tone) => view! { <Badge tone>{event.reason}</Badge> }.into_any(),
        None => view! { <span>{event.reason}</span> }.into_any(),
    };
    let revision = match commit_of(&event.revision) {
        Some(hash) => view! {
            <a class="mono" href=format!("/deploys/{hash}") title=event.revision.clone()>{hash[..8].to_owned()}</a>
        }
        .into_any(),
        None if event.revision.is_empty() => view! { <span class="muted">"–"</span> }.into_any(),
        None => view! { <span class="mono">{shorten(&event.revision, 40)}</span> }.into_any(),
    };
    view! {
        <tr class=if is_open { "row-bad" } else { "" }>
            <td class="nowrap"><When t_ms=event.at_ms now_ms/></td>
            <th scope="row" class="flux-object" title=object>
                <div><span class="muted">{event.kind}</span>" "{event.name}</div>
                {reason}
            </th>
            <td class="flux-message" title=event.message.clone()>{shorten(&event.message, MESSAGE_SHOWN)}</td>
            <td>{revision}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, at_ms: i64, is_failure: bool) -> FluxEvent {
        FluxEvent {
            kind: "Kustomization".into(),
            namespace: "flux-system".into(),
            name: name.into(),
            is_failure,
            reason: String::new(),
            message: String::new(),
            revision: String::new(),
            at_ms,
        }
    }

    #[test]
    fn what_fails_now_stands_first_and_what_was_mended_does_not() {
        let events = vec![
            event("apps", 1, true),
            event("data", 2, true),
            event("data", 3, false),
            event("configs", 4, true),
            event("apps", 5, false),
            event("apps", 6, true),
        ];
        let told: Vec<(String, i64, bool)> =
            ordered(events).into_iter().map(|t| (t.event.name, t.event.at_ms, t.is_open)).collect();
        let order: Vec<i64> = told.iter().map(|t| t.1).collect();
        assert_eq!(order, [6, 4, 5, 3, 2, 1], "{told:?}");
        assert_eq!(told.iter().filter(|t| t.2).count(), 2, "{told:?}");
    }

    #[test]
    fn a_revision_leads_to_its_commit() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(commit_of(&format!("main@sha1:{hash}")), Some(hash));
        for other in ["", "1.2.3", "main@sha1:0a1b", "sha1:../../../x", "main@sha256:00"] {
            assert_eq!(commit_of(other), None, "{other}");
        }
    }
}
