//! `make logs`: follows the log files of a service.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use super::layout::Layout;

/// Where following starts: this far before the end.
const BACKLOG_BYTES: u64 = 8 << 10;

/// Prints the last lines of each matching log and what is added, until Ctrl-C.
pub async fn follow(layout: &Layout, service: Option<&str>) -> Result<(), String> {
    let files = matching(layout, service)?;
    let many = files.len() > 1;
    let mut positions: BTreeMap<PathBuf, u64> = BTreeMap::new();
    for file in &files {
        let size = std::fs::metadata(file).map(|m| m.len()).unwrap_or_default();
        positions.insert(file.clone(), size.saturating_sub(BACKLOG_BYTES));
    }
    loop {
        for file in &files {
            let from = positions.get(file).copied().unwrap_or_default();
            let (text, next) = read_from(file, from);
            let name = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            for line in text.lines() {
                if many { println!("{name:<16} {line}") } else { println!("{line}") }
            }
            positions.insert(file.clone(), next);
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

fn matching(layout: &Layout, service: Option<&str>) -> Result<Vec<PathBuf>, String> {
    let dir = layout.data.join("logs");
    let entries = std::fs::read_dir(&dir)
        .map_err(|_| format!("there are no logs in {}: start with `make up`", dir.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .filter(|p| {
            let stem = p.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            service.is_none_or(|s| stem == s || stem.rsplit_once('-').is_some_and(|(base, _)| base == s))
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!(
            "no log for {:?}; `make status` lists the services",
            service.unwrap_or("anything")
        ));
    }
    Ok(files)
}

/// Complete lines from an offset, and the offset after them. A file that shrank was cut: start over.
fn read_from(file: &PathBuf, from: u64) -> (String, u64) {
    let Ok(mut open) = File::open(file) else { return (String::new(), from) };
    let size = open.metadata().map(|m| m.len()).unwrap_or_default();
    let from = if size < from { 0 } else { from };
    let mut bytes = Vec::new();
    if open.seek(SeekFrom::Start(from)).is_err() || open.take(1 << 20).read_to_end(&mut bytes).is_err() {
        return (String::new(), from);
    }
    let complete = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    (String::from_utf8_lossy(&bytes[..complete]).into_owned(), from + complete as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_lines_wait_and_a_cut_file_starts_over() {
        let file = std::env::temp_dir().join(format!("qd-logs-{}", std::process::id()));
        std::fs::write(&file, "one\ntw").unwrap();
        let (text, next) = read_from(&file, 0);
        assert_eq!((text.as_str(), next), ("one\n", 4));
        std::fs::write(&file, "x\n").unwrap();
        assert_eq!(read_from(&file, 4).0, "x\n");
        std::fs::remove_file(&file).unwrap();
    }
}
