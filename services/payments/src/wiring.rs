//! The one place that knows every part of payments.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use shop_instrumentation::config::{Env, Secret};
use shop_instrumentation::{App, Boot, StartError, clock, db};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::http::{self, WebhookKey};
use crate::payments::Payments;
use crate::provider::PaymentProvider;
use crate::provider::faulty::{FAULTS, FaultyProvider};
use crate::provider::sandbox::SandboxProvider;
use crate::provider::stripe::{self, StripeProvider};
use crate::storage::sandbox::PgSandbox;
use crate::storage::{MIGRATOR, PgPayments};
use crate::telemetry::PaymentMetrics;
use crate::webhook::sender::{self, WebhookSender};

/// Which provider holds the money.
struct ProviderConfig {
    kind: String,
    stripe_url: String,
    stripe_key_file: Option<String>,
    webhook_secret_file: Option<String>,
    /// Where the sandbox sends its webhooks.
    sandbox_webhook_url: Option<String>,
    /// How long one call may take, milliseconds.
    timeout_ms: u64,
}

/// Shorter, and no real provider answers; longer, and no shopper waits.
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=30_000;

impl ProviderConfig {
    fn read(env: &mut Env) -> Self {
        let own =
            env.maybe::<String>("HTTP_ADDR").map(|address| format!("http://{address}/webhooks/sandbox"));
        let config = Self {
            kind: env.optional("PAYMENT_PROVIDER", "sandbox".to_owned()),
            stripe_url: env.optional("STRIPE_URL", "https://api.stripe.com".to_owned()),
            stripe_key_file: env.maybe("STRIPE_KEY_FILE"),
            webhook_secret_file: env.maybe("PAYMENTS_WEBHOOK_SECRET_FILE"),
            sandbox_webhook_url: env.maybe("SANDBOX_WEBHOOK_URL").or(own),
            timeout_ms: env.optional("PAYMENT_PROVIDER_TIMEOUT_MS", 2500),
        };
        if !TIMEOUT_MS.contains(&config.timeout_ms) {
            env.note("PAYMENT_PROVIDER_TIMEOUT_MS must be 100 to 30000");
        }
        match config.kind.as_str() {
            "sandbox" => {}
            "stripe" if config.stripe_key_file.is_none() || config.webhook_secret_file.is_none() => {
                env.note("PAYMENT_PROVIDER=stripe needs STRIPE_KEY_FILE and PAYMENTS_WEBHOOK_SECRET_FILE");
            }
            "stripe" => {}
            _ => env.note("PAYMENT_PROVIDER must be sandbox or stripe"),
        }
        config
    }
}

/// Connects, migrates, and hands back routes and workers.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let config = ProviderConfig::read(&mut boot.env);
    boot.env.finish()?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    boot.health.watch_postgres(pool.clone());
    boot.faults.lock_table("payment_operations");
    let secret = config.webhook_secret_file.as_deref().map(read_secret).transpose()?;
    let (provider, header) = provider(&config, secret.clone(), &pool, &boot)?;
    let metrics = PaymentMetrics::new(&boot.metrics)?;
    let mut payments = Payments::new(PgPayments::new(pool), provider, metrics, clock::system());
    payments.limits.call = Duration::from_millis(config.timeout_ms);
    let key = secret.map(|secret| WebhookKey { header, secret });
    let reconciler = payments.clone().reconcile_until(boot.shutdown.clone());
    let calls = finish_calls(payments.clone(), boot.shutdown.clone());
    Ok(App::new(http::router(payments, key))
        .openapi(crate::http::document)
        .worker("reconciler", tokio::spawn(reconciler))
        .worker("provider calls", tokio::spawn(calls)))
}

fn provider(
    config: &ProviderConfig,
    secret: Option<Secret>,
    pool: &PgPool,
    boot: &Boot,
) -> Result<(Arc<dyn PaymentProvider>, &'static str), StartError> {
    let client = |error: reqwest::Error| StartError::Other(format!("payment provider: {error}"));
    if config.kind == stripe::NAME {
        let key = config.stripe_key_file.as_deref().map(read_secret).transpose()?.unwrap_or_default();
        let stripe = StripeProvider::new(&config.stripe_url, key).map_err(client)?;
        return Ok((Arc::new(stripe), stripe::SIGNATURE_HEADER));
    }
    let webhooks = match (&config.sandbox_webhook_url, secret) {
        (Some(url), Some(secret)) => Some(WebhookSender::new(url, secret).map_err(client)?),
        _ => None,
    };
    let sandbox = SandboxProvider { books: PgSandbox::new(pool.clone()), webhooks, clock: clock::system() };
    // Only a provider that moves no real money has bad days on request.
    boot.faults.declare(FAULTS);
    let faulty = FaultyProvider { inner: Arc::new(sandbox), faults: boot.faults.clone() };
    Ok((Arc::new(faulty), sender::HEADER))
}

fn read_secret(file: &str) -> Result<Secret, StartError> {
    let text = std::fs::read_to_string(Path::new(file));
    let text = text.map_err(|error| StartError::Io(format!("cannot read {file}"), error))?;
    match text.trim() {
        "" => Err(StartError::Other(format!("{file} is empty"))),
        secret => Ok(Secret::new(secret)),
    }
}

/// Lets calls that are under way at shutdown write their answers.
async fn finish_calls(payments: Payments, stop: CancellationToken) {
    stop.cancelled().await;
    payments.calls.close();
    payments.calls.wait().await;
}
