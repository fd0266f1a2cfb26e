//! A unified diff, as `git show` prints it, taken apart for drawing.

/// Lines drawn of one commit; the rest is counted.
pub const MAX_LINES: usize = 3_000;

/// One file's changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDiff {
    /// The name after the change; the one before when the file is gone.
    pub path: String,
    /// What git says about the file as a whole: `new file`, `deleted file`, `renamed from …`, `binary`.
    pub note: Option<String>,
    pub added: usize,
    pub removed: usize,
    pub lines: Vec<DiffLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Context,
    Added,
    Removed,
    /// The head of a hunk: `@@ -1,2 +3,4 @@ where`.
    Hunk,
    /// `\ No newline at end of file`.
    Remark,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    pub kind: LineKind,
    /// Line number before and after.
    pub old: Option<u32>,
    pub new: Option<u32>,
    /// Without its sign.
    pub text: String,
}

/// Files in order, and how many lines were left out.
pub fn parse(diff: &str) -> (Vec<FileDiff>, usize) {
    let mut files: Vec<FileDiff> = Vec::new();
    let (mut drawn, mut left_out) = (0, 0);
    let (mut old, mut new) = (0_u32, 0_u32);
    // Lines that the hunk's head announced: within them `--- a` is a removed line `-- a`.
    let (mut old_left, mut new_left) = (0_u32, 0_u32);
    for line in diff.lines() {
        if old_left == 0 && new_left == 0 {
            if let Some(names) = line.strip_prefix("diff --git ") {
                files.push(FileDiff { path: after_name(names), ..FileDiff::default() });
                continue;
            }
            if !line.starts_with("@@ ") && !line.starts_with('\\') {
                if let Some(file) = files.last_mut() {
                    header(file, line);
                }
                continue;
            }
        }
        let Some(file) = files.last_mut() else { continue };
        let parsed = match line.as_bytes().first() {
            Some(b'@') if old_left == 0 && new_left == 0 => {
                let Some(hunk) = hunk(line) else { continue };
                (old, old_left, new, new_left) = hunk;
                DiffLine { kind: LineKind::Hunk, old: None, new: None, text: line.to_owned() }
            }
            Some(b'+') => {
                file.added += 1;
                new_left = new_left.saturating_sub(1);
                new += 1;
                DiffLine { kind: LineKind::Added, old: None, new: Some(new - 1), text: line[1..].to_owned() }
            }
            Some(b'-') => {
                file.removed += 1;
                old_left = old_left.saturating_sub(1);
                old += 1;
                DiffLine {
                    kind: LineKind::Removed,
                    old: Some(old - 1),
                    new: None,
                    text: line[1..].to_owned(),
                }
            }
            Some(b'\\') => {
                DiffLine { kind: LineKind::Remark, old: None, new: None, text: line[1..].trim().to_owned() }
            }
            _ => {
                old_left = old_left.saturating_sub(1);
                new_left = new_left.saturating_sub(1);
                (old, new) = (old + 1, new + 1);
                let text = line.strip_prefix(' ').unwrap_or(line).to_owned();
                DiffLine { kind: LineKind::Context, old: Some(old - 1), new: Some(new - 1), text }
            }
        };
        if drawn < MAX_LINES {
            drawn += 1;
            file.lines.push(parsed);
        } else {
            left_out += 1;
        }
    }
    (files, left_out)
}

/// `a/x b/x`: the name after `b/`, halved where spaces make it unclear.
fn after_name(names: &str) -> String {
    names.rsplit_once(" b/").map_or(names, |(_, after)| after).trim_matches('"').to_owned()
}

fn header(file: &mut FileDiff, line: &str) {
    if let Some(name) = line.strip_prefix("+++ b/") {
        name.trim_end_matches('\t').clone_into(&mut file.path);
    } else if line.starts_with("new file") {
        file.note = Some("new file".to_owned());
    } else if line.starts_with("deleted file") {
        file.note = Some("deleted".to_owned());
    } else if let Some(from) = line.strip_prefix("rename from ") {
        file.note = Some(format!("renamed from {from}"));
    } else if line.starts_with("Binary files") {
        file.note = Some("binary".to_owned());
    }
}

/// Start and length of both sides of `@@ -1,2 +3,4 @@`.
fn hunk(line: &str) -> Option<(u32, u32, u32, u32)> {
    let mut words = line.split(' ').skip(1);
    let mut side = |sign: char| {
        let word = words.next()?.strip_prefix(sign)?;
        let (start, length) = word.split_once(',').unwrap_or((word, "1"));
        Some((start.parse::<u32>().ok()?, length.parse::<u32>().ok()?))
    };
    let ((old, old_length), (new, new_length)) = (side('-')?, side('+')?);
    Some((old, old_length, new, new_length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/gitops/a.yaml b/gitops/a.yaml\nindex 1..2 100644\n--- a/gitops/a.yaml\n+++ b/gitops/a.yaml\n@@ -1,3 +1,3 @@ spec:\n one\n--- old\n+++ new\n three\n\\ No newline at end of file\ndiff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";

    #[test]
    fn lines_have_numbers_and_signs_inside_hunks_are_text() {
        let (files, left_out) = parse(DIFF);
        assert_eq!((files.len(), left_out), (2, 0));
        let first = &files[0];
        assert_eq!((first.path.as_str(), first.added, first.removed), ("gitops/a.yaml", 1, 1));
        let told: Vec<(LineKind, Option<u32>, Option<u32>, &str)> =
            first.lines.iter().map(|l| (l.kind, l.old, l.new, l.text.as_str())).collect();
        assert_eq!(
            told,
            [
                (LineKind::Hunk, None, None, "@@ -1,3 +1,3 @@ spec:"),
                (LineKind::Context, Some(1), Some(1), "one"),
                (LineKind::Removed, Some(2), None, "-- old"),
                (LineKind::Added, None, Some(2), "++ new"),
                (LineKind::Context, Some(3), Some(3), "three"),
                (LineKind::Remark, None, None, "No newline at end of file"),
            ]
        );
        assert_eq!((files[1].path.as_str(), files[1].note.as_deref()), ("gone", Some("deleted")));
        assert_eq!(files[1].lines[1].old, Some(1));
    }

    #[test]
    fn whatever_comes_is_drawn_or_left_out() {
        for wild in ["", "@@", "+x\n-y", "diff --git ", "diff --git a b\n@@ -x +y @@\n+é", "… cut here"] {
            parse(wild);
        }
        let long = format!("diff --git a/x b/x\n@@ -0,0 +1,4000 @@\n{}", "+l\n".repeat(4_000));
        let (files, left_out) = parse(&long);
        assert_eq!((files[0].added, files[0].lines.len(), left_out), (4_000, MAX_LINES, 1_001));
    }
}
