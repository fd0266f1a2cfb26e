//! The one place that knows every part of notifications.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use lettre::message::Mailbox;
use shop_instrumentation::config::{Env, Secret};
use shop_instrumentation::health::Need;
use shop_instrumentation::{App, Boot, StartError, clock, db, kv};

use crate::compose::Composer;
use crate::deliver::Notifications;
use crate::event_stream::EventStream;
use crate::mailers::Mailer;
use crate::mailers::files::FileMailer;
use crate::mailers::smtp::SmtpMailer;
use crate::storage::postgres::{MIGRATOR, PgDeliveries};
use crate::telemetry::{FAULTS, NotificationMetrics};
use crate::workers;

const FROM: &str = "Quarterdeck <orders@quarterdeck.example>";
/// Mails kept in `MAIL_DIR`.
const KEEP_MAILS: usize = 2000;
/// How long one read waits for something to come.
const READ_WAIT: Duration = Duration::from_secs(2);

/// Where mails go.
enum Way {
    Files(PathBuf, usize),
    Smtp(Secret),
}

/// Connects, migrates, and hands back the workers. There is nothing to ask this service but its health.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let redis_url: String = boot.env.required("REDIS_URL");
    let public_url: Option<String> = boot.env.maybe("PUBLIC_URL");
    let from = from(&mut boot.env);
    let way = way(&mut boot.env);
    boot.env.finish()?;
    let mailer = mailer(way)?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    let redis = kv::connect(&redis_url)?;
    boot.health.watch_postgres(pool.clone());
    // Without the stream there is nothing that this service could do.
    boot.health.watch_redis(redis.clone(), Need::Required);
    boot.faults.declare(FAULTS);
    let notifications = Notifications {
        events: EventStream::connect(&redis_url, redis, &boot.info.instance, READ_WAIT)?,
        deliveries: PgDeliveries::new(pool),
        composer: Composer::new(from, public_url),
        mailer,
        metrics: NotificationMetrics::new(&boot.metrics)?,
        faults: boot.faults.clone(),
        clock: clock::system(),
    };
    let stop = &boot.shutdown;
    Ok(App::new(Router::new())
        .worker("consume", tokio::spawn(workers::consume(notifications.clone(), stop.clone())))
        .worker("reclaim", tokio::spawn(workers::reclaim(notifications.clone(), stop.clone())))
        .worker("upkeep", tokio::spawn(workers::upkeep(notifications, stop.clone()))))
}

fn from(env: &mut Env) -> Mailbox {
    let own = FROM.parse().expect("a unit test parses it");
    env.optional("MAIL_FROM", own)
}

/// A mail server if there is one, else a folder.
fn way(env: &mut Env) -> Way {
    let keep = env.optional("MAIL_KEEP", KEEP_MAILS);
    match env.secret("SMTP_URL") {
        Some(url) => Way::Smtp(url),
        None => match env.maybe("MAIL_DIR") {
            Some(directory) => Way::Files(directory, keep),
            None => {
                env.note("SMTP_URL or MAIL_DIR is required: a mail server, or a folder for mails");
                Way::Files(PathBuf::new(), keep)
            }
        },
    }
}

fn mailer(way: Way) -> Result<Arc<dyn Mailer>, StartError> {
    match way {
        Way::Files(directory, keep) => {
            let opened = FileMailer::open(&directory, keep).map_err(|error| {
                StartError::Io(format!("MAIL_DIR {} cannot be used", directory.display()), error)
            })?;
            Ok(Arc::new(opened))
        }
        Way::Smtp(url) => {
            let server = SmtpMailer::new(&url);
            Ok(Arc::new(server.map_err(|error| StartError::Other(format!("SMTP_URL: {error}")))?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_sender_is_an_address() {
        assert_eq!(from(&mut Env::from_pairs::<String, String>([])).email.domain(), "quarterdeck.example");
    }

    #[test]
    fn somewhere_mails_must_go() {
        let mut env = Env::from_pairs::<String, String>([]);
        way(&mut env);
        assert!(env.finish().unwrap_err().to_string().contains("MAIL_DIR"));
    }
}
