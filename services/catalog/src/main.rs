//! `shop-catalog`: the catalogue as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::openapi::print_if_asked(shop_catalog::http::document).unwrap_or_else(|| {
        shop_instrumentation::run("catalog", env!("CARGO_PKG_VERSION"), shop_catalog::wiring::start)
    })
}
