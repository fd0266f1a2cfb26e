//! `shop-catalog`: the catalogue as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::run("catalog", env!("CARGO_PKG_VERSION"), shop_catalog::wiring::start)
}
