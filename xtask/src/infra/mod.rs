//! `make infra`: what the cloud form of the platform is made of, checked as far as a machine without a cloud can.
//!
//! A check is a name and a function over a [`Tree`], so that planted mistakes run the same check on a changed copy
//! (`planted`). A program that is missing fails by name; only what lies beside the checkout (`../shared`) may be absent,
//! and is then told as left out.

mod container;
pub mod folder;
mod jenkinsfile;
mod manifests;
mod observability;
mod planted;
mod program;
mod terraform;

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;

use crate::platform::layout::repository_root;

#[derive(Args)]
pub struct Order {
    /// Only checks (or planted mistakes) whose name contains one of these.
    only: Vec<String>,
    /// Plant each known mistake into a copy of the tree and see that its check catches it.
    #[arg(long)]
    planted: bool,
    /// Write anew what is generated (READMEs of Terraform's modules, rules of the cluster), instead of checking it.
    #[arg(long)]
    docs: bool,
}

/// What is looked at: the checkout, or a copy with a mistake.
pub struct Tree {
    pub root: PathBuf,
    /// What lies beside the checkout, and may be absent.
    pub shared: PathBuf,
}

pub enum Outcome {
    /// What was looked at, in a few words: `42 objects`.
    Passed(String),
    /// What is absent beside the checkout.
    LeftOut(String),
}

type Run = dyn Fn(&Tree) -> Result<Outcome, String> + Send + Sync;

pub struct Check {
    /// `terraform fmt`: the kind first, so that a word selects a kind.
    pub name: String,
    run: Box<Run>,
}

impl Check {
    pub fn new(
        name: impl Into<String>,
        run: impl Fn(&Tree) -> Result<Outcome, String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// Every check of this tree. The names do not depend on what is in `../shared`.
fn checks(tree: &Tree) -> Result<Vec<Check>, String> {
    let mut all = terraform::checks(tree)?;
    all.extend(manifests::checks());
    all.extend(observability::checks());
    all.extend(container::checks());
    all.extend(jenkinsfile::checks());
    Ok(all)
}

pub fn run(order: &Order) -> Result<(), String> {
    let root = repository_root()?;
    let tree = Tree { shared: root.join("../shared"), root };
    if order.docs {
        observability::write(&tree)?;
        manifests::write_policies(&tree)?;
        return terraform::write_docs(&tree);
    }
    if order.planted {
        return planted::run(&tree, &order.only);
    }
    let mut checks = checks(&tree)?;
    checks.retain(|check| chosen(&order.only, &check.name));
    if checks.is_empty() {
        return Err(format!("no check is called like {:?}", order.only));
    }
    let begun = Instant::now();
    let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    let failed = in_parallel(&names, |number| (checks[number].run)(&tree));
    println!("{} checks in {:.0} s, {failed} failed", checks.len(), begun.elapsed().as_secs_f64());
    if failed == 0 { Ok(()) } else { Err(format!("{failed} checks of the infrastructure failed")) }
}

fn chosen(only: &[String], name: &str) -> bool {
    only.is_empty() || only.iter().any(|word| name.contains(word.as_str()))
}

/// Runs each of the named things on as many threads as there are cores, prints a line for each as it ends, what failed
/// with its reason, and returns how many failed.
fn in_parallel(names: &[&str], run: impl Fn(usize) -> Result<Outcome, String> + Sync) -> usize {
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let printer = Mutex::new(());
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(names.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(name) = names.get(number) else { break };
                    let begun = Instant::now();
                    let result = run(number);
                    let row = row(name, width, &result, begun.elapsed());
                    let _one_at_a_time = printer.lock();
                    println!("{row}");
                    if result.is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    failed.into_inner()
}

fn row(name: &str, width: usize, result: &Result<Outcome, String>, took: Duration) -> String {
    let (word, detail) = match result {
        Ok(Outcome::Passed(detail)) => ("passed", detail.as_str()),
        Ok(Outcome::LeftOut(absent)) => ("skipped:", absent.as_str()),
        Err(message) => ("FAILED", message.as_str()),
    };
    let detail = detail.trim_end().replace('\n', "\n    ");
    format!("{name:width$}  {:6.1} s  {word} {detail}", took.as_secs_f64()).trim_end().to_owned()
}
