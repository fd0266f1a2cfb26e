//! The books of the local platform.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{AgeLimits, Books, Expected, MailFolder, Report, Told, check};
use crate::platform::{control, layout::Layout, postgres::node::SUPERUSER, secrets};

/// What notifications keep unless `MAIL_KEEP` says something else.
const MAIL_KEEP: usize = 2000;

/// What is asked of the check.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckOrder {
    /// Seconds that work in hand is given to end.
    #[arg(long = "within", default_value_t = 60)]
    seconds: u64,
    /// Orders that must be in the books.
    #[arg(long, default_value_t = 0)]
    orders: usize,
    /// Most orders and refunds that may wait for a person; any number when absent.
    #[arg(long)]
    need_a_person: Option<usize>,
    /// A file with the numbers of orders that shoppers were told of, one a line.
    #[arg(long)]
    acknowledged: Option<PathBuf>,
}

impl CheckOrder {
    /// Orders must be there, and no more wait for a person than `before`.
    pub const fn after_sales(within: Duration, before: usize) -> Self {
        Self { seconds: within.as_secs(), orders: 1, need_a_person: Some(before), acknowledged: None }
    }
}

/// Checks the books of the running platform and prints what was found. An error when they are not as they must be.
pub async fn check_local(order: CheckOrder) -> Result<(), String> {
    let layout = Layout::from_environment()?;
    if !control::is_running(&layout).await {
        return Err("the books of a running platform are checked, and none is running: `make up`".to_owned());
    }
    let acknowledged = order.acknowledged.as_deref().map(numbers).transpose()?;
    let settle_within = Duration::from_secs(order.seconds);
    let report: Report = check(&Books { settle_within, acknowledged, ..books(&layout)? }).await?;
    Expected { orders: order.orders, need_a_person: order.need_a_person }.judge(&report)?;
    println!("{report}");
    println!("the books agree");
    Ok(())
}

fn numbers(path: &Path) -> Result<BTreeMap<String, Told>, String> {
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    let numbers = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(numbers.map(|number| (number.to_owned(), Told::Bought)).collect())
}

/// Where a local platform has its books. The superuser reads them, on the node that takes writes.
pub fn books(layout: &Layout) -> Result<Books, String> {
    let password = secrets::read(layout, secrets::POSTGRES_SUPERUSER)?;
    let url = |database: &str| vec![layout.database_url_as(SUPERUSER, &password, database)];
    Ok(Books {
        orders: url("orders"),
        payments: url("payments"),
        inventory: url("inventory"),
        notifications: url("notifications"),
        identity: url("identity"),
        mails: Some(MailFolder { path: layout.data.join("mail"), keep: number("MAIL_KEEP", MAIL_KEEP)? }),
        ages: AgeLimits::from_environment()?,
        settle_within: Duration::ZERO,
        acknowledged: None,
    })
}

fn number<T: std::str::FromStr>(name: &str, default: T) -> Result<T, String> {
    match std::env::var(name) {
        Err(_) => Ok(default),
        Ok(text) => text.parse().map_err(|_| format!("{name} must be a number, got {text:?}")),
    }
}
