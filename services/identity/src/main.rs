//! `shop-identity`: accounts and sessions as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop_instrumentation::openapi::print_if_asked(shop_identity::http::document).unwrap_or_else(|| {
        shop_instrumentation::run("identity", env!("CARGO_PKG_VERSION"), shop_identity::wiring::start)
    })
}
