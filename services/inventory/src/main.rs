//! `shop-inventory`: inventory as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::openapi::print_if_asked(shop_inventory::http::document).unwrap_or_else(|| {
        shop_instrumentation::run("inventory", env!("CARGO_PKG_VERSION"), shop_inventory::wiring::start)
    })
}
