//! `shop-payments`: payments as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::run("payments", env!("CARGO_PKG_VERSION"), shop_payments::wiring::start)
}
