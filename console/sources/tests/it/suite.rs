//! What every adapter of the metrics port answers over [`crate::data::batches`]. A backend that cannot do something says
//! so; then it must refuse it.

use console_model::{
    Labels, MatchOp, Matcher, TimeRange,
    histogram::Histogram,
    metric::{Point, QueryValue},
};
use console_promql::histogram::{Bucket, all_buckets};
use console_storage::{
    SourceError,
    source::{MetricsSource, QueryOptions, QueryTime},
};

use crate::data::{COUNT, STEP_S, histogram};

/// An adapter and what its backend can do.
pub struct Adapter {
    pub source: Box<dyn MetricsSource>,
    /// When the last samples are.
    pub end_s: i64,
    pub has_lookback: bool,
    /// Says what falls to each step.
    pub profiles_steps: bool,
    /// Says that a rate is of no counter.
    pub has_infos: bool,
    pub has_metadata: bool,
}

pub async fn run(a: &Adapter) {
    a.instants().await;
    a.ranges().await;
    a.native_histograms().await;
    a.errors().await;
    a.lookback().await;
    a.lists().await;
    a.metadata().await;
    a.exemplars().await;
    a.counts().await;
    a.samples().await;
    a.costs().await;
}

fn text(labels: &Labels) -> String {
    labels.to_string()
}

fn buckets(h: &Histogram) -> Vec<Bucket> {
    all_buckets(h).into_iter().filter(|b| b.count != 0.0).collect()
}

impl Adapter {
    fn end_ms(&self) -> i64 {
        self.end_s * 1000
    }

    fn all(&self) -> TimeRange {
        TimeRange { start_ms: self.end_ms() - 3_600_000, end_ms: self.end_ms() + 1 }
    }

    async fn now(&self, expr: &str) -> QueryValue {
        let answer = self.source.query(expr, self.end_ms()).await;
        answer.unwrap_or_else(|e| panic!("{expr}: {e}")).value
    }

    async fn instants(&self) {
        let QueryValue::Vector(rows) = self.now("up").await else { panic!("no vector") };
        let at = |instance: &str, job: &str| {
            let is_wanted = |l: &Labels| l.get("instance") == Some(instance) && l.get("job") == Some(job);
            let (labels, sample) = rows.iter().find(|(l, _)| is_wanted(l)).expect("it is there");
            assert_eq!((labels.metric_name(), labels.len(), sample.t_ms), ("up", 3, self.end_ms()));
            sample.v
        };
        assert_eq!((at("a", "shop"), at("b", "shop"), at("c", "edge"), rows.len()), (1.0, 0.0, 1.0, 3));

        let QueryValue::Scalar(s) = self.now("1 / 0").await else { panic!("no scalar") };
        assert_eq!((s.t_ms, s.v), (self.end_ms(), f64::INFINITY));
        let string = QueryValue::String { t_ms: self.end_ms(), value: "a\nb".to_owned() };
        assert_eq!(self.now("\"a\\nb\"").await, string);
        let QueryValue::Vector(rows) = self.now("special").await else { panic!("no vector") };
        let of = |kind: &str| rows.iter().find(|(l, _)| l.get("kind") == Some(kind)).unwrap().1.v;
        assert_eq!((of("inf"), of("ninf"), of("small")), (f64::INFINITY, f64::NEG_INFINITY, 1e-9));
        assert!(of("nan").is_nan());
        assert_eq!(self.now("nothing").await, QueryValue::Vector(Vec::new()));
        let QueryValue::Matrix(series) = self.now("requests_total[31s]").await else { panic!("no matrix") };
        let times: Vec<i64> = series[0].samples.iter().map(|s| self.end_s - s.t_ms / 1000).collect();
        assert_eq!(times, [30, 15, 0], "samples keep their own times");
    }

    async fn ranges(&self) {
        let (start, end) = (self.end_ms() - 60_000, self.end_ms());
        let answer = self.source.query_range("sum by (job) (up)", start, end, 15_000).await.unwrap();
        let QueryValue::Matrix(series) = answer.value else { panic!("no matrix") };
        assert_eq!(
            series.iter().map(|s| text(&s.labels)).collect::<Vec<_>>(),
            ["{job=\"edge\"}", "{job=\"shop\"}"]
        );
        assert!(series.iter().all(|s| s.samples.len() == 5 && s.samples.iter().all(|s| s.v == 1.0)));
        let odd = self.source.query_range("up", start + 250, end, 7_500).await.unwrap();
        let QueryValue::Matrix(series) = odd.value else { panic!("no matrix") };
        let times: Vec<i64> = series[0].samples.iter().map(|s| s.t_ms - start).collect();
        assert_eq!(times, [250, 7750, 15_250, 22_750, 30_250, 37_750, 45_250, 52_750]);
        let long = format!("up{{job=~\"shop|{}\"}}", "x".repeat(4000));
        let answer = self.source.query(&long, end).await.unwrap();
        assert_eq!(answer.value.rows(), 2, "a long expression arrives whole");
    }

