//! Each refusal names its limit, and the rest of the write is stored.

use console_storage::{AppendError, metrics::SampleAppender};
use console_tsdb::{Tsdb, TsdbConfig, TsdbLimits};

use crate::{batch, config, samples};

fn limited(dir: &std::path::Path) -> Tsdb {
    let limits = TsdbLimits {
        max_series: 2,
        max_labels_per_series: 2,
        max_label_name_bytes: 10,
        max_label_value_bytes: 10,
        ..TsdbLimits::default()
    };
    Tsdb::open(TsdbConfig { limits, ..config(dir) }).unwrap()
}

#[test]
fn what_is_over_a_limit_is_refused_by_name_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let db = limited(dir.path());
    let refused = |part| {
        let (outcome, reason) = db.append(&[part]).unwrap();
        assert_eq!((outcome.accepted, outcome.rejected), (0, 1));
        reason.unwrap()
    };
    for (part, named) in [
        (batch(&[("__name__", "x"), ("a", "1"), ("b", "2")], &[(1, 1.0)]), "max_labels_per_series"),
        (batch(&[("__name__", "x"), ("a_long_name_", "1")], &[(1, 1.0)]), "max_label_name_bytes"),
        (batch(&[("__name__", "x"), ("a", "a_long_value")], &[(1, 1.0)]), "max_label_value_bytes"),
    ] {
        let reason = refused(part);
        assert!(matches!(&reason, AppendError::Limit(m) if m.contains(named)), "{reason}");
    }
    assert!(refused(batch(&[], &[(1, 1.0)])).to_string().contains("without labels"));
    assert!(refused(batch(&[("__name__", "x")], &[(-3600, 1.0)])).to_string().contains("future"));
    assert!(refused(batch(&[("__name__", "x")], &[(86_400, 1.0)])).to_string().contains("retention"));
    let three = ["x", "y", "z"].map(|n| batch(&[("__name__", n)], &[(1, 1.0)]));
    let (outcome, reason) = db.append(&three).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (2, 1));
    assert!(reason.unwrap().to_string().contains("max_series (2)"));
    assert_eq!(samples(&db, "x"), [(1, 1.0)]);
}

#[test]
fn an_explosion_of_series_is_named_with_its_metric_and_label() {
    let dir = tempfile::tempdir().unwrap();
    let limits = TsdbLimits { max_series: 5, ..TsdbLimits::default() };
    let db = Tsdb::open(TsdbConfig { limits, ..config(dir.path()) }).unwrap();
    for user in ["u1", "u2", "u3", "u4"] {
        let part = batch(&[("__name__", "logins_total"), ("job", "identity"), ("user", user)], &[(2, 1.0)]);
        db.append(&[part, batch(&[("__name__", "up")], &[(2, 1.0)])]).unwrap();
    }
    let (_, reason) = db.append(&[batch(&[("__name__", "up"), ("job", "new")], &[(1, 1.0)])]).unwrap();
    let reason = reason.unwrap().to_string();
    assert!(
        reason.contains(r#"metric "logins_total" (another metric) has 4 series, its label "user" 4 values"#),
        "{reason}"
    );
    // What is known already goes on.
    assert_eq!(db.append(&[batch(&[("__name__", "up")], &[(1, 1.0)])]).unwrap().0.accepted, 1);
}

#[test]
fn a_sample_behind_the_window_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = Tsdb::open(config(dir.path())).unwrap();
    db.append(&[batch(&[("__name__", "x")], &[(0, 1.0)])]).unwrap();
    let (outcome, reason) = db.append(&[batch(&[("__name__", "x")], &[(3601, 1.0), (3600, 2.0)])]).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (1, 1));
    assert!(reason.unwrap().to_string().contains("out-of-order"));
}
