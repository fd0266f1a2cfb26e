//! Pages of the knowledge base, taken apart.

use std::path::{Path, PathBuf};

/// A fenced block: its language, its lines, and everything between the last heading (which counts) and it.
pub struct Block {
    pub language: String,
    pub lines: Vec<String>,
    pub before: String,
}

pub struct Page {
    /// Below the root of the repository.
    pub path: String,
    /// Everything outside of fenced blocks, a line each.
    pub prose: Vec<String>,
    pub blocks: Vec<Block>,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every page below `runbooks`, in no order.
pub fn all() -> Vec<Page> {
    let folders = ["alerts", "decisions", "guides"].map(|folder| format!("runbooks/{folder}"));
    let names = folders.iter().flat_map(|folder| {
        let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
        entries.map(move |e| format!("{folder}/{}", e.expect("readable").file_name().display()))
    });
    let pages: Vec<Page> = names
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "md"))
        .map(|name| of(&name))
        .collect();
    assert!(pages.len() > 60, "only {} pages were found", pages.len());
    pages
}

pub fn of(path: &str) -> Page {
    let (prose, blocks) = parse(&read(path));
    Page { path: path.to_owned(), prose, blocks }
}

fn parse(text: &str) -> (Vec<String>, Vec<Block>) {
    let (mut prose, mut blocks) = (Vec::new(), Vec::new());
    let (mut before, mut open) = (String::new(), None::<Block>);
    for line in text.lines() {
        let fence = line.trim_start().strip_prefix("```");
        open = match (open, fence) {
            (None, Some(language)) => Some(Block {
                language: language.trim().to_owned(),
                lines: Vec::new(),
                before: before.clone(),
            }),
            (Some(block), Some(_)) => {
                blocks.push(block);
                None
            }
            (Some(mut block), None) => {
                block.lines.push(line.to_owned());
                Some(block)
            }
            (None, None) => {
                if line.starts_with('#') {
                    before.clear();
                }
                before.push_str(line);
                before.push('\n');
                prose.push(line.to_owned());
                None
            }
        };
    }
    assert!(open.is_none(), "a block is not closed");
    (prose, blocks)
}

/// What stands between backticks in a line.
pub fn code(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The rows of the tables below a heading, a cell each, without the heads.
pub fn rows(page: &Page, heading: &str) -> Vec<Vec<String>> {
    let below = page.prose.iter().skip_while(|line| *line != heading).skip(1);
    let table = below.take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with('|'));
    let cells = |line: &String| line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = table.map(cells).collect();
    rows.into_iter().skip(1).filter(|row: &Vec<String>| !row[0].starts_with("---")).collect()
}

#[test]
fn a_page_is_prose_and_blocks_with_what_stands_before_them() {
    let (prose, blocks) =
        parse("# T\na `b`\n## U (cloud only)\n\n1. x:\n   ```sh\n   make up\n   ```\nend\n");
    assert_eq!(prose, ["# T", "a `b`", "## U (cloud only)", "", "1. x:", "end"]);
    assert_eq!((blocks.len(), blocks[0].language.as_str()), (1, "sh"));
    assert_eq!(blocks[0].lines, ["   make up"]);
    assert_eq!(blocks[0].before, "## U (cloud only)\n\n1. x:\n");
    assert_eq!(code("a `b` and `c d`"), ["b", "c d"]);
}
