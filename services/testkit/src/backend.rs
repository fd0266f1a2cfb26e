//! Which kind of servers tests get: containers or local processes.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::LazyLock;
use std::time::Duration;

use shop_instrumentation::config::Env;

/// How long a Docker engine may take to answer.
const PING_TIMEOUT: Duration = Duration::from_millis(800);

/// Where servers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Containers.
    Docker,
    /// The machine's own binaries.
    Local,
}

static CHOSEN: LazyLock<Backend> = LazyLock::new(|| {
    let mut env = Env::from_process();
    match env.optional("QD_TEST_SERVERS", String::new()).as_str() {
        "docker" => Backend::Docker,
        "local" => Backend::Local,
        _ if engine_answers(&env.optional("DOCKER_HOST", "unix:///var/run/docker.sock".to_owned())) => {
            Backend::Docker
        }
        _ => Backend::Local,
    }
});

/// The backend of this process: `QD_TEST_SERVERS=docker|local`, else whichever is there.
pub(crate) fn chosen() -> Backend {
    *CHOSEN
}

fn engine_answers(host: &str) -> bool {
    let answer = match host.split_once("://") {
        Some(("unix", path)) => UnixStream::connect(path).and_then(|stream| {
            stream.set_read_timeout(Some(PING_TIMEOUT))?;
            ping(stream)
        }),
        Some(("tcp", address)) => TcpStream::connect(address).and_then(|stream| {
            stream.set_read_timeout(Some(PING_TIMEOUT))?;
            ping(stream)
        }),
        _ => return false,
    };
    answer.is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
}

fn ping<S: std::io::Read + std::io::Write>(mut stream: S) -> std::io::Result<String> {
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(String::from_utf8_lossy(&start).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_engine_is_no_engine() {
        assert!(!engine_answers("unix:///nowhere/docker.sock"));
        assert!(!engine_answers("nonsense"));
    }
}
