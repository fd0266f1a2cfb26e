//! Headless Chromium through its driver.

use std::{path::Path, time::Duration};

use thirtyfour::{common::capabilities::chrome::ChromeCapabilities, prelude::*};
use tokio::process::{Child, Command};

use crate::{Failure, local::eventually};

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
}

impl Look {
    pub const DESKTOP: Self = Self { width: 1440, dark: false };

    pub fn name(self) -> String {
        format!("{}-{}", self.width, if self.dark { "dark" } else { "light" })
    }
}

/// A browser with an empty profile. Ends with its driver.
pub struct Browser {
    pub page: WebDriver,
    driver: Child,
    /// The driver's address: thirtyfour has no call for the browser's log.
    server: String,
    profile: std::path::PathBuf,
}

impl Browser {
    pub async fn open(look: Look) -> Result<Self, Failure> {
        let port = free_port().await?;
        let driver = Command::new(xtask_programs::path("chromedriver")?)
            .args([format!("--port={port}"), "--silent".to_owned()])
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("chromedriver does not start: {e}"))?;
        let profile = std::env::temp_dir().join(format!("qd-chromium-{port}"));
        let capabilities = capabilities(look, &profile)?;
        let server = format!("http://127.0.0.1:{port}");
        let page = eventually("the browser starts", Duration::from_secs(30), || {
            let (server, capabilities) = (server.clone(), capabilities.clone());
            async move { Ok(Some(WebDriver::new(&server, capabilities).await?)) }
        })
        .await?;
        page.set_window_rect(0, 0, look.width, 900).await?;
        Ok(Self { page, driver, server, profile })
    }

    /// Errors and warnings that the browser's console shows since the last call, without those that `expected` names.
    pub async fn console_errors(&self, expected: &[&str]) -> Result<Vec<String>, Failure> {
        let entries = self.driver_log().await?;
        Ok(entries.into_iter().filter(|e| !expected.iter().any(|x| e.contains(x))).collect())
    }

    async fn driver_log(&self) -> Result<Vec<String>, Failure> {
        let session = self.page.session_id().to_string();
        let url = format!("{}/session/{session}/se/log", self.server);
        let answer: serde_json::Value = reqwest::Client::new()
            .post(url)
            .json(&serde_json::json!({"type": "browser"}))
            .send()
            .await?
            .json()
            .await?;
        let entries = answer["value"].as_array().cloned().unwrap_or_default();
        Ok(entries
            .iter()
            .filter(|e| matches!(e["level"].as_str(), Some("SEVERE" | "WARNING")))
            .map(|e| e["message"].as_str().unwrap_or_default().to_owned())
            .collect())
    }

    /// Waits for an element.
    pub async fn find(&self, css: &str) -> Result<WebElement, Failure> {
        let query = self.page.query(By::Css(css)).wait(Duration::from_secs(15), Duration::from_millis(100));
        let found = query.first().await;
        found.map_err(|_| format!("no {css} on the page within 15 s").into())
    }

    /// Types into a field, replacing what is there.
    pub async fn fill(&self, css: &str, text: &str) -> Result<(), Failure> {
        let field = self.find(css).await?;
        field.clear().await?;
        field.send_keys(text).await?;
        Ok(())
    }

    pub async fn click(&self, css: &str) -> Result<(), Failure> {
        let element = self.find(css).await?;
        element.scroll_into_view().await?;
        element.click().await?;
        Ok(())
    }

    pub async fn screenshot(&self, file: &Path) -> Result<(), Failure> {
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir)?;
        }
        self.page.screenshot(file).await?;
        Ok(())
    }

    pub async fn close(mut self) -> Result<(), Failure> {
        let quit = self.page.clone().quit().await;
        let _ = self.driver.kill().await;
        let _ = std::fs::remove_dir_all(&self.profile);
        quit.map_err(Into::into)
    }
}

fn capabilities(look: Look, profile: &Path) -> Result<ChromeCapabilities, Failure> {
    let mut capabilities = DesiredCapabilities::chrome();
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ] {
        capabilities.add_arg(argument)?;
    }
    capabilities.add_arg(&format!("--user-data-dir={}", profile.display()))?;
    if look.width < 500 {
        // A window narrower than 500 px needs device emulation.
        capabilities.set_browser_option(
            "mobileEmulation",
            serde_json::json!({"deviceMetrics": {"width": look.width, "height": 844, "pixelRatio": 2.0}}),
        )?;
    }
    if look.dark {
        capabilities.add_arg("--force-dark-mode")?;
        capabilities.add_arg("--blink-settings=preferredColorScheme=0")?;
    } else {
        capabilities.add_arg("--blink-settings=preferredColorScheme=1")?;
    }
    capabilities.set("goog:loggingPrefs", serde_json::json!({"browser": "ALL"}))?;
    capabilities.set_binary(&xtask_programs::path("chromium")?.display().to_string())?;
    Ok(capabilities)
}

async fn free_port() -> Result<u16, Failure> {
    Ok(tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port())
}
