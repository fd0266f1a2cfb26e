//! The targets of one job: found, started, and ended when they are gone.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    config::JobConfig,
    discovery::{FileTargets, Found, HttpTargets},
    http::Connector,
    target::{Discovered, Target, TargetKey},
    worker::{Shared, Worker},
};

/// Files are looked at this often, or at their own refresh interval where that is shorter: there is no notice of a
/// changed file.
const LONGEST_REFRESH: Duration = Duration::from_secs(5);

struct Job {
    config: Arc<JobConfig>,
    shared: Shared,
    /// Shared by targets, but where each needs its own.
    connector: Option<Arc<Connector>>,
    running: HashMap<TargetKey, Running>,
}

struct Running {
    removed: CancellationToken,
    task: JoinHandle<()>,
}

/// Runs until shutdown.
pub async fn run(config: Arc<JobConfig>, shared: Shared) {
    let shutdown = shared.shutdown.clone();
    let mut job = Job { config: config.clone(), shared, connector: None, running: HashMap::new() };
    let mut files = FileTargets::default();
    let servers = HttpTargets::start(&config.http_discovery);
    let refresh = config.file_discovery.iter().map(|d| d.refresh).min().map(|r| r.min(LONGEST_REFRESH));
    loop {
        let mut problems = Vec::new();
        (files, problems) = read_files(&config, files, problems).await;
        job.reconcile(&files, &servers.found(), problems).await;
        let wait = async {
            match refresh {
                Some(refresh) => tokio::time::sleep(refresh).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = servers.changed() => {}
            () = wait => {}
        }
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

impl Job {
    async fn reconcile(&mut self, files: &FileTargets, servers: &[Found], mut problems: Vec<String>) {
        let (mut wanted, mut dropped) = (HashMap::new(), Vec::new());
        problems.extend(servers.iter().filter_map(|f| f.problem.clone()));
        let listed = servers.iter().flat_map(|f| &f.groups);
        for group in self.config.groups.iter().chain(files.groups()).chain(listed) {
            for address in &group.targets {
                match Target::discover(&self.config, group, address) {
                    Ok(Discovered::Target(target)) => drop(wanted.insert(target.key(), target)),
                    Ok(Discovered::Dropped(labels)) => dropped.push(labels),
                    Err(e) => problems.push(format!("{address}: {e}")),
                }
            }
        }
        self.shared.targets.set_problems(&self.config, problems);
        self.shared.targets.set_dropped(&self.config, dropped);
        // The old ones end before the new ones begin: a marker must not stand behind a sample of a successor.
        let gone: HashSet<TargetKey> =
            self.running.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        for key in &gone {
            if let Some(running) = self.running.remove(key) {
                running.removed.cancel();
                let _ = running.task.await;
            }
            self.shared.targets.remove(&self.config, key);
        }
        for (key, target) in wanted {
            if !self.running.contains_key(&key) {
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
