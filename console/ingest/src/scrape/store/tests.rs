use std::time::Instant;

use console_model::metric::{MetricMetadata, is_stale_nan};
use console_storage::metrics::AppendOutcome;
use parking_lot::Mutex;

use super::*;
use crate::scrape::{ScrapeConfig, config::TargetGroup, target::Discovered};

/// Keeps what it gets; refuses when told to.
#[derive(Default)]
struct Kept {
    batches: Mutex<Vec<SeriesBatch>>,
    metadata: Mutex<Vec<MetricMetadata>>,
    refuses: Mutex<bool>,
}

impl SampleAppender for Kept {
    fn append(&self, batch: &[SeriesBatch]) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        if *self.refuses.lock() {
            return Err(AppendError::Busy { reason: "full".to_owned(), retry_after_s: 1 });
        }
        self.batches.lock().extend_from_slice(batch);
        Ok((AppendOutcome { accepted: batch.len() as u64, ..AppendOutcome::default() }, None))
    }

    fn put_metadata(&self, metadata: &[MetricMetadata]) -> Result<(), AppendError> {
        self.metadata.lock().extend_from_slice(metadata);
        Ok(())
    }
}

struct Bench {
    kept: Arc<Kept>,
    book: Book,
}

impl Bench {
    fn new(yaml: &str) -> Self {
        let text = format!("scrape_configs:\n- job_name: shop\n  {}", yaml.replace('\n', "\n  "));
        let job = ScrapeConfig::parse("scrape.yml".as_ref(), &text).unwrap().jobs.remove(0);
        let group = TargetGroup { targets: Vec::new(), labels: vec![("zone".into(), "a".into())] };
        let Discovered::Target(target) = Target::discover(&job, &group, "host:80").unwrap() else {
            panic!("the target was dropped")
        };
        let kept = Arc::new(Kept::default());
        Self { book: Book::new(Arc::new(target), job, kept.clone()), kept }
    }

    fn scrape(&mut self, t_ms: i64, text: &str) -> Outcome {
        self.book.store_text(t_ms, Instant::now(), Ok((Format::Prometheus, text.as_bytes())))
    }

    fn fail(&mut self, t_ms: i64) -> Outcome {
        let error = ScrapeError::Unreachable("refused".to_owned());
        self.book.store_text(t_ms, Instant::now(), Err(error))
    }

