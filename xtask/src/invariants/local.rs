//! The books of the local platform.

use std::time::Duration;

use super::{AgeLimits, Books, MailFolder, Report, check};
use crate::platform::{control, layout::Layout, postgres::node::SUPERUSER, secrets};

/// What notifications keep unless `MAIL_KEEP` says something else.
const MAIL_KEEP: usize = 2000;

/// Checks the books of the running platform and prints what was found. An error when they do not agree.
pub async fn check_local(settle_within: Duration) -> Result<(), String> {
    let layout = Layout::from_environment()?;
    if !control::is_running(&layout).await {
        return Err("the books of a running platform are checked, and none is running: `make up`".to_owned());
    }
    let report: Report = check(&Books { settle_within, ..books(&layout)? }).await?;
    if !report.agrees() {
        return Err(format!("the books do not agree\n{report}"));
    }
    println!("{report}");
    println!("the books agree");
    Ok(())
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
        mails: Some(MailFolder { path: layout.data.join("mail"), keep: number("MAIL_KEEP", MAIL_KEEP)? }),
        ages: ages()?,
        settle_within: Duration::ZERO,
    })
}

/// Services inherit the environment of `make up`; so the same variables mean the same here.
fn ages() -> Result<AgeLimits, String> {
    let default = AgeLimits::default();
    let seconds = |name: &str, default: Duration| {
        let seconds = number(&format!("ORDERS_{name}_MAX_SECONDS"), default.as_secs());
        seconds.map(Duration::from_secs)
    };
    Ok(AgeLimits {
        reserve: seconds("RESERVE", default.reserve)?,
        authorise: seconds("AUTHORISE", default.authorise)?,
        confirm: seconds("CONFIRM", default.confirm)?,
        capture: seconds("CAPTURE", default.capture)?,
        undo: seconds("UNDO", default.undo)?,
        give_back: seconds("GIVE_BACK", default.give_back)?,
    })
}

fn number<T: std::str::FromStr>(name: &str, default: T) -> Result<T, String> {
    match std::env::var(name) {
        Err(_) => Ok(default),
        Ok(text) => text.parse().map_err(|_| format!("{name} must be a number, got {text:?}")),
    }
}
