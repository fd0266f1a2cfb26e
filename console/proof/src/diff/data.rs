//! The series that both servers are given by remote write.
//!
//! Values are multiples of 1/1024 of moderate size, so that sums are exact in whichever order they are taken; what
//! differs is then no rounding. Counters begin high, so that extrapolation never meets their zero, except `fresh_total`,
//! which is there for just that.

use crate::peer::remote_write::WriteSeries;

use super::Random;

/// How long the series are. Both servers refuse what is more than an hour older than their newest sample.
pub const LENGTH_MS: i64 = 50 * 60_000;
/// The bits of Prometheus' staleness marker (prometheus/model/value/value.go, `StaleNaN`).
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// What the grammar knows of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    /// Label names with some of their values.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    pub is_counter: bool,
    /// No two series ever have the same value.
    pub is_distinct: bool,
}

const SERVICES: &[&str] = &["cart", "orders", "payments", "stock"];
const INSTANCES: &[&str] = &["a:80", "b:80"];
const CODES: &[&str] = &["200", "404", "500"];
const ROOMS: &[&str] = &["attic", "hall", "lab", "shed"];
const FLOORS: &[&str] = &["0", "1", "2"];
const KINDS: &[&str] = &["inf", "mixed", "nan", "neg_inf", "neg_zero", "sometimes_nan"];
const NUMBERS: &[&str] = &["1", "2", "3", "4"];
const BOUNDS: &[&str] = &["0.1", "0.25", "0.5", "2.5", "10.5", "+Inf"];
const TEXTS: &[&str] = &["a\nb", "axb", "q\"uote", "back\\slash", "grün", ""];

const FAMILIES: &[Family] = &[
    counter("req_total", &[("service", SERVICES), ("instance", INSTANCES), ("code", CODES)]),
    distinct("temp", &[("room", ROOMS), ("floor", FLOORS)]),
    distinct("capacity", &[("service", SERVICES), ("instance", INSTANCES), ("zone", &["east", "west"])]),
    gauge("build_info", &[("service", SERVICES), ("version", &["1", "2"]), ("team", &["red", "blue"])]),
    gauge("odd", &[("kind", KINDS)]),
    gauge("gappy", &[("n", NUMBERS)]),
    gauge("stale", &[("n", NUMBERS)]),
    gauge("sparse", &[("n", NUMBERS)]),
    counter("jitter_total", &[("n", NUMBERS)]),
    counter("lat_bucket", &[("service", SERVICES), ("le", BOUNDS)]),
    gauge("weird", &[("text", TEXTS), ("empty", &[""])]),
    gauge("twin_a", &[("n", NUMBERS)]),
    gauge("twin_b", &[("n", NUMBERS)]),
    gauge("huge", &[("n", NUMBERS)]),
    gauge("small", &[("n", NUMBERS)]),
    counter("fresh_total", &[("n", NUMBERS)]),
];

