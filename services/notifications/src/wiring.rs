//! The one place that knows every part of notifications.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use lettre::message::Mailbox;
use shop_instrumentation::config::{Env, Secret};
use shop_instrumentation::faults::Faults;
use shop_instrumentation::health::Need;
use shop_instrumentation::kv_memory::{RedisMemory, Store};
use shop_instrumentation::{App, Boot, StartError, clock, db, kv};

use crate::compose::Composer;
use crate::deliver::Notifications;
use crate::event::Topic;
use crate::event_stream::EventStream;
use crate::lease::Lease;
use crate::mailers::Mailer;
use crate::mailers::files::FileMailer;
use crate::mailers::smtp::SmtpMailer;
use crate::quota::Quota;
use crate::storage::postgres::{MIGRATOR, PgDeliveries};
use crate::telemetry::{FAULTS, NotificationMetrics};
use crate::workers;

const FROM: &str = "Quarterdeck <orders@quarterdeck.example>";
/// Mails kept in `MAIL_DIR`.
const KEEP_MAILS: usize = 2000;
/// How long one read waits for something to come.
const READ_WAIT: Duration = Duration::from_secs(2);

/// Where mails go.
enum Outlet {
    Files(PathBuf, usize),
    Smtp(Secret),
}

/// Connects, migrates, and hands back the workers. There is nothing to ask this service but its health.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let redis_url: String = boot.env.required("REDIS_URL");
    let public_url: Option<String> = boot.env.maybe("PUBLIC_URL");
    let from = from(&mut boot.env);
    let outlet = outlet(&mut boot.env);
    boot.env.finish()?;
    let mailer = mailer(outlet, &boot.faults)?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    let redis = kv::connect(&redis_url)?;
    boot.health.watch_postgres(pool.clone());
    // Without the stream there is nothing that this service could do.
    boot.health.watch_redis(redis.clone(), Need::Required);
    let redis_memory = RedisMemory::new(&boot.metrics, Store::Durable, redis.clone())?;
    boot.faults.declare(FAULTS);
    boot.faults.lock_table("deliveries");
    let stream =
        |topic| EventStream::connect(topic, &redis_url, redis.clone(), &boot.info.instance, READ_WAIT);
    let orders = Notifications {
        events: stream(Topic::Orders)?,
        deliveries: PgDeliveries::new(pool),
        lease: Lease::default(),
        composer: Composer::new(from, public_url),
        mailer,
        metrics: NotificationMetrics::new(&boot.metrics)?,
        faults: boot.faults.clone(),
        clock: clock::system(),
        quota: Quota::new(redis.clone()),
    };
    let identity = Notifications { events: stream(Topic::Identity)?, ..orders.clone() };
    let stop = &boot.shutdown;
    let consume = |of: &Notifications| tokio::spawn(workers::consume(of.clone(), stop.clone()));
    let reclaim = |of: &Notifications| tokio::spawn(workers::reclaim(of.clone(), stop.clone()));
    Ok(App::new(Router::new())
        .openapi(crate::openapi::document)
        .worker("consume orders", consume(&orders))
        .worker("consume identity", consume(&identity))
        .worker("reclaim orders", reclaim(&orders))
        .worker("reclaim identity", reclaim(&identity))
        .worker("redis memory", tokio::spawn(redis_memory.run(stop.clone())))
        .worker("upkeep", tokio::spawn(workers::upkeep(vec![orders, identity], stop.clone()))))
}

fn from(env: &mut Env) -> Mailbox {
    let own = FROM.parse().expect("a unit test parses it");
    env.optional("MAIL_FROM", own)
}

/// A mail server if there is one, else a folder.
fn outlet(env: &mut Env) -> Outlet {
    let keep = env.optional("MAIL_KEEP", KEEP_MAILS);
    match env.secret("SMTP_URL") {
        Some(url) => Outlet::Smtp(url),
        None => match env.maybe("MAIL_DIR") {
            Some(directory) => Outlet::Files(directory, keep),
            None => {
                env.require("SMTP_URL or MAIL_DIR", "a mail server, or a folder for mails");
                Outlet::Files(PathBuf::new(), keep)
            }
        },
    }
}

fn mailer(outlet: Outlet, faults: &Faults) -> Result<Arc<dyn Mailer>, StartError> {
    match outlet {
        Outlet::Files(directory, keep) => {
            let opened = FileMailer::open(&directory, keep).map_err(|error| {
                StartError::Io(format!("MAIL_DIR {} cannot be used", directory.display()), error)
            })?;
            Ok(Arc::new(opened.with_faults(faults.clone())))
        }
        Outlet::Smtp(url) => {
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
        outlet(&mut env);
        assert!(env.finish().unwrap_err().to_string().contains("MAIL_DIR"));
    }
}
