//! The targets as the console's APIs read them.

use async_trait::async_trait;
use console_model::target::{ActiveTarget, DroppedTarget, TargetHealth as Health, TargetList};
use console_storage::{SourceError, source::TargetsSource};

use super::{TargetHealth, TargetStatus, Targets};

#[async_trait]
impl TargetsSource for Targets {
    async fn targets(&self) -> Result<TargetList, SourceError> {
        let dropped = self.dropped();
        let active: Vec<ActiveTarget> = self.list().into_iter().map(active).collect();
        let label_sets = |(pool, d): (&String, &super::Dropped)| {
            let one = |l: &console_model::Labels| DroppedTarget {
                scrape_pool: pool.clone(),
                discovered: l.clone(),
            };
            d.discovered.iter().map(one).collect::<Vec<_>>()
        };
        Ok(TargetList {
            pools: dropped.keys().cloned().collect(),
            active,
            dropped: dropped.iter().flat_map(label_sets).collect(),
            dropped_counts: dropped.iter().map(|(pool, d)| (pool.clone(), d.count as u64)).collect(),
        })
    }
}

fn active(t: TargetStatus) -> ActiveTarget {
    ActiveTarget {
        scrape_pool: t.scrape_pool,
        url: t.url,
        labels: t.labels,
        discovered: t.discovered_labels,
        health: match t.health {
            TargetHealth::Unknown => Health::Unknown,
            TargetHealth::Up => Health::Up,
            TargetHealth::Down => Health::Down,
        },
        last_error: t.last_error,
        last_scrape_ms: t.last_scrape_ms,
        last_duration_us: t.last_duration.map(|d| d.as_micros() as u64),
        interval_ms: t.interval.as_millis() as i64,
        timeout_ms: t.timeout.as_millis() as i64,
    }
}
