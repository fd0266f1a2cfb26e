//! One socket that always leads to the node that takes writes: what a floating address is to machines of their own.
//!
//! Whoever connects reaches the node that it was pointed at last. It is pointed only after that node takes writes and
//! the other one is fenced, so a session never begins on a node that was given up.

use std::path::Path;

use crate::platform::layout::Layout;

/// Points the socket below `sockets` at the node with this port.
pub fn point(sockets: &Path, port: u16) -> Result<(), String> {
    let dir = sockets.join(Layout::PRIMARY_DIR);
    let fail = |e: std::io::Error| format!("cannot point {} at the primary: {e}", dir.display());
    std::fs::create_dir_all(&dir).map_err(fail)?;
    let next = dir.join("next");
    let _ = std::fs::remove_file(&next);
    std::os::unix::fs::symlink(sockets.join(name(port)), &next).map_err(fail)?;
    // In one step: there is no moment without a socket.
    std::fs::rename(&next, dir.join(name(Layout::POSTGRES_PORTS[0]))).map_err(fail)
}

/// Nobody comes in by the socket until it is pointed at a node again.
pub fn close(sockets: &Path) -> Result<(), String> {
    let door = sockets.join(Layout::PRIMARY_DIR).join(name(Layout::POSTGRES_PORTS[0]));
    match std::fs::remove_file(&door) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot close {}: {e}", door.display()))
        }
        _ => Ok(()),
    }
}

/// What Postgres calls its socket.
fn name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn whoever_connects_reaches_the_node_that_was_pointed_at_last() {
        let sockets = std::env::temp_dir().join(format!("qd-primary-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&sockets);
        std::fs::create_dir_all(&sockets).unwrap();
        let nodes = Layout::POSTGRES_PORTS.map(|port| {
            let node = UnixListener::bind(sockets.join(name(port))).unwrap();
            node.set_nonblocking(true).unwrap();
            node
        });
        let door = sockets.join(Layout::PRIMARY_DIR).join(name(Layout::POSTGRES_PORTS[0]));
        for (leader, other) in [(0, 1), (1, 0)] {
            point(&sockets, Layout::POSTGRES_PORTS[leader]).unwrap();
            let _session = UnixStream::connect(&door).unwrap();
            assert!(nodes[leader].accept().is_ok());
            assert!(nodes[other].accept().is_err());
        }
        close(&sockets).unwrap();
        assert!(UnixStream::connect(&door).is_err(), "a closed door lets nobody in");
        close(&sockets).unwrap();
        std::fs::remove_dir_all(&sockets).unwrap();
    }
}
