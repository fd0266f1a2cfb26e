//! What must hold before anything starts, each failure in one clear line.

use std::{collections::BTreeMap, net::TcpListener, process::Command, time::Duration};

use rustix::process::Signal;

use super::{
    layout::{Demo, INSTANCES, INTERNAL_OFFSET, Layout, SERVICES},
    memory, process,
};

const NEEDED_DISK_BYTES: u64 = 1 << 30;

/// Checks disk, directories and ports.
pub fn check(layout: &Layout) -> Result<(), String> {
    let stat = rustix::fs::statvfs(&layout.data)
        .map_err(|e| format!("cannot look at the disk of {}: {e}", layout.data.display()))?;
    let free = stat.f_bavail * stat.f_frsize;
    if free < NEEDED_DISK_BYTES {
        return Err(format!(
            "only {} MB are free on the disk of {}; the platform needs {} MB",
            free / 1_000_000,
            layout.data.display(),
            NEEDED_DISK_BYTES / 1_000_000
        ));
    }
    std::fs::create_dir_all(&layout.sockets)
        .map_err(|e| format!("cannot create {}: {e}", layout.sockets.display()))?;
    use std::os::unix::fs::PermissionsExt as _;
    let _ = std::fs::set_permissions(&layout.sockets, std::fs::Permissions::from_mode(0o700));
    let taken: Vec<String> = ports(layout)
        .into_iter()
        .filter(|(_, port, _)| TcpListener::bind(("127.0.0.1", *port)).is_err())
        .map(|(what, port, variable)| {
            format!("port {port} ({what}) is already in use: set {variable} to another")
        })
        .collect();
    if taken.is_empty() { Ok(()) } else { Err(taken.join("\n       ")) }
}

fn ports(layout: &Layout) -> Vec<(String, u16, &'static str)> {
    let p = &layout.ports;
    let mut all = vec![
        ("the shop's edge".to_owned(), p.edge, "QD_EDGE_PORT"),
        ("the console".to_owned(), p.console, "QD_CONSOLE_PORT"),
        ("OTLP over gRPC".to_owned(), p.otlp_grpc, "QD_OTLP_GRPC_PORT"),
        ("OTLP over HTTP".to_owned(), p.otlp_http, "QD_OTLP_HTTP_PORT"),
        ("the supervisor's metrics".to_owned(), p.supervisor, "QD_SUPERVISOR_PORT"),
        ("the console's liveness".to_owned(), layout.console_health_port(), "QD_SERVICES_PORT"),
    ];
    if layout.demo != Demo::Off {
        all.push(("shopper traffic".to_owned(), p.traffic, "QD_TRAFFIC_PORT"));
    }
    for service in SERVICES {
        for instance in 0..INSTANCES {
            if let Some(port) = layout.service_port(service, instance) {
                let name = format!("{service}-{}", instance + 1);
                all.push((format!("{name}'s internal side"), port + INTERNAL_OFFSET, "QD_SERVICES_PORT"));
                all.push((name, port, "QD_SERVICES_PORT"));
            }
        }
    }
    all
}

/// Stops processes that a killed supervisor left behind; answers how many. A process counts only while its command
/// line still names the program that was started under that pid.
pub fn stop_leftovers(layout: &Layout) -> Result<usize, String> {
    let Ok(text) = std::fs::read_to_string(layout.pids_file()) else { return Ok(0) };
    let pids: BTreeMap<String, (u32, String)> = serde_json::from_str(&text).unwrap_or_default();
    let alive: Vec<(&String, u32)> = pids
        .iter()
        .filter(|(_, (pid, program))| runs(*pid, program))
        .map(|(n, (pid, _))| (n, *pid))
        .collect();
    if !alive.is_empty() {
        let names: Vec<&str> = alive.iter().map(|(n, _)| n.as_str()).collect();
        println!("stopping what an earlier run left behind: {}", names.join(" "));
    }
    let processes = memory::Snapshot::take();
    for (name, pid) in &alive {
        // A fault may have stopped it: what is stopped hears nothing else.
        for stopped in processes.tree(*pid) {
            process::send_signal(stopped, Signal::CONT);
        }
        process::send_signal(*pid, if name.starts_with("postgres") { Signal::INT } else { Signal::TERM });
    }
    let until = process::deadline(Duration::from_secs(15));
    for (name, pid) in &alive {
        let program = &pids[*name].1;
        while runs(*pid, program) {
            if std::time::Instant::now() > until {
                process::send_signal(*pid, Signal::KILL);
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    std::fs::remove_file(layout.pids_file()).map_err(|e| format!("cannot remove the stale pid file: {e}"))?;
    Ok(alive.len())
}

fn runs(pid: u32, program: &str) -> bool {
    let ps = Command::new("ps").args(["-o", "stat=,command=", "-p", &pid.to_string()]).output();
    let Ok(ps) = ps else { return false };
    let line = String::from_utf8_lossy(&ps.stdout).into_owned();
    // `unshare` becomes the program that it was asked to start.
    let name = program.rsplit('/').next().unwrap_or(program);
    let name = if name == "unshare" { "postgres" } else { name };
    !line.trim_start().starts_with('Z') && line.contains(name)
}
