//! Aligned text.

/// Columns as wide as their widest cell: the first flush left, the others flush right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let width = |at: usize| {
        let cells = std::iter::once(&head).chain(rows).filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut out = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            if at == 0 {
                out += &format!("{cell}{padding}");
            } else {
                out += &format!("  {padding}{cell}");
            }
        }
        out.trim_end().to_owned() + "\n"
    };
    let rule = "-".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)) + "\n";
    std::iter::once(line(&head)).chain(std::iter::once(rule)).chain(rows.iter().map(line)).collect()
}

/// Mebibytes, whole.
pub fn mib(bytes: u64) -> String {
    format!("{} MiB", (bytes + (1 << 19)) >> 20)
}

/// Thousands.
pub fn thousands(n: f64) -> String {
    format!("{:.0} k", n / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let text = table(
            &["a", "b"],
            &[vec!["long".to_owned(), "1".to_owned()], vec!["x".to_owned(), "22".to_owned()]],
        );
        assert_eq!(text, "a      b\n--------\nlong   1\nx     22\n");
    }
}
