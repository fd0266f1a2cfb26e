//! Scores of a folder of scripts, and the table of them.

use std::{fmt::Write, fs, io, path::Path};

use crate::{Verdict, run_all};

/// The verdicts on one file.
#[derive(Clone, Debug, Default)]
pub struct FileScore {
    pub name: String,
    pub verdicts: Vec<Verdict>,
}

impl FileScore {
    pub fn passed(&self) -> usize {
        self.verdicts.iter().filter(|v| v.failure.is_none()).count()
    }

    pub fn failed(&self) -> usize {
        self.verdicts.len() - self.passed()
    }

    /// Whether the file is about native histograms rather than the classic language.
    pub fn is_native(&self) -> bool {
        self.name.contains("native_histogram")
    }
}

/// Runs every `*.test` of a folder, by name.
pub fn run_folder(folder: &Path) -> io::Result<Vec<FileScore>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "test"))
        .collect();
    paths.sort();
    let score = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        Ok(FileScore { name, verdicts: run_all(&text) })
    };
    paths.into_iter().map(score).collect()
}

/// Passed and all evaluations of the files that `is_wanted` chooses.
pub fn total(scores: &[FileScore], is_wanted: impl Fn(&FileScore) -> bool) -> (usize, usize) {
    let wanted = scores.iter().filter(|s| is_wanted(s));
    wanted.fold((0, 0), |(passed, all), s| (passed + s.passed(), all + s.verdicts.len()))
}

/// The table by file with totals, and the score below it.
pub fn table(scores: &[FileScore]) -> String {
    let mut out = format!("{:<24} {:>6} {:>6} {:>6}\n", "file", "passed", "failed", "total");
    // Writing to a string cannot fail.
    let mut row = |name: &str, (passed, all): (usize, usize)| {
        let _ = writeln!(out, "{name:<24} {passed:>6} {:>6} {all:>6}", all - passed);
    };
    for s in scores {
        row(&s.name, (s.passed(), s.verdicts.len()));
    }
    for (name, native) in [("classic", false), ("native histograms", true)] {
        row(name, total(scores, |s| s.is_native() == native));
    }
    let (passed, all) = total(scores, |_| true);
    row("all", (passed, all));
    let _ = writeln!(out, "score: {passed}/{all} ({:.2} %)", 100.0 * passed as f64 / all.max(1) as f64);
    out
}

/// The score as JSON, in the form that `console_promql::conformance` documents.
pub fn record(scores: &[FileScore], now_ms: i64) -> String {
    let part = |native| {
        let (passed, all) = total(scores, |s| s.is_native() == native);
        format!("{{\"passed\": {passed}, \"of\": {all}}}")
    };
    format!(
        "{{\n  \"recorded_at_ms\": {now_ms},\n  \"classic\": {},\n  \"native_histograms\": {}\n}}\n",
        part(false),
        part(true)
    )
}

/// Each failure on lines of its own.
pub fn failures(scores: &[FileScore]) -> String {
    let mut out = String::new();
    for s in scores {
        for v in &s.verdicts {
            if let Some(why) = &v.failure {
                let _ = writeln!(out, "{}:{}: {}\n    {why}", s.name, v.line, v.expr);
            }
        }
    }
    out
}
