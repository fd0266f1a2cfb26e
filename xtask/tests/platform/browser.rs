//! Headless Chromium through its driver.

use std::{path::Path, time::Duration};

use base64::Engine as _;
use thirtyfour::{common::capabilities::chrome::ChromeCapabilities, prelude::*};
use tokio::process::{Child, Command};

use crate::{Failure, local::eventually};

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
    /// Pages may run scripts.
    pub scripts: bool,
}

impl Look {
    pub const DESKTOP: Self = Self { width: 1440, dark: false, scripts: true };

    pub fn name(self) -> String {
        let scripts = if self.scripts { "" } else { "-no-scripts" };
        format!("{}-{}{scripts}", self.width, if self.dark { "dark" } else { "light" })
    }
}

/// A browser with an empty profile. Ends with its driver.
pub struct Browser {
    pub page: WebDriver,
    /// Presses with keys instead of the mouse: where scripts are off the driver waits for ever for a mouse's click.
    by_keys: bool,
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
        Ok(Self { page, by_keys: !look.scripts, driver, server, profile })
    }

    /// Errors and warnings that the browser's console shows since the last call, without those that `expected` names.
    pub async fn console_errors(&self, expected: &[&str]) -> Result<Vec<String>, Failure> {
        let entries = self.driver_log().await?;
        Ok(entries.into_iter().filter(|e| !expected.iter().any(|x| e.contains(x))).collect())
    }

    async fn driver_log(&self) -> Result<Vec<String>, Failure> {
        let answer = self.ask("se/log", serde_json::json!({"type": "browser"})).await?;
        let entries = answer.as_array().cloned().unwrap_or_default();
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
        if self.by_keys {
            element.send_keys(Key::Enter + "").await?;
            return Ok(());
        }
        element.scroll_into_view().await?;
        element.click().await?;
        Ok(())
    }

    /// Two presses as fast as a hand makes them. By keys in every look: the driver now and then waits for ever for the
    /// second click of a mouse when the first one leads to another page.
    pub async fn press_twice(&self, css: &str) -> Result<(), Failure> {
        self.find(css).await?.send_keys(Key::Enter + Key::Enter).await?;
        Ok(())
    }

    /// Fills several fields of the form with this id.
    pub async fn fill_form(&self, form: &str, fields: &[(&str, &str)]) -> Result<(), Failure> {
        for (name, value) in fields {
            self.fill(&format!("#{form} [name={name}]"), value).await?;
        }
        Ok(())
    }

    /// Chooses an entry of a list by its value.
    pub async fn choose(&self, css: &str, value: &str) -> Result<(), Failure> {
        let option = format!("{css} option[value='{value}']");
        if self.by_keys {
            let words = self.find(&option).await?.text().await?;
            self.find(css).await?.send_keys(words).await?;
            return Ok(());
        }
        self.click(&option).await
    }

    /// Waits until what `css` finds says `words`.
    pub async fn says(&self, css: &str, words: &str) -> Result<(), Failure> {
        let mut last = String::new();
        let said = eventually(words, Duration::from_secs(15), || async {
            // The page may be loading: what was found a moment ago may be gone.
            let text = self.page.find(By::Css(css)).await?.text().await?;
            Ok(text.contains(words).then_some(()))
        });
        if let Err(e) = said.await {
            if let Ok(element) = self.page.find(By::Css(css)).await {
                last = element.text().await.unwrap_or_default();
            }
            return Err(format!("{css} does not say {words:?} but {last:?} ({e})").into());
        }
        Ok(())
    }

    /// Waits until the page's path and query hold `part`: what was pressed has led there.
    pub async fn arrives(&self, part: &str) -> Result<(), Failure> {
        eventually(&format!("the way to {part}"), Duration::from_secs(15), || async {
            Ok(self.path().await?.contains(part).then_some(()))
        })
        .await
    }

    /// How many elements `css` finds now.
    pub async fn count(&self, css: &str) -> Result<usize, Failure> {
        Ok(self.page.find_all(By::Css(css)).await?.len())
    }

    /// The path of the page, with its query.
    pub async fn path(&self) -> Result<String, Failure> {
        let url = self.page.current_url().await?;
        Ok(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
    }

    /// Takes all cookies out and puts these in: another device of the same kind.
    pub async fn change_cookies(&self, others: Vec<Cookie>) -> Result<Vec<Cookie>, Failure> {
        let mine = self.page.get_all_cookies().await?;
        self.page.delete_all_cookies().await?;
        for cookie in others {
            self.page.add_cookie(cookie).await?;
        }
        Ok(mine)
    }

    /// From now on pages are told that the person prefers dark or light.
    pub async fn prefer_dark(&self, dark: bool) -> Result<(), Failure> {
        let value = if dark { "dark" } else { "light" };
        // Colours on their way from one scheme to the other are nobody's.
        let media = serde_json::json!({"features": [
            {"name": "prefers-color-scheme", "value": value},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.cdp("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// The whole page, however long, as a picture.
    pub async fn picture(&self, file: &Path) -> Result<(), Failure> {
        if let Some(dir) = file.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let answer = self
            .cdp(
                "Page.captureScreenshot",
                serde_json::json!({"format": "png", "captureBeyondViewport": true}),
            )
            .await?;
        let data = answer["data"].as_str().ok_or("the browser made no picture")?;
        std::fs::write(file, base64::engine::general_purpose::STANDARD.decode(data)?)?;
        Ok(())
    }

    async fn cdp(&self, command: &str, parameters: serde_json::Value) -> Result<serde_json::Value, Failure> {
        self.ask("goog/cdp/execute", serde_json::json!({"cmd": command, "params": parameters})).await
    }

    /// A call of the driver that thirtyfour does not have.
    async fn ask(&self, call: &str, body: serde_json::Value) -> Result<serde_json::Value, Failure> {
        let url = format!("{}/session/{}/{call}", self.server, self.page.session_id());
        let mut answer: serde_json::Value =
            reqwest::Client::new().post(url).json(&body).send().await?.json().await?;
        Ok(answer["value"].take())
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
    if !look.scripts {
        // As in the settings of the browser: "do not allow sites to use JavaScript".
        let settings = serde_json::json!({"profile.managed_default_content_settings.javascript": 2});
        capabilities.set_browser_option("prefs", settings)?;
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
