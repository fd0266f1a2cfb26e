//! The table of `make status`.

use super::supervisor::{State, UnitStatus};

/// Prints one row a unit, and the sum.
pub fn print(units: &[UnitStatus]) {
    println!(
        "{:<18} {:<10} {:>8} {:>9} {:>9} {:>10}  address",
        "name", "state", "pid", "restarts", "uptime", "memory"
    );
    for u in units {
        let state = match u.state {
            State::Starting => "starting",
            State::Ready => "ready",
            State::Unready => "UNREADY",
            State::BackingOff => "BACK-OFF",
            State::Stopped => "stopped",
        };
        let pid = u.pid.map_or_else(|| "-".to_owned(), |p| p.to_string());
        println!(
            "{:<18} {state:<10} {pid:>8} {:>9} {:>9} {:>7} MB  {}{}",
            u.name,
            u.restarts,
            uptime(u.uptime_s),
            megabytes(u.memory_bytes),
            u.address,
            if u.role.is_empty() { String::new() } else { format!("  ({})", u.role) }
        );
    }
    let total: u64 = units.iter().map(|u| u.memory_bytes).sum();
    println!("{:<18} {:>48} MB", "total", megabytes(total));
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

fn uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}