    async fn native_histograms(&self) {
        let QueryValue::PointVector { t_ms, elements } = self.now("latency").await else {
            panic!("no histogram")
        };
        let Point::Histogram(h) = &elements[0].1 else { panic!("no histogram") };
        let wanted = histogram(3.0);
        assert_eq!((t_ms, h.schema, h.count, h.sum), (self.end_ms(), 2, 21.0, 37.5));
        assert_eq!(buckets(h), buckets(&wanted));
        assert_eq!((&h.positive, &h.negative), (&wanted.positive, &wanted.negative));
        assert_eq!((h.zero_count, h.zero_threshold), (wanted.zero_count, wanted.zero_threshold));

        let start = self.end_ms() - STEP_S * 1000;
        let answer =
            self.source.query_range("latency or up", start, self.end_ms(), STEP_S * 1000).await.unwrap();
        let QueryValue::PointMatrix(series) = answer.value else { panic!("no histograms") };
        assert_eq!(series.len(), 4);
        let latency = series.iter().find(|s| s.labels.metric_name() == "latency").unwrap();
        assert_eq!(latency.histograms.iter().map(|h| h.h.count).collect::<Vec<_>>(), [7.0, 21.0]);
        assert!(latency.samples.is_empty());
        let QueryValue::Vector(rows) = self.now("histogram_count(latency)").await else {
            panic!("no vector")
        };
        assert_eq!(rows[0].1.v, 21.0);
    }

    async fn errors(&self) {
        for (expr, place) in [("up{", "1:4"), ("sum(\n  up{\n", "3:1")] {
            let Err(SourceError::Invalid { message, position }) = self.source.query(expr, 0).await else {
                panic!("{expr} is no query")
            };
            assert!(message.starts_with(&format!("{place}: parse error:")), "{message}");
            assert!(position.is_some(), "{message}");
        }
        let wrong = self.source.query("up * on (job) up", self.end_ms()).await;
        assert!(matches!(wrong, Err(SourceError::Execution(_))), "{wrong:?}");
        let range = self.source.query_range("up[1m]", 0, 10, 10).await;
        assert!(matches!(range, Err(SourceError::Invalid { .. })), "{range:?}");
        let steps = self.source.query_range("up", 0, 20_000_000, 1000).await;
        assert!(matches!(steps, Err(SourceError::Invalid { .. } | SourceError::Limit(_))), "{steps:?}");
        let of_exemplars = self.source.exemplars("up{", self.all()).await;
        assert!(matches!(of_exemplars, Err(SourceError::Invalid { .. })), "{of_exemplars:?}");
    }

    async fn lookback(&self) {
        let later = QueryTime::At { at_ms: self.end_ms() + 60_000 };
        let ask = async |lookback_ms| {
            let options = QueryOptions { lookback_ms };
            Ok::<usize, SourceError>(self.source.query_with("up", later, options).await?.value.rows())
        };
        assert_eq!(ask(None).await, Ok(3), "five minutes are the default");
        if self.has_lookback {
            assert_eq!((ask(Some(30_000)).await, ask(Some(90_000)).await), (Ok(0), Ok(3)));
        } else {
            let refused = ask(Some(30_000)).await;
            assert!(matches!(refused, Err(SourceError::Unsupported(_))), "{refused:?}");
        }
    }

    async fn lists(&self) {
        let s = &self.source;
        let m = |text: &str| vec![text.to_owned()];
        let series = s.series(&m("up"), self.all(), 0).await.unwrap();
        let mut instances: Vec<_> = series.iter().filter_map(|l| l.get("instance")).collect();
        instances.sort_unstable();
        assert_eq!(instances, ["a", "b", "c"]);
        assert!(series.windows(2).all(|w| w[0] < w[1]), "in order");
        assert_eq!(s.series(&m("up"), self.all(), 2).await.unwrap(), series[..2]);
        let several = ["up{job=\"edge\"}".to_owned(), "latency".to_owned(), "up{instance=\"c\"}".to_owned()];
        assert_eq!(s.series(&several, self.all(), 0).await.unwrap().len(), 2);
        let early = TimeRange { start_ms: self.end_ms() - 7_200_000, end_ms: self.end_ms() - 3_600_000 };
        assert!(s.series(&m("up"), early, 0).await.unwrap().is_empty());

        assert_eq!(s.label_names(&[], self.all(), 0).await.unwrap(), ["__name__", "instance", "job", "kind"]);
        assert_eq!(s.label_names(&m("special"), self.all(), 0).await.unwrap(), ["__name__", "kind"]);
        assert_eq!(s.label_names(&[], self.all(), 2).await.unwrap(), ["__name__", "instance"]);
        assert_eq!(s.label_values("job", &[], self.all(), 0).await.unwrap(), ["edge", "shop"]);
        assert_eq!(s.label_values("job", &[], self.all(), 1).await.unwrap(), ["edge"]);
        assert_eq!(s.label_values("job", &m("latency"), self.all(), 0).await.unwrap(), ["shop"]);
        let names = s.label_values("__name__", &[], self.all(), 0).await.unwrap();
        assert_eq!(names, ["latency", "requests_total", "special", "up"]);
        assert!(s.label_values("none", &[], self.all(), 0).await.unwrap().is_empty());
        let always = TimeRange { start_ms: i64::MIN / 4, end_ms: i64::MAX / 4 };
        assert_eq!(s.label_values("job", &[], always, 0).await.unwrap(), ["edge", "shop"]);
    }

