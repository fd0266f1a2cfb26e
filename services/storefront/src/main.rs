//! `shop-storefront`: the shop's pages as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::run("storefront", env!("CARGO_PKG_VERSION"), shop_storefront::wiring::start)
}
