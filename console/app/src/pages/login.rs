//! The log-in page: a whole document without script, for requests that have no session.

use console_ui::{Logo, Notice, Tone};
use leptos::prelude::*;

use crate::{request::Theme, shell::Assets};

/// Why the reader sees the form again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// Name or password; never which.
    Wrong,
    /// Too many attempts; seconds until the next one counts.
    Throttled { after_s: u64 },
    /// The session has ended.
    Expired,
    /// Users and sessions cannot be read.
    Away,
    /// They were not read in time: too many ask.
    Busy,
}

impl LoginProblem {
    fn words(self) -> String {
        match self {
            Self::Wrong => "User name or password is wrong.".to_owned(),
            Self::Throttled { after_s: 0..=1 } => "Too many attempts. Try again in a second.".to_owned(),
            Self::Throttled { after_s: s @ 2..120 } => {
                format!("Too many attempts. Try again in {s} seconds.")
            }
            Self::Throttled { after_s } => {
                format!("Too many attempts. Try again in {} minutes.", after_s.div_ceil(60))
            }
            Self::Expired => "Your session has ended. Log in to go on where you were.".to_owned(),
            Self::Away => "The console's database of users and sessions is away, so nobody can log in. Nothing is wrong \
                           with your password; try again in a moment."
                .to_owned(),
            Self::Busy => "Too many log-ins are being checked, and yours was not in time. Nothing is wrong with your \
                           password; try again in a moment."
                .to_owned(),
        }
    }
}

/// What the form shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginView {
    /// Kept after a failed attempt.
    pub username: String,
    /// Path to go to afterwards; the server checks that it is one of its own.
    pub next: String,
    pub problem: Option<LoginProblem>,
}

/// The document.
pub fn login_html(assets: &Assets, theme: Theme, login: LoginView) -> String {
    let owner = Owner::new();
    let page = owner.with(|| document(assets, theme, login).to_html());
    format!("<!DOCTYPE html>{page}")
}

fn document(assets: &Assets, theme: Theme, login: LoginView) -> impl IntoView + use<> {
    let problem = login.problem.map(|problem| {
        let tone = if problem == LoginProblem::Expired { Tone::Info } else { Tone::Bad };
        view! { <div id="login-problem"><Notice tone>{problem.words()}</Notice></div> }
    });
    let is_invalid = (login.problem == Some(LoginProblem::Wrong)).then_some("true");
    let described = login.problem.is_some().then_some("login-problem");
    let next = if login.next.is_empty() { "/".to_owned() } else { login.next };
    let knows_name = !login.username.is_empty();
    view! {
        <html lang="en" data-theme=theme.as_str()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <title>"Log in · Quarterdeck"</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=assets.stylesheet.clone()/>
            </head>
            <body class="login">
                <main id="main">
                    <div class="login-brand"><Logo/><span>"Quarterdeck"</span></div>
                    <form id="login-form" class="login-card" method="post" action="/login">
                        <h1>"Log in"</h1>
                        {problem}
                        <input type="hidden" name="next" value=next/>
                        <label class="field">
                            <span>"User name"</span>
                            <input
                                class="input"
                                name="username"
                                autocomplete="username"
                                autocapitalize="none"
                                spellcheck="false"
                                required
                                maxlength="128"
                                autofocus=!knows_name
                                value=login.username
                                aria-invalid=is_invalid
                                aria-describedby=described
                            />
                        </label>
                        <label class="field">
                            <span>"Password"</span>
                            <input
                                class="input"
                                type="password"
                                name="password"
                                autocomplete="current-password"
                                required
                                maxlength="1024"
                                autofocus=knows_name
                                aria-invalid=is_invalid
                                aria-describedby=described
                            />
                        </label>
                        <button class="button primary wide" type="submit">"Log in"</button>
                    </form>
                    <p class="login-foot">"On a local platform, " <code>"make up"</code> " printed the first password."</p>
                </main>
            </body>
        </html>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(login: LoginView) -> String {
        let assets = Assets { stylesheet: "/app.css".to_owned(), ..Assets::default() };
        login_html(&assets, Theme::Dark, login)
    }

    #[test]
    fn the_document_needs_no_script_and_keeps_what_was_typed() {
        let html = html(LoginView {
            username: "kim\"><script>".to_owned(),
            next: "/alerts?from=now-1h".to_owned(),
            problem: Some(LoginProblem::Wrong),
        });
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\" data-theme=\"dark\""), "{html}");
        assert!(!html.contains("<script"), "{html}");
        for part in [
            "id=\"login-form\"",
            "name=\"username\"",
            "name=\"password\"",
            "value=\"/alerts?from=now-1h\"",
            "User name or password is wrong.",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn a_database_that_is_away_is_told_apart_from_a_crowd_and_a_wrong_password() {
        for (problem, words) in [
            (LoginProblem::Away, "is away, so nobody can log in"),
            (LoginProblem::Busy, "Too many log-ins are being checked"),
        ] {
            let html = html(LoginView { problem: Some(problem), ..LoginView::default() });
            assert!(html.contains(words), "{html}");
            assert!(!html.contains("aria-invalid=\"true\""), "{html}");
        }
    }

    #[test]
    fn waiting_is_told_in_the_readers_units() {
        assert!(
            html(LoginView {
                problem: Some(LoginProblem::Throttled { after_s: 90 }),
                ..LoginView::default()
            })
            .contains("in 90 seconds")
        );
        assert!(
            html(LoginView {
                problem: Some(LoginProblem::Throttled { after_s: 121 }),
                ..LoginView::default()
            })
            .contains("in 3 minutes")
        );
    }
}
