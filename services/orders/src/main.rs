//! `shop-orders`: orders as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::openapi::print_if_asked(shop_orders::http::document)
        .or_else(shop_orders::tell_again::if_asked)
        .unwrap_or_else(|| {
            shop_instrumentation::run("orders", env!("CARGO_PKG_VERSION"), shop_orders::wiring::start)
        })
}
