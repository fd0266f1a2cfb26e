//! `export`.

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use console_export::{Endpoint, ExportError, Pace, Plan, Progress, Told, parse_time};
use console_server::error_chain;
use console_storage::file::read_secret;

/// Between two lines where nobody sees a bar move.
const LINE_EVERY: Duration = Duration::from_secs(10);
const BAR_EVERY: Duration = Duration::from_millis(100);

/// Copies lines and traces of a window to other backends.
#[derive(clap::Args)]
pub struct Export {
    /// Where the console is, or any Loki or Tempo.
    #[arg(long, value_name = "URL")]
    from: String,
    /// A file with the token that the source wants.
    #[arg(long, value_name = "FILE")]
    from_token_file: Option<PathBuf>,
    /// What takes Loki push: its address without /loki/api/v1/push. Left out: no lines are copied.
    #[arg(long, value_name = "URL", requires = "logs")]
    logs_to: Option<String>,
    #[arg(long, value_name = "FILE")]
    logs_token_file: Option<PathBuf>,
    /// What takes OTLP over HTTP: its address without /v1/traces. Left out: no traces are copied.
    #[arg(long, value_name = "URL")]
    traces_to: Option<String>,
    #[arg(long, value_name = "FILE")]
    traces_token_file: Option<PathBuf>,
    /// X-Scope-OrgID of both targets.
    #[arg(long)]
    tenant: Option<String>,
    /// Begin of the window, inclusive: RFC 3339, or seconds since 1970.
    #[arg(long, value_name = "TIME")]
    start: String,
    /// End of the window, exclusive.
    #[arg(long, value_name = "TIME")]
    end: String,
    /// Streams that are copied, as LogQL selects them: '{service_name=~".+"}'. No selector selects all: ask for a label that
    /// each of yours has.
    #[arg(long, value_name = "SELECTOR", requires = "logs_to")]
    logs: Option<String>,
    /// Traces that are copied, as TraceQL finds them.
    #[arg(long, value_name = "QUERY", default_value = "{}")]
    traces: String,
    /// Where it is kept how far the copy is: the same call goes on there.
    #[arg(long, value_name = "FILE", default_value = "export.json")]
    journal: PathBuf,
}

pub fn export(asked: &Export) -> Result<(), String> {
    let plan = plan(asked).map_err(|e| error_chain(&e))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("the runtime does not start: {e}"))?;
    let mut shown = Shown::new();
    let mut show = |progress: &Progress| shown.show(progress);
    let copied = runtime.block_on(async {
        tokio::select! {
            copied = console_export::run(&plan, &mut show) => copied.map_err(|e| error_chain(&e)),
            _ = tokio::signal::ctrl_c() => Err("stopped".to_owned()),
        }
    });
    shown.end();
    match copied {
        Ok(progress) => super::print(&format!(
            "{} lines and {} traces are copied\n",
            progress.position.lines, progress.position.traces
        )),
        Err(reason) => Err(format!("{reason}; the same call goes on where {} says", plan.journal.display())),
    }
}

fn plan(asked: &Export) -> Result<Plan, ExportError> {
    let time = |option, text: &str| parse_time(text).map_err(|reason| ExportError::Option { option, reason });
    let to = |option, url: &Option<String>, token: &Option<PathBuf>| {
        url.as_deref().map(|url| endpoint(option, url, token.as_deref(), asked.tenant.clone())).transpose()
    };
    Ok(Plan {
        from: endpoint("--from", &asked.from, asked.from_token_file.as_deref(), None)?,
        logs_to: to("--logs-to", &asked.logs_to, &asked.logs_token_file)?,
        traces_to: to("--traces-to", &asked.traces_to, &asked.traces_token_file)?,
        start_ns: time("--start", &asked.start)?,
        end_ns: time("--end", &asked.end)?,
        selector: asked.logs.clone().unwrap_or_default(),
        search: asked.traces.clone(),
        journal: asked.journal.clone(),
    })
}

fn endpoint(
    option: &'static str,
    url: &str,
    token: Option<&Path>,
    tenant: Option<String>,
) -> Result<Endpoint, ExportError> {
    let wrong = |reason: String| ExportError::Option { option, reason };
    let read = |file: &Path| read_secret(file).map_err(|e| wrong(format!("{}: {e}", file.display())));
    let token = token.map(read).transpose()?;
    Endpoint::new(url, token, tenant, Pace::default()).map_err(wrong)
}

/// A bar on a terminal, a line now and then elsewhere.
struct Shown {
    is_terminal: bool,
    last: Option<Instant>,
}

impl Shown {
    fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), last: None }
    }

    fn show(&mut self, progress: &Progress) {
        let every = if self.is_terminal { BAR_EVERY } else { LINE_EVERY };
        if self.last.is_some_and(|last| last.elapsed() < every) && !progress.is_done() {
            return;
        }
        self.last = Some(Instant::now());
        // Nobody may be reading it.
        let mut out = std::io::stderr();
        let _ = if self.is_terminal {
            write!(out, "\r\x1b[K{}", Told(progress)).and_then(|()| out.flush())
        } else {
            writeln!(out, "{}", Told(progress))
        };
    }

    fn end(&self) {
        if self.is_terminal && self.last.is_some() {
            eprintln!();
        }
    }
}
