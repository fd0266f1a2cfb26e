//! `shop-notifications`: mails to shoppers as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::run("notifications", env!("CARGO_PKG_VERSION"), shop_notifications::wiring::start)
}
