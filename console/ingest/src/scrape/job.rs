//! The targets of one job: found, started, and ended when they are gone.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use console_model::Labels;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    config::JobConfig,
    discovery::{ClusterGroup, ClusterTargets, Clusters, FileTargets, Found, HttpTargets},
    http::Connector,
    target::{Discovered, Target, TargetKey},
    worker::{Shared, Worker},
};

/// Files are looked at this often, or at their own refresh interval where that is shorter: there is no notice of a
/// changed file.
const LONGEST_REFRESH: Duration = Duration::from_secs(5);
/// Least time between two looks at what was found: a cluster in a hurry changes many objects at once.
const MIN_UPDATE_INTERVAL: Duration = Duration::from_millis(200);
/// Most targets of a job that are scraped.
const MAX_TARGETS: usize = 20_000;

struct Job {
    config: Arc<JobConfig>,
    shared: Shared,
    /// Shared by targets, but where each needs its own.
    connector: Option<Arc<Connector>>,
    running: HashMap<TargetKey, Running>,
    /// By the address of the group.
    known: HashMap<usize, Known>,
}

struct Running {
    removed: CancellationToken,
    task: JoinHandle<()>,
}

/// What became of a group of a cluster, which is held so that its address stays its own.
struct Known {
    _group: Arc<ClusterGroup>,
    outcome: Arc<Vec<Result<Discovered, String>>>,
}

/// What is to be scraped now, and what is not.
#[derive(Default)]
struct Wanted {
    targets: HashMap<TargetKey, Target>,
    dropped: Vec<Labels>,
    problems: Vec<String>,
    /// Targets beyond the limit.
    over: usize,
}

/// Runs until shutdown, or until the job is `removed`, which ends its series.
pub async fn run(config: Arc<JobConfig>, shared: Shared, removed: CancellationToken) {
    let shutdown = shared.shutdown.clone();
    let clusters = Clusters::start(&config.kubernetes_discovery, shared.cluster.as_deref());
    let mut job = Job {
        config: config.clone(),
        shared,
        connector: None,
        running: HashMap::new(),
        known: HashMap::new(),
    };
    let mut files = FileTargets::default();
    let servers = HttpTargets::start(&config.http_discovery);
    let refresh = config.file_discovery.iter().map(|d| d.refresh).min().map(|r| r.min(LONGEST_REFRESH));
    loop {
        let next = Instant::now() + MIN_UPDATE_INTERVAL;
        let mut problems = Vec::new();
        (files, problems) = read_files(&config, files, problems).await;
        let wanted = job.wanted(&files, &servers.found(), &clusters.found(), problems);
        job.reconcile(wanted).await;
        let wait = async {
            match refresh {
                Some(refresh) => tokio::time::sleep(refresh).await,
                None => std::future::pending().await,
            }
        };
        let end = async {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = removed.cancelled() => {}
            }
        };
        tokio::pin!(end);
        tokio::select! {
            () = &mut end => break,
            () = servers.changed() => {}
            () = clusters.changed() => {}
            () = wait => {}
        }
        tokio::select! {
            () = &mut end => break,
            () = tokio::time::sleep_until(next) => {}
        }
    }
    if removed.is_cancelled() && !shutdown.is_cancelled() {
        job.reconcile(Wanted::default()).await;
    }
    for (_, running) in job.running {
        let _ = running.task.await;
    }
}

async fn read_files(
    config: &Arc<JobConfig>,
    mut files: FileTargets,
    problems: Vec<String>,
) -> (FileTargets, Vec<String>) {
    if config.file_discovery.is_empty() {
        return (files, problems);
    }
    let config = config.clone();
    let read = tokio::task::spawn_blocking(move || {
        let problems = files.refresh(&config.file_discovery);
        (files, problems)
    });
    read.await.unwrap_or_else(|e| (FileTargets::default(), vec![e.to_string()]))
}

impl Wanted {
    fn add(&mut self, outcome: Result<Discovered, String>) {
        match outcome {
            Ok(Discovered::Target(target)) => {
                let key = target.key();
                if self.targets.len() >= MAX_TARGETS && !self.targets.contains_key(&key) {
                    self.over += 1;
                } else {
                    self.targets.insert(key, target);
                }
            }
            Ok(Discovered::Dropped(labels)) => self.dropped.push(labels),
            Err(e) => self.problems.push(e),
        }
    }
}

impl Job {
    fn wanted(
        &mut self,
        files: &FileTargets,
        servers: &[Found],
        clusters: &[ClusterTargets],
        problems: Vec<String>,
    ) -> Wanted {
        let mut wanted = Wanted { problems, ..Wanted::default() };
        wanted.problems.extend(servers.iter().filter_map(|f| f.problem.clone()));
        let listed = servers.iter().flat_map(|f| &f.groups);
        for group in self.config.groups.iter().chain(files.groups()).chain(listed) {
            for address in &group.targets {
                let outcome = Target::discover(&self.config, group, address);
                wanted.add(outcome.map_err(|e| format!("{address}: {e}")));
            }
        }
        let mut known = HashMap::new();
        for cluster in clusters {
            wanted.problems.extend(cluster.problems.iter().cloned());
            for group in cluster.groups.iter() {
                let outcome = self.outcome(group);
                for outcome in outcome.iter() {
                    wanted.add(outcome.clone());
                }
                known.insert(Arc::as_ptr(group).addr(), Known { _group: group.clone(), outcome });
            }
        }
        self.known = known;
        if wanted.over > 0 {
            let over = wanted.over;
            let message = format!("{over} targets beyond the limit of {MAX_TARGETS} a job are not scraped");
            wanted.problems.push(message);
        }
        wanted
    }

    /// What rules make of a group; what they made of it before, where it is the same one.
    fn outcome(&self, group: &Arc<ClusterGroup>) -> Arc<Vec<Result<Discovered, String>>> {
        if let Some(known) = self.known.get(&Arc::as_ptr(group).addr()) {
            return known.outcome.clone();
        }
        let one = |labels| Target::of(&self.config, labels).map_err(|e| format!("{}: {e}", group.source));
        Arc::new(group.label_sets().map(one).collect())
    }

    async fn reconcile(&mut self, wanted: Wanted) {
        let Wanted { targets: wanted, dropped, problems, .. } = wanted;
        self.shared.targets.set_problems(&self.config, problems);
        self.shared.targets.set_dropped(&self.config, dropped);
        // The old ones end before the new ones begin: a marker must not stand behind a sample of a successor.
        let gone: HashSet<TargetKey> =
            self.running.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        for key in &gone {
            self.running[key].removed.cancel();
        }
        for key in &gone {
            if let Some(running) = self.running.remove(key) {
                let _ = running.task.await;
            }
            self.shared.targets.remove(&self.config, key);
        }
        for (key, target) in wanted {
            if self.running.contains_key(&key) {
                self.shared.targets.rediscover(&self.config, key, &target);
            } else {
                let running = self.start(target);
                self.running.insert(key, running);
            }
        }
    }

    fn start(&mut self, target: Target) -> Running {
        let http = &self.config.http;
        let connect = || Arc::new(Connector::new(http.clone(), &target.url));
        // A server's name stands for one host.
        let connector = if http.tls.server_name.is_some() {
            connect()
        } else {
            self.connector.get_or_insert_with(connect).clone()
        };
        let removed = CancellationToken::new();
        let worker = Worker {
            shared: self.shared.clone(),
            job: self.config.clone(),
            status: self.shared.targets.add(&self.config, &target),
            target: Arc::new(target),
            connector,
            removed: removed.clone(),
        };
        Running { removed, task: tokio::spawn(worker.run()) }
    }
}