    async fn metadata(&self) {
        let all = self.source.metadata(None, 0).await.unwrap();
        assert_eq!(all.len(), if self.has_metadata { 2 } else { 0 });
        assert_eq!(self.source.metadata(None, 1).await.unwrap(), all[..all.len().min(1)]);
        assert_eq!(self.source.metadata(Some("up"), 0).await.unwrap(), all[all.len().min(1)..]);
    }

    async fn exemplars(&self) {
        let exprs = ["requests_total", "sum(rate(requests_total{job=\"edge\"}[5m])) / sum(up)"];
        for expr in exprs {
            let found = self.source.exemplars(expr, self.all()).await.unwrap();
            assert_eq!(found.len(), 1, "{expr}");
            assert_eq!(found[0].labels.get("job"), Some("edge"));
            let e = &found[0].exemplars[0];
            assert_eq!((e.labels.get("trace_id"), e.value), (Some("4bf92f35"), 0.25));
            assert_eq!(e.t_ms, self.end_ms() - 500);
        }
        let before = TimeRange { start_ms: 0, end_ms: self.end_ms() - 500 };
        assert!(
            self.source.exemplars("requests_total", before).await.unwrap().is_empty(),
            "the end is exclusive"
        );
        assert!(self.source.exemplars("up", self.all()).await.unwrap().is_empty());
        assert!(self.source.exemplars("1 + 1", self.all()).await.unwrap().is_empty());
    }

    async fn counts(&self) {
        let counted = self.source.cardinality(2).await.unwrap();
        assert_eq!(counted.series, 9);
        assert_eq!(counted.span_ms, Some((self.end_ms() - (COUNT - 1) * STEP_S * 1000, self.end_ms())));
        let by_metric: Vec<_> = counted.series_by_metric.iter().map(|c| (c.name.as_str(), c.value)).collect();
        assert_eq!(by_metric, [("special", 4), ("up", 3)]);
        assert!(counted.series_by_pair.len() == 2 && counted.values_by_label.len() == 2);
    }

    async fn samples(&self) {
        let edge = Matcher::equal("job", "edge");
        let named =
            Matcher { name: "__name__".to_owned(), op: MatchOp::Regex, value: "up|latency".to_owned() };
        let start = self.end_ms() - STEP_S * 1000;
        let read = self.source.read(&[named], start, self.end_ms()).await.unwrap();
        let shape: Vec<_> = read
            .iter()
            .map(|s| (s.labels.metric_name().to_owned(), s.samples.len(), s.histograms.len()))
            .collect();
        let up = || ("up".to_owned(), 2, 0);
        assert_eq!(shape, [("latency".to_owned(), 0, 2), up(), up(), up()], "both ends are inclusive");
        let read = self.source.read(&[edge], self.end_ms(), self.end_ms()).await.unwrap();
        assert_eq!(read.iter().map(|s| s.samples[0].v).collect::<Vec<_>>(), [60.0, 1.0]);
        assert_eq!(self.source.read(&[], start, self.end_ms()).await.unwrap().len(), 9);
    }

    async fn costs(&self) {
        let (start_ms, end_ms) = (self.end_ms() - 30_000, self.end_ms());
        let time = QueryTime::Range { start_ms, end_ms, step_ms: 15_000 };
        let expr = "sum(rate(requests_total[1m])) + count(up)";
        let (answer, profile) =
            self.source.query_profiled(expr, time, QueryOptions::default()).await.unwrap();
        let profile = profile.expect("every backend says what a query costs");
        assert_eq!(answer.value.rows(), 1);
        assert!(answer.stats.samples > 0 && answer.stats.duration_us > 0, "{:?}", answer.stats);
        // Four samples of the counter and three of `up` at each step; Prometheus 2 takes both ends of a window.
        assert!((21..=24).contains(&profile.looked_at.total), "{profile:?}");
        assert!(profile.peak > 0 && profile.timings.total_us > 0, "{profile:?}");
        if self.profiles_steps {
            assert_eq!(
                (&*profile.looked_at.by_step, &*profile.read.by_step),
                (&[7, 7, 7][..], &[7, 4, 4][..])
            );
        }
        let answer = self.source.query("rate(up[1m])", end_ms).await.unwrap();
        assert_eq!(answer.infos.iter().any(|i| i.contains("might not be a counter")), self.has_infos);
    }
}
