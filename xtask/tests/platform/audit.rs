//! What must be true of every page that a walk comes by: nothing wider than the window, a clean console, and, in both
//! colour schemes, no breach of WCAG 2.2 AA that axe can see. Leaves pictures for human eyes.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::{
    Failure, Outcome,
    browser::{Browser, Look},
    local::{root, screenshots},
};

/// A browser that hangs is no reason to wait for ever.
const WITHIN: Duration = Duration::from_mins(8);

/// Which of axe's rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// WCAG 2.2 A and AA.
    All,
    /// Those that depend on the colour scheme.
    Contrast,
}

/// What one walk saw.
pub struct Audit {
    walk: &'static str,
    look: Look,
    pages: usize,
    faults: BTreeSet<String>,
}

impl Audit {
    pub fn new(walk: &'static str, look: Look) -> Self {
        Self { walk, look, pages: 0, faults: BTreeSet::new() }
    }

    /// How the walk looks at pages, as one word.
    pub fn look_name(&self) -> String {
        self.look.name()
    }

    /// Looks at the page that the browser shows. `refused` is the status of a page that says no: Chromium repeats it in
    /// its console.
    pub async fn page(&mut self, browser: &Browser, name: &str, refused: Option<u16>) -> Outcome {
        self.pages += 1;
        let expected = refused.map(|status| format!("the server responded with a status of {status}"));
        let expected: Vec<&str> = expected.as_deref().into_iter().collect();
        for error in browser.console_errors(&expected).await? {
            self.fault(name, &format!("console: {error}"));
        }
        if let Some(wider) = too_wide(browser).await? {
            self.fault(name, &format!("{wider} px wider than the window"));
        }
        // The markup is the same without scripts, in which axe runs.
        if self.look.scripts {
            self.schemes(browser, name).await?;
        }
        Ok(())
    }

    async fn schemes(&mut self, browser: &Browser, name: &str) -> Outcome {
        for (dark, rules) in [(true, Rules::Contrast), (false, Rules::All)] {
            browser.prefer_dark(dark).await?;
            for violation in violations(browser, rules).await? {
                self.fault(
                    name,
                    &format!("accessibility, {}: {violation}", if dark { "dark" } else { "light" }),
                );
            }
            let look = Look { dark, ..self.look };
            let file = format!("{}-{:02}-{name}-{}.png", self.walk, self.pages, look.name());
            browser.picture(&screenshots().join(file)).await?;
        }
        Ok(())
    }

    /// Notes something that is wrong but does not end the walk.
    pub fn fault(&mut self, page: &str, what: &str) {
        self.faults.insert(format!("{} {page} at {}: {what}", self.walk, self.look.name()));
    }

    /// Ends a walk that began at `started`: tells how much it saw and what was wrong there. One that failed leaves a
    /// picture of the page that it failed at.
    pub async fn conclude(self, browser: &Browser, started: Instant, walked: Outcome) -> Outcome {
        let look = self.look.name();
        match walked {
            Ok(()) if self.faults.is_empty() => {
                let seconds = started.elapsed().as_secs_f64();
                println!("{} at {look}: {} pages, {seconds:.1} s", self.walk, self.pages);
                Ok(())
            }
            Ok(()) => Err(self.wrong().into()),
            Err(e) => {
                let file = format!("failure-{}-{look}.png", self.walk);
                let _ = browser.picture(&screenshots().join(file)).await;
                let path = browser.path().await.unwrap_or_default();
                let before = if self.faults.is_empty() {
                    String::new()
                } else {
                    format!("\n    before: {}", self.wrong())
                };
                Err(format!("{look} at {path}: {e}{before}").into())
            }
        }
    }

    fn wrong(&self) -> String {
        self.faults.iter().map(String::as_str).collect::<Vec<_>>().join("\n    ")
    }
}

/// A walk that is not over in time has failed.
pub async fn in_time(walk: impl Future<Output = Outcome>) -> Outcome {
    let walked = tokio::time::timeout(WITHIN, walk).await;
    walked.unwrap_or_else(|_| Err(format!("not over within {} s", WITHIN.as_secs()).into()))
}

/// By how many pixels the page is wider than the window.
pub async fn too_wide(browser: &Browser) -> Result<Option<i64>, Failure> {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    let wider: i64 = browser.page.execute(script, Vec::new()).await?.convert()?;
    Ok(Some(wider).filter(|wider| *wider > 1))
}

/// Breaches of WCAG 2.2 A and AA that axe finds on the page, with the first place of each.
pub async fn violations(browser: &Browser, rules: Rules) -> Result<Vec<String>, Failure> {
    let axe = std::fs::read_to_string(root().join("console/frontend/node_modules/axe-core/axe.min.js"))?;
    browser.page.execute(axe, Vec::new()).await?;
    let only = match rules {
        Rules::All => "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']",
        Rules::Contrast => "{ type: 'rule', values: ['color-contrast'] }",
    };
    let run = format!(
        "const done = arguments[arguments.length - 1];
        axe.run(document, {{ runOnly: {only} }}).then(
            (r) => done(r.violations.map((v) => `${{v.id}} ${{v.nodes[0].target.join(' ')}}`)),
            (e) => done([`axe failed: ${{e}}`]),
        );"
    );
    Ok(browser.page.execute_async(run, Vec::new()).await?.convert()?)
}
