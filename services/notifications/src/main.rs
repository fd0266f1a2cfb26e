//! `shop-notifications`: mails to shoppers as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::openapi::print_if_asked(shop_notifications::openapi::document).unwrap_or_else(
        || {
            shop_instrumentation::run(
                "notifications",
                env!("CARGO_PKG_VERSION"),
                shop_notifications::wiring::start,
            )
        },
    )
}
