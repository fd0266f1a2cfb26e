//! One run: servers up, samples in, queries out, answers compared.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use console_model::clock::now_ms;
use tokio::task::JoinSet;

use super::{
    Generator, Random, Report, Request,
    data::{self, LENGTH_MS},
    judge::{Judge, Judged, Question},
    target::{Reader, Target},
};
use crate::peer::{
    Peer, PeerError, console, prometheus,
    remote_write::{WriteSeries, encode, send},
};

/// Queries under way at once.
const WORKERS: usize = 4;
/// Samples of one write request lie in such a slice of time: neither server takes them much out of order.
const SLICE_MS: i64 = 5 * 60_000;
/// The console looks back five minutes, left-open since 3.0 (#13904); 2.42 is told one millisecond less.
const LOOKBACK: &str = "--query.lookback-delta=299999ms";
/// One of so many questions is about series or labels.
const LISTINGS: usize = 20;

#[derive(Clone, Debug)]
pub struct Options {
    pub queries: usize,
    pub seed: u64,
    pub console: PathBuf,
    pub prometheus: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(
        "the target was not scraped often enough; the console says:\n{console}\nPrometheus says:\n{prometheus}"
    )]
    NotScraped { console: String, prometheus: String },
    #[error("a worker died")]
    Worker(#[from] tokio::task::JoinError),
}

/// Both servers with the same samples.
struct Pair {
    console: Peer,
    prometheus: Peer,
}

/// Everything from start to report. The servers are gone at its end.
pub async fn run(options: &Options) -> Result<Report, DiffError> {
    let mut random = Random::new(options.seed);
    let base_ms = (now_ms() - LENGTH_MS - 30_000).div_euclid(60_000) * 60_000;
    let series = data::series(base_ms, &mut random);
    let pair = fill(options, base_ms, &series).await?;
    let mut generator = Generator::new(base_ms, &mut random);
    let draw = |i: usize| {
        if i.is_multiple_of(LISTINGS) {
            Question::Listing(generator.listing())
        } else {
            Question::Query(generator.draw())
        }
    };
    let mut questions: Vec<Question> = Request::all(base_ms).into_iter().map(Question::Request).collect();
    questions.extend((0..options.queries).map(draw));
    let questions = Arc::new(questions);
    let peer = version(&pair.prometheus).await?;
    let mut report = Report { seed: options.seed, peer, ..Report::default() };
    for judged in ask_all(&pair, base_ms, &questions).await? {
        report.add(judged);
    }
    pair.console.stop().await?;
    pair.prometheus.stop().await?;
    Ok(report)
}

/// The changes are those since 2.42: the report says whom it compares with.
async fn version(prometheus: &Peer) -> Result<String, PeerError> {
    let answer = prometheus.endpoint().read("/api/v1/status/buildinfo", &[]).await?;
    Ok(answer.body["data"]["version"].as_str().unwrap_or("of an unknown version").to_owned())
}

async fn fill(options: &Options, base_ms: i64, series: &[WriteSeries]) -> Result<Pair, DiffError> {
    let target = Target::start(base_ms + LENGTH_MS - 120_000).await?;
    let (ours, theirs) = (target.scrape_config(Reader::Console), target.scrape_config(Reader::Prometheus));
    let (console, prometheus) = tokio::try_join!(
        console::start(&options.console, &ours, "query: { experimental: true }\n"),
        prometheus::start(&options.prometheus, &theirs, &[LOOKBACK]),
    )?;
    for begin in (base_ms..base_ms + LENGTH_MS).step_by(SLICE_MS as usize) {
        let body = encode(&slice(series, begin))?;
        send(console.endpoint(), body.clone()).await?;
        send(prometheus.endpoint(), body).await?;
    }
    if !target.all_fetched().await {
        return Err(DiffError::NotScraped { console: console.output(), prometheus: prometheus.output() });
    }
    Ok(Pair { console, prometheus })
}

/// The samples of [`SLICE_MS`] from `begin` on.
fn slice(series: &[WriteSeries], begin: i64) -> Vec<WriteSeries> {
    let within = |s: &WriteSeries| {
        let samples =
            s.samples.iter().copied().filter(|(t, _)| (begin..begin + SLICE_MS).contains(t)).collect();
        WriteSeries { labels: s.labels.clone(), samples }
    };
    series.iter().map(within).filter(|s| !s.samples.is_empty()).collect()
}

/// In the order of the questions.
async fn ask_all(
    pair: &Pair,
    base_ms: i64,
    questions: &Arc<Vec<Question>>,
) -> Result<Vec<Judged>, DiffError> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (questions, next) = (Arc::clone(questions), Arc::clone(&next));
        let judge = Judge {
            base_ms,
            console: pair.console.endpoint().clone(),
            prometheus: pair.prometheus.endpoint().clone(),
        };
        workers.spawn(async move {
            let mut out = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = questions.get(i) else { return Ok::<_, PeerError>(out) };
                out.push((i, judge.judge(one).await?));
            }
        });
    }
    let mut all = Vec::new();
    while let Some(done) = workers.join_next().await {
        all.extend(done??);
    }
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, judged)| judged).collect())
}
