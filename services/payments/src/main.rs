//! `shop-payments`: payments as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::openapi::print_if_asked(shop_payments::http::document).unwrap_or_else(|| {
        shop_instrumentation::run("payments", env!("CARGO_PKG_VERSION"), shop_payments::wiring::start)
    })
}