const fn counter(name: &'static str, labels: &'static [(&'static str, &'static [&'static str])]) -> Family {
    Family { name, labels, is_counter: true, is_distinct: false }
}

const fn gauge(name: &'static str, labels: &'static [(&'static str, &'static [&'static str])]) -> Family {
    Family { name, labels, is_counter: false, is_distinct: false }
}

const fn distinct(name: &'static str, labels: &'static [(&'static str, &'static [&'static str])]) -> Family {
    Family { name, labels, is_counter: false, is_distinct: true }
}

pub fn families() -> &'static [Family] {
    FAMILIES
}

/// All series, from `base_ms` on for [`LENGTH_MS`].
pub fn series(base_ms: i64, random: &mut Random) -> Vec<WriteSeries> {
    let mut out = Vec::new();
    counters(base_ms, random, &mut out);
    gauges(base_ms, random, &mut out);
    special_values(base_ms, random, &mut out);
    interrupted(base_ms, random, &mut out);
    histograms(base_ms, random, &mut out);
    out
}

/// The moments of a series that is sampled every `step_ms`.
fn every(base_ms: i64, step_ms: i64) -> impl Iterator<Item = i64> {
    (0..LENGTH_MS / step_ms).map(move |i| base_ms + i * step_ms)
}

fn counters(base_ms: i64, random: &mut Random, out: &mut Vec<WriteSeries>) {
    for service in SERVICES {
        for instance in INSTANCES {
            for code in CODES {
                let labels = [("service", *service), ("instance", *instance), ("code", *code)];
                let mut one = WriteSeries::new("req_total", &labels);
                let mut total = random.between(100_000, 900_000);
                for t in every(base_ms, 15_000) {
                    total = if random.percent(2) {
                        random.between(20_000, 90_000)
                    } else {
                        total + random.between(0, 40)
                    };
                    one.samples.push((t, total as f64));
                }
                out.push(one);
            }
        }
    }
    for n in NUMBERS {
        let mut one = WriteSeries::new("jitter_total", &[("n", n)]);
        let (mut t, mut total) = (base_ms + random.between(0, 9_999), random.between(50_000, 90_000));
        while t < base_ms + LENGTH_MS {
            one.samples.push((t, total as f64));
            t += random.between(2_000, 21_000);
            total =
                if random.percent(3) { random.between(9_000, 19_000) } else { total + random.between(0, 9) };
        }
        out.push(one);
        let mut fresh = WriteSeries::new("fresh_total", &[("n", n)]);
        let begin = base_ms + random.between(10, 25) * 60_000;
        for (i, t) in every(base_ms, 20_000).filter(|t| *t >= begin).enumerate() {
            fresh.samples.push((t, (i * 4) as f64));
        }
        out.push(fresh);
    }
}

fn gauges(base_ms: i64, random: &mut Random, out: &mut Vec<WriteSeries>) {
    let mut id = 0;
    // The last ten bits say which series it is.
    let mut distinct = |name: &str, labels: &[(&str, &str)], random: &mut Random| {
        id += 1;
        let mut one = WriteSeries::new(name, labels);
        for t in every(base_ms, 10_000) {
            one.samples.push((t, random.between(-200, 4_000) as f64 + f64::from(id) / 1024.0));
        }
        one
    };
    for room in ROOMS {
        for floor in FLOORS {
            out.push(distinct("temp", &[("room", room), ("floor", floor)], random));
        }
    }
    for service in SERVICES {
        for instance in INSTANCES {
            let zone = if *instance == "a:80" { "east" } else { "west" };
            let labels = [("service", *service), ("instance", *instance), ("zone", zone)];
            out.push(distinct("capacity", &labels, random));
        }
        let version = if random.percent(50) { "1" } else { "2" };
        let team = if *service == "cart" { "red" } else { "blue" };
        let labels = [("service", *service), ("version", version), ("team", team)];
        let mut one = WriteSeries::new("build_info", &labels);
        one.samples.extend(every(base_ms, 30_000).map(|t| (t, 1.0)));
        out.push(one);
    }
    for (i, n) in NUMBERS.iter().enumerate() {
        for name in ["twin_a", "twin_b", "small"] {
            let mut one = WriteSeries::new(name, &[("n", n)]);
            let begin = if name == "twin_b" { base_ms + LENGTH_MS / 2 } else { base_ms };
            for t in every(base_ms, 15_000).filter(|t| *t >= begin) {
                one.samples.push((t, random.between(-2, 3 + i as i64) as f64));
            }
            out.push(one);
        }
    }
    for text in TEXTS {
        let mut one = WriteSeries::new("weird", &[("text", text)]);
        one.labels.retain(|(_, v)| !v.is_empty());
        one.samples.extend(every(base_ms, 15_000).map(|t| (t, random.between(1, 64) as f64 / 8.0)));
        out.push(one);
    }
}

fn special_values(base_ms: i64, random: &mut Random, out: &mut Vec<WriteSeries>) {
    const HUGE: [f64; 7] = [1e308, -1e308, f64::MAX, f64::MIN, 1e-300, -1e-300, 9_007_199_254_740_993.0];
    for n in NUMBERS {
        let mut one = WriteSeries::new("huge", &[("n", n)]);
        one.samples.extend(every(base_ms, 15_000).map(|t| (t, HUGE[random.below(HUGE.len())])));
        out.push(one);
    }
    for kind in KINDS {
        let mut one = WriteSeries::new("odd", &[("kind", kind)]);
        for t in every(base_ms, 15_000) {
            let plain = random.between(-8, 8) as f64;
            let value = match *kind {
                "inf" => f64::INFINITY,
                "neg_inf" => f64::NEG_INFINITY,
                "nan" => f64::NAN,
                "neg_zero" => -0.0,
                "sometimes_nan" if random.percent(30) => f64::NAN,
                "mixed" => {
                    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, plain, plain][random.below(7)]
                }
                _ => plain,
            };
            one.samples.push((t, value));
        }
        out.push(one);
    }
}

fn interrupted(base_ms: i64, random: &mut Random, out: &mut Vec<WriteSeries>) {
    for n in NUMBERS {
        let mut gappy = WriteSeries::new("gappy", &[("n", n)]);
        let phase = random.between(0, 9);
        for t in every(base_ms, 15_000).filter(|t| ((t - base_ms) / 60_000 + phase) % 12 > 6) {
            gappy.samples.push((t, random.between(-50, 50) as f64));
        }
        let mut stale = WriteSeries::new("stale", &[("n", n)]);
        let mut is_gone = false;
        for t in every(base_ms, 15_000) {
            match (is_gone, random.percent(if is_gone { 20 } else { 6 })) {
                (false, true) => stale.samples.push((t, f64::from_bits(STALE))),
                (false, false) | (true, true) => stale.samples.push((t, random.between(0, 99) as f64)),
                (true, false) => continue,
            }
            is_gone = stale.samples.last().is_some_and(|(_, v)| v.to_bits() == STALE);
        }
        let mut sparse = WriteSeries::new("sparse", &[("n", n)]);
        let mut t = base_ms + random.between(0, 120_000);
        while t < base_ms + LENGTH_MS {
            sparse.samples.push((t, random.between(0, 1000) as f64 / 4.0));
            t += random.between(100_000, 420_000);
        }
        out.extend([gappy, stale, sparse]);
    }
}

/// One histogram a service; that of `stock` has no last bucket, and a bucket of `payments` holds less than the one below.
fn histograms(base_ms: i64, random: &mut Random, out: &mut Vec<WriteSeries>) {
    for service in SERVICES {
        let mut buckets: Vec<WriteSeries> = BOUNDS
            .iter()
            .map(|le| WriteSeries::new("lat_bucket", &[("service", service), ("le", le)]))
            .collect();
        let mut count = WriteSeries::new("lat_count", &[("service", service)]);
        let mut sum = WriteSeries::new("lat_sum", &[("service", service)]);
        let mut totals: Vec<i64> = BOUNDS.iter().map(|_| random.between(10_000, 12_000)).collect();
        for t in every(base_ms, 15_000) {
            let mut below = 0;
            for (index, (bucket, total)) in buckets.iter_mut().zip(&mut totals).enumerate() {
                *total += random.between(0, 12);
                below += *total;
                let is_wrong = *service == "payments" && index == 2;
                bucket.samples.push((t, (below - i64::from(is_wrong) * 13_000) as f64));
            }
            count.samples.push((t, below as f64));
            sum.samples.push((t, below as f64 * 0.25));
        }
        if *service == "stock" {
            buckets.pop();
        }
        out.extend(buckets);
        out.extend([count, sum]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_series_in_time_order() {
        let series = series(1_000_000_000, &mut Random::new(1));
        for family in families() {
            let named =
                |s: &&WriteSeries| s.labels.contains(&("__name__".to_owned(), family.name.to_owned()));
            assert!(series.iter().filter(named).count() > 2, "{}", family.name);
        }
        for one in &series {
            assert!(one.samples.windows(2).all(|w| w[0].0 < w[1].0), "{:?}", one.labels);
            assert!(one.labels.windows(2).all(|w| w[0].0 < w[1].0), "{:?}", one.labels);
        }
    }
}