    /// What was stored since the last call, but for the duration: `labels value`, in order, without the target's own
    /// labels.
    fn stored(&self) -> Vec<String> {
        let plain = |labels: &Labels| {
            labels.to_string().replace(r#"instance="host:80", job="shop""#, "").replace(r#", zone="a""#, "")
        };
        let mut out = Vec::new();
        for batch in self.kept.batches.lock().drain(..) {
            let sample = batch.samples[0];
            let value = if is_stale_nan(sample.v) { "stale".to_owned() } else { sample.v.to_string() };
            let labels = plain(&batch.labels).replace("{}", "");
            if !labels.starts_with("scrape_") {
                out.push(format!("{labels} {value} @{}", sample.t_ms));
            }
        }
        out
    }
}

#[test]
fn samples_get_the_targets_labels_and_the_report_follows() {
    let mut b = Bench::new("");
    b.scrape(1000, "a{x=\"1\"} 5\n");
    let all = b.kept.batches.lock().clone();
    assert_eq!(all[0].labels.to_string(), r#"a{instance="host:80", job="shop", x="1", zone="a"}"#);
    let report: Vec<_> = all[1..].iter().map(|s| s.labels.metric_name().to_owned()).collect();
    assert_eq!(
        report,
        [
            "up",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added"
        ]
    );
    let values: Vec<_> = all.iter().map(|s| s.samples[0].v).collect();
    assert_eq!((values[1], &values[3..]), (1.0, &[1.0, 1.0, 1.0][..]));
}

#[test]
fn vanished_series_and_those_of_a_dead_target_are_marked_once() {
    let mut b = Bench::new("");
    b.scrape(1, "a 1\nb 1\n");
    assert_eq!(b.stored(), ["a 1 @1", "b 1 @1", "up 1 @1"]);
    assert_eq!(b.scrape(2, "a 1\n").tally.added, 0);
    assert_eq!(b.stored(), ["a 1 @2", "b stale @2", "up 1 @2"]);
    b.fail(3);
    assert_eq!(b.stored(), ["a stale @3", "up 0 @3"]);
    b.fail(4);
    assert_eq!(b.stored(), ["up 0 @4"]);
    b.scrape(5, "a 1\n");
    assert_eq!(b.stored(), ["a 1 @5", "up 1 @5"]);
    b.book.end(5);
    assert_eq!(b.stored(), ["a stale @6", "up stale @6"]);
}

#[test]
fn a_broken_answer_stores_nothing_of_it_and_is_counted() {
    let mut b = Bench::new("");
    b.scrape(1, "a 1\n");
    b.stored();
    let outcome = b.scrape(2, "a 2\nb 1\n<html>\n");
    let error = outcome.error.unwrap();
    assert!(error.to_string().contains("line 3, column 1"), "{error}");
    assert_eq!(b.stored(), ["a stale @2", "up 0 @2"]);
}

#[test]
fn conflicts_are_exported_or_honored() {
    let text = "a{job=\"own\",exported_job=\"older\",instance=\"\"} 1\n";
    let mut b = Bench::new("");
    b.scrape(1, text);
    let labels = b.kept.batches.lock()[0].labels.clone();
    assert_eq!(labels.get("job"), Some("shop"));
    assert_eq!(labels.get("exported_exported_job"), Some("own"));
    assert_eq!(labels.get("exported_job"), Some("older"));
    assert_eq!(labels.get("instance"), Some("host:80"));
    let mut b = Bench::new("honor_labels: true");
    b.scrape(1, text);
    let labels = b.kept.batches.lock()[0].labels.clone();
    assert_eq!((labels.get("job"), labels.get("instance")), (Some("own"), Some("host:80")));
}

#[test]
fn relabelled_series_count_after_relabelling_and_duplicates_are_refused() {
    let rules = "metric_relabel_configs:\n- {source_labels: [__name__], regex: 'drop_.*', action: drop}\n\
                 - {regex: 'id', action: labeldrop}";
    let mut b = Bench::new(rules);
    let outcome = b.scrape(1, "drop_me 1\na{id=\"1\"} 1\na{id=\"2\"} 2\n");
    assert_eq!(outcome.tally, Tally { scraped: 3, kept: 1, added: 1 });
    assert_eq!(outcome.rejected, [("duplicate", 1)]);
    assert_eq!(b.stored(), ["a 1 @1", "up 1 @1"]);
}

#[test]
fn limits_fail_the_whole_scrape_by_name() {
    let mut b = Bench::new("sample_limit: 2");
    let outcome = b.scrape(1, "a 1\nb 1\nc 1\nd 1\n");
    assert_eq!(outcome.error, Some(ScrapeError::SampleLimit { count: 4, limit: 2 }));
    assert_eq!(b.stored(), ["up 0 @1"]);
    assert_eq!(b.scrape(2, "a 1\nb 1\n").error, None);
    for (limit, text) in [
        ("label_limit: 5", "a{x=\"1\",y=\"2\"} 1\n"),
        ("label_name_length_limit: 10", "a{a_long_name=\"1\"} 1\n"),
        ("label_value_length_limit: 10", "a{x=\"a long value\"} 1\n"),
    ] {
        let error = Bench::new(limit).scrape(1, text).error.unwrap().to_string();
        assert!(error.contains(limit.split(':').next().unwrap()), "{error}");
    }
}

#[test]
fn own_times_are_honored_or_not_and_never_far_ahead() {
    let mut b = Bench::new("");
    let outcome = b.scrape(1000, "a 1 500\nb 1 700000\nc 1\n");
    assert_eq!(outcome.rejected, [("out_of_bounds", 1)]);
    assert_eq!(b.stored(), ["a 1 @500", "c 1 @1000", "up 1 @1000"]);
    b.scrape(2000, "");
    assert_eq!(b.stored(), ["c stale @2000", "up 1 @2000"], "who has an own time gets no marker");
    let mut b = Bench::new("honor_timestamps: false");
    b.scrape(1000, "a 1 500\n");
    assert_eq!(b.stored(), ["a 1 @1000", "up 1 @1000"]);
}

#[test]
fn a_busy_store_gets_the_markers_later() {
    let mut b = Bench::new("");
    b.scrape(1, "a 1\nb 1\n");
    b.stored();
    *b.kept.refuses.lock() = true;
    let outcome = b.scrape(2, "b 2\n");
    assert_eq!(outcome.error, Some(ScrapeError::Store("full".to_owned())));
    assert_eq!(outcome.rejected, [("storage", 1)]);
    *b.kept.refuses.lock() = false;
    b.scrape(3, "b 3\n");
    assert_eq!(b.stored(), ["b 3 @3", "a stale @3", "up 1 @3"]);
}

#[test]
fn bounds_are_made_equal_by_the_type_that_was_named_last() {
    let mut b = Bench::new("");
    b.scrape(
        1,
        "a{le=\"1\"} 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nb{\"le\"=\"2\",quantile=\"1\"} 1\n\
         # TYPE s summary\ns{quantile=\"0\"} 1\n# TYPE g gauge\nh_bucket{le=\"3\"} 1\n",
    );
    let bounds: Vec<String> = b
        .kept
        .batches
        .lock()
        .iter()
        .flat_map(|s| {
            let bounds = ["le", "quantile"].map(|name| Some(format!("{name}={}", s.labels.get(name)?)));
            bounds.into_iter().flatten()
        })
        .collect();
    assert_eq!(bounds, ["le=1", "le=1.0", "le=2.0", "quantile=1", "quantile=0.0", "le=3"]);
}

#[test]
fn metadata_is_stored_when_it_changes() {
    let mut b = Bench::new("");
    let text = "# TYPE a counter\n# HELP a It counts.\na 1\n";
    b.scrape(1, text);
    b.scrape(2, text);
    assert_eq!(b.kept.metadata.lock().len(), 1);
    assert_eq!(b.kept.metadata.lock()[0].help, "It counts.");
    b.scrape(3, &text.replace("counter", "gauge"));
    assert_eq!(b.kept.metadata.lock().len(), 2);
}
