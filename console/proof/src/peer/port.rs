//! Ports that nobody listens on.

use std::net::TcpListener;

use super::PeerError;

/// Different loopback ports that were free a moment ago.
pub fn free_ports<const N: usize>() -> Result<[u16; N], PeerError> {
    let taken = |_: usize| -> std::io::Result<(TcpListener, u16)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    // Held together until the end, so that no two are the same.
    let held: Vec<(TcpListener, u16)> =
        (0..N).map(taken).collect::<Result<_, _>>().map_err(PeerError::io("no free loopback port"))?;
    let mut ports = [0; N];
    for (port, (_, found)) in ports.iter_mut().zip(&held) {
        *port = *found;
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ() {
        let [a, b, c] = free_ports().unwrap();
        assert!(a != b && b != c && a != c && a > 0);
    }
}
