//! One pod of a service: its label sets, and the values of its series from step to step.

use crate::{bench::noise::Noise, peer::remote_write::WriteSeries};

/// 30 request counters, 42 series of 3 histograms, 22 gauges and counters of the process, 6 constants.
pub const SERIES_PER_POD: usize = 100;

const JOBS: [&str; 10] = [
    "cart",
    "catalog",
    "checkout",
    "identity",
    "inventory",
    "orders",
    "payments",
    "search",
    "shipping",
    "storefront",
];
const ZONES: [&str; 3] = ["a", "b", "c"];
/// Of requests, each with the statuses below.
const ROUTES: [(&str, &str); 10] = [
    ("GET", "/"),
    ("GET", "/api/v1/items"),
    ("GET", "/api/v1/items/{id}"),
    ("POST", "/api/v1/items"),
    ("PUT", "/api/v1/items/{id}"),
    ("DELETE", "/api/v1/items/{id}"),
    ("GET", "/api/v1/search"),
    ("POST", "/api/v1/sessions"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
];
const STATUSES: [&str; 3] = ["200", "404", "500"];
/// The first routes have histograms.
const TIMED_ROUTES: usize = 3;
const BOUNDS: [&str; 12] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
/// Of a hundred requests, those in each bucket.
const SHARES: [u64; 12] = [8, 22, 31, 19, 10, 5, 2, 1, 1, 1, 0, 0];
const CONTAINERS: [&str; 4] = ["app", "proxy", "log-shipper", "init"];
const POOLS: [&str; 2] = ["primary", "replica"];
const POOL_STATES: [&str; 3] = ["idle", "used", "waiting"];
const QUEUES: [&str; 5] = ["outbox", "mail", "events", "webhooks", "retries"];
const CORES: [&str; 5] = ["0", "1", "2", "3", "4"];
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const PAGE_BYTES: i64 = 4096;

#[derive(Clone, Copy, Default)]
struct Timed {
    buckets: [u64; BOUNDS.len()],
    sum_seconds: f64,
}

/// Values of a pod's series; [`Self::step`] moves them on.
pub struct Pod {
    noise: Noise,
    number: usize,
    requests: [[u64; STATUSES.len()]; ROUTES.len()],
    timed: [Timed; TIMED_ROUTES],
    cpu_centiseconds: u64,
    memory_pages: [i64; CONTAINERS.len()],
    pools: [[i64; POOL_STATES.len()]; POOLS.len()],
    queues: [i64; QUEUES.len()],
    /// Thousandths.
    utilisation: [i64; CORES.len()],
}

impl Pod {
    pub fn new(number: usize) -> Self {
        let mut noise = Noise::new(0x5eed_0000 + number as u64);
        let mut pod = Self {
            number,
            requests: Default::default(),
            timed: Default::default(),
            cpu_centiseconds: noise.below(500_000),
            memory_pages: Default::default(),
            pools: [[10, 4, 0]; POOLS.len()],
            queues: Default::default(),
            utilisation: Default::default(),
            noise,
        };
        // As if it had run for a while.
        pod.requests.iter_mut().flatten().for_each(|n| *n = pod.noise.below(2_000_000));
        pod.memory_pages.iter_mut().for_each(|n| *n = 10_000 + pod.noise.below(50_000) as i64);
        pod.utilisation.iter_mut().for_each(|n| *n = 100 + pod.noise.below(700) as i64);
        for timed in &mut pod.timed {
            let many = 10_000 + pod.noise.below(100_000);
            timed.buckets.iter_mut().zip(SHARES).for_each(|(n, share)| *n = many * share / 100);
            timed.sum_seconds = many as f64 * 0.031_7 * (0.9 + 0.2 * pod.noise.share());
        }
        pod
    }

    /// Label sets in the order of [`Self::step`]'s values.
    pub fn series(&self) -> Vec<WriteSeries> {
        let n = self.number;
        let job = JOBS[n % JOBS.len()];
        let instance = format!("10.{}.{}.{}:9100", n >> 16, n >> 8 & 255, n & 255);
        let pod = format!("{job}-{:08x}-{n:05}", 0x7d9f_8b6c_u32.wrapping_mul(1 + (n % JOBS.len()) as u32));
        let common = [
            ("cluster", "eu-central-1"),
            ("instance", &instance),
            ("job", job),
            ("namespace", "shop-production"),
            ("pod", &pod),
            ("zone", ZONES[n % ZONES.len()]),
        ];
        let mut all = Vec::with_capacity(SERIES_PER_POD);
        let mut add = |name: &str, own: &[(&str, &str)]| {
            all.push(WriteSeries::new(name, &[&common[..], own].concat()));
        };
        for (method, route) in ROUTES {
            for status in STATUSES {
                add("http_requests_total", &[("method", method), ("route", route), ("status", status)]);
            }
        }
        for (method, route) in &ROUTES[..TIMED_ROUTES] {
            let own = [("method", *method), ("route", *route)];
            for le in BOUNDS {
                add("http_request_duration_seconds_bucket", &[own[0], own[1], ("le", le)]);
            }
            add("http_request_duration_seconds_sum", &own);
            add("http_request_duration_seconds_count", &own);
        }
        add("process_cpu_seconds_total", &[("runtime", "native")]);
        for container in CONTAINERS {
            add("container_memory_working_set_bytes", &[("container", container)]);
        }
        for pool in POOLS {
            for state in POOL_STATES {
                add("db_pool_connections", &[("pool", pool), ("state", state)]);
            }
        }
        for queue in QUEUES {
            add("queue_depth", &[("queue", queue)]);
        }
        for core in CORES {
            add("cpu_utilisation_ratio", &[("core", core), ("mode", "busy")]);
        }
        add("process_memory_limit_ratio", &[("runtime", "native")]);
        add("up", &[]);
        add("kube_pod_info", &[("node", &format!("node-{}", n % 50)), ("created_by", "ReplicaSet")]);
        for resource in RESOURCES {
            add("kube_pod_container_resource_limits", &[("container", "app"), ("resource", resource)]);
        }
        add("build_info", &[("version", "1.14.2"), ("revision", "3f9c1d2")]);
        all
    }

    /// Appends the values of the next step.
    pub fn step(&mut self, out: &mut Vec<f64>) {
        let noise = &mut self.noise;
        for (at, [ok, missing, failed]) in self.requests.iter_mut().enumerate() {
            *ok += noise.below(120 / (at as u64 + 1) + 2);
            *missing += u64::from(noise.once_in(6));
            *failed += u64::from(noise.once_in(25));
            out.extend([*ok as f64, *missing as f64, *failed as f64]);
        }
        for timed in &mut self.timed {
            timed.step(noise, out);
        }
        self.cpu_centiseconds += noise.below(400);
        out.push(self.cpu_centiseconds as f64 / 100.0);
        for pages in &mut self.memory_pages {
            *pages = (*pages + noise.around(200)).clamp(2_000, 200_000);
            out.push((*pages * PAGE_BYTES) as f64);
        }
        for count in self.pools.iter_mut().flatten() {
            if noise.once_in(3) {
                *count = (*count + noise.around(2)).clamp(0, 20);
            }
            out.push(*count as f64);
        }
        for depth in &mut self.queues {
            *depth = (*depth + noise.around(5)).max(0);
            out.push(*depth as f64);
        }
        for thousandths in &mut self.utilisation {
            *thousandths = (*thousandths + noise.around(40)).clamp(0, 1000);
            out.push(*thousandths as f64 / 1000.0);
        }
        out.extend([0.75, 1.0, 1.0, 2.0, 2_147_483_648.0, 10_737_418_240.0, 1.0]);
    }
}

impl Timed {
    fn step(&mut self, noise: &mut Noise, out: &mut Vec<f64>) {
        let many = noise.below(80);
        let mut count = 0;
        for (n, share) in self.buckets.iter_mut().zip(SHARES) {
            *n += (many * share + noise.below(100)) / 100 * u64::from(share > 0);
            count += *n;
            out.push(count as f64);
        }
        self.sum_seconds += many as f64 * 0.031_7 * (0.5 + noise.share());
        out.extend([self.sum_seconds, count as f64]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_step_has_a_value_for_each_series() {
        let mut pod = Pod::new(3);
        let series = pod.series();
        let distinct: BTreeSet<_> = series.iter().map(|s| s.labels.clone()).collect();
        let mut values = Vec::new();
        pod.step(&mut values);
        assert_eq!(
            (series.len(), distinct.len(), values.len()),
            (SERIES_PER_POD, SERIES_PER_POD, SERIES_PER_POD)
        );
    }

    #[test]
    fn counters_never_fall_and_buckets_are_cumulative() {
        let mut pod = Pod::new(4);
        let names: Vec<String> = pod.series().iter().map(|s| s.labels[0].1.clone()).collect();
        let (mut before, mut now) = (Vec::new(), Vec::new());
        pod.step(&mut before);
        for _ in 0..200 {
            now.clear();
            pod.step(&mut now);
            for (at, name) in names.iter().enumerate() {
                let is_counter =
                    ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end));
                assert!(!is_counter || now[at] >= before[at], "{name}");
            }
            let buckets = &now[30..30 + BOUNDS.len()];
            assert!(buckets.is_sorted() && buckets[BOUNDS.len() - 1] == now[30 + BOUNDS.len() + 1]);
            before.clone_from(&now);
        }
    }

    #[test]
    fn pods_have_different_labels_and_the_same_pod_the_same_values() {
        assert_ne!(Pod::new(1).series()[0].labels, Pod::new(11).series()[0].labels);
        let run = |n| {
            let (mut pod, mut values) = (Pod::new(n), Vec::new());
            (0..5).for_each(|_| pod.step(&mut values));
            values
        };
        assert_eq!(run(9), run(9));
        assert_ne!(run(9), run(19));
    }
}
