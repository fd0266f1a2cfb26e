//! One deploy: its message, what it touched, line by line, and where to look for its effect.

mod diff;

use console_model::{deploy::DeployCommit, names::GoQuoted};
use console_storage::SourceError;
use console_ui::{ButtonLink, Card, Empty, ErrorPanel, TableScroll};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use self::diff::{FileDiff, LineKind};
use super::{moment::Moment, query::answer};
use crate::{layout::Page, request::PageRequest};

const COMMITS_ASKED: usize = 500;
/// Shown before and after a deploy where its effect is looked for.
const AROUND_MS: i64 = 15 * 60_000;

#[component]
pub fn DeployPage() -> impl IntoView {
    let request = PageRequest::current();
    let sha = use_params_map().read_untracked().get("sha").unwrap_or_default().to_ascii_lowercase();
    let content = Suspend::new(async move {
        let (history, diff) = futures::join!(
            answer(request.backends.deploys.history(COMMITS_ASKED)),
            answer(request.backends.deploys.diff(&sha)),
        );
        let commit = find(history.as_deref().unwrap_or_default(), &sha).cloned();
        match (commit, diff) {
            (None, Ok(None) | Err(SourceError::Invalid { .. } | SourceError::NotFound(_))) => {
                PageRequest::set_status(http::StatusCode::NOT_FOUND);
                view! { <Unknown sha request/> }.into_any()
            }
            (commit, diff) => view! { <Content sha commit diff request/> }.into_any(),
        }
    });
    view! { <Suspense>{content}</Suspense> }
}

/// By full or abbreviated hash; an ambiguous one finds nothing.
fn find<'a>(history: &'a [DeployCommit], sha: &str) -> Option<&'a DeployCommit> {
    if sha.len() < 4 {
        return None;
    }
    let mut matching = history.iter().filter(|c| c.sha.starts_with(sha));
    matching.next().filter(|_| matching.next().is_none())
}

#[component]
fn Unknown(sha: String, request: PageRequest) -> impl IntoView {
    let shown: String = sha.chars().take(64).collect();
    view! {
        <Page title="No such deploy" active="deploys" parent=("Deploys", "/deploys") request timeless=true>
            <section class="card lone">
                <Empty title="No commit has this hash">
                    <p>
                        "The repository knows no single commit " <code>{shown}</code>
                        ". It may have been rewritten, not fetched yet, or the link is cut off."
                    </p>
                    <p class="row center"><ButtonLink href="/deploys" primary=true>"All deploys"</ButtonLink></p>
                </Empty>
            </section>
        </Page>
    }
}

#[component]
fn Content(
    sha: String,
    commit: Option<DeployCommit>,
    diff: Result<Option<String>, SourceError>,
    request: PageRequest,
) -> impl IntoView {
    let short: String = sha.chars().take(8).collect();
    let title = format!("Deploy {short}");
    let head = match commit {
        Some(commit) => view! { <Head commit now_ms=request.now_ms/> }.into_any(),
        None => view! { <p class="muted">"The commit is older than the history that is read, or touches no manifest."</p> }
            .into_any(),
    };
    let changes = match diff {
        Ok(Some(text)) => {
            let (files, left_out) = diff::parse(&text);
            view! { <Changes files left_out/> }.into_any()
        }
        Ok(None) => view! { <Empty title="No changes to show"><p>"The commit is known, its patch is not."</p></Empty> }.into_any(),
        Err(error) => view! { <ErrorPanel title="The patch cannot be read" message=error.to_string()/> }.into_any(),
    };
    view! {
        <Page title active="deploys" parent=("Deploys", "/deploys") request timeless=true>{head}{changes}</Page>
    }
}

