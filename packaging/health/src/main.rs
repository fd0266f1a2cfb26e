//! `image-health PORT`: ends with 0 when the program of this image says at `127.0.0.1:PORT/healthz` that it lives.
//!
//! Images hold neither a shell nor curl, so the health check that their engine runs is a program. Kubernetes asks by
//! itself and does not call it.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// Also a limit on each read and write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// More than any status line.
const MAX_ANSWER_BYTES: u64 = 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port] = &arguments[..] else {
        eprintln!("usage: image-health PORT");
        return ExitCode::from(2);
    };
    let Ok(port) = port.parse::<u16>() else {
        eprintln!("image-health: {port:?} is not a port");
        return ExitCode::from(2);
    };
    match status_line(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(line) if is_success(&line) => ExitCode::SUCCESS,
        Ok(line) => unhealthy(&format!("answered {line:?}")),
        Err(e) => unhealthy(&e.to_string()),
    }
}

fn unhealthy(reason: &str) -> ExitCode {
    eprintln!("image-health: {reason}");
    ExitCode::FAILURE
}

fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /healthz HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

fn is_success(status_line: &str) -> bool {
    status_line.starts_with("HTTP/1.") && status_line.split(' ').nth(1) == Some("200")
}
