//! What `make bench-shop` measures against, built like the services are: an axum handler that answers the same bytes, and
//! a receiver of telemetry that throws everything away.
//!
//! `bench-peer page PORT FILE` and `bench-peer sink GRPC_PORT HTTP_PORT`.

mod page;
mod sink;

use std::process::ExitCode;

fn main() -> ExitCode {
    // As many threads as a service has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = runtime.map_err(|e| e.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            match arguments.as_slice() {
                ["page", port, file] => page::serve(number(port)?, file).await,
                ["sink", grpc, http] => sink::serve(number(grpc)?, number(http)?).await,
                _ => Err("usage: bench-peer page PORT FILE | sink GRPC_PORT HTTP_PORT".to_owned()),
            }
        })
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{text:?} is no port"))
}