#[component]
fn Head(commit: DeployCommit, now_ms: i64) -> impl IntoView {
    let DeployCommit { sha, author, at_ms, subject, body, services, url, .. } = commit;
    let range = [
        ("from", (at_ms - AROUND_MS).to_string()),
        ("to", (at_ms + AROUND_MS).min(now_ms.max(at_ms)).to_string()),
    ];
    let page = |path: &str, q: &str| {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        out.append_pair("q", q).extend_pairs(range.iter());
        format!("{path}?{}", out.finish())
    };
    let pattern = services.join("|");
    let effect = (!services.is_empty()).then(|| {
        let errors = format!(
            "sum by (job) (rate(http_server_request_duration_seconds_count{{job=~{}}}[1m]))",
            GoQuoted(&pattern)
        );
        let logs = format!("{{service_name=~{}}}", GoQuoted(&pattern));
        view! {
            <div>
                <dt>"Around it"</dt>
                <dd class="row">
                    <a href=page("/metrics-explorer", &errors)>"Requests"</a>
                    <a href=page("/logs", &logs)>"Logs"</a>
                </dd>
            </div>
        }
    });
    let touched = if services.is_empty() { "none".to_owned() } else { services.join(", ") };
    let web = url
        .filter(|u| u.starts_with("https://") || u.starts_with("http://"))
        .map(|u| view! { <a href=u rel="noreferrer">"On the web"</a> });
    view! {
        <section class="card commit-head">
            <div class="card-body">
                <p class="commit-subject">{subject}</p>
                {(!body.is_empty()).then(|| view! { <pre class="commit-body">{body}</pre> })}
                <dl class="headline-facts">
                    <div><dt>"Author"</dt><dd>{author}</dd></div>
                    <div><dt>"When"</dt><dd><Moment t_ms=at_ms now_ms/></dd></div>
                    <div><dt>"Services"</dt><dd>{touched}</dd></div>
                    <div><dt>"Commit"</dt><dd class="row"><code class="wrap-anywhere">{sha}</code>{web}</dd></div>
                    {effect}
                </dl>
            </div>
        </section>
    }
}

#[component]
fn Changes(files: Vec<FileDiff>, left_out: usize) -> impl IntoView {
    if files.is_empty() {
        return view! { <Empty title="No changes below the GitOps folder"><p>"The commit touches other files only."</p></Empty> }
            .into_any();
    }
    let rest = (left_out > 0)
        .then(|| view! { <p class="muted">{format!("{left_out} more lines are not drawn.")}</p> });
    view! { {files.into_iter().map(file).collect_view()} {rest} }.into_any()
}

fn file(file: FileDiff) -> impl IntoView {
    let note = file.note.clone().unwrap_or_default();
    let actions = view! {
        <span class="tone-ok">{format!("+{}", file.added)}</span>
        <span class="tone-bad">{format!("−{}", file.removed)}</span>
    }
    .into_any();
    let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    let row = move |line: diff::DiffLine| {
        let (class, sign, spoken) = match line.kind {
            LineKind::Context => ("", "", ""),
            LineKind::Added => ("added", "+", "added: "),
            LineKind::Removed => ("removed", "−", "removed: "),
            LineKind::Hunk => ("hunk", "", ""),
            LineKind::Remark => ("remark", "", ""),
        };
        view! {
            <tr class=class>
                <td class="diff-no" aria-hidden="true">{number(line.old)}</td>
                <td class="diff-no" aria-hidden="true">{number(line.new)}</td>
                <td class="diff-sign" aria-hidden="true">{sign}</td>
                <td class="diff-text"><span class="sr-only">{spoken}</span>{line.text}</td>
            </tr>
        }
    };
    view! {
        <Card title=file.path note class="flush diff-card" actions>
            <TableScroll label="Changes">
                <table class="diff"><tbody>{file.lines.into_iter().map(row).collect_view()}</tbody></table>
            </TableScroll>
        </Card>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::testing::commit;

    #[test]
    fn commits_are_found_by_an_unambiguous_beginning() {
        let history = [commit("abcd1234", 0, &[]), commit("abcd5678", 0, &[])];
        assert_eq!(find(&history, "abcd1").map(|c| c.sha.as_str()), Some("abcd1234"));
        assert!(find(&history, "abcd").is_none() && find(&history, "").is_none());
    }
}
