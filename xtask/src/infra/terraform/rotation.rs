//! The function that rotates secrets: its steps, run against a small Secrets Manager, and how Lambda takes it, a zip with
//! one file, the same bytes on every machine.

use std::path::PathBuf;

use flate2::Crc;

use super::super::{Outcome, Tree, folder, program};

const NAME: &str = "rotate.py";

fn at(tree: &Tree, name: &str) -> PathBuf {
    tree.root.join("terraform/modules/secrets/rotation").join(name)
}

pub fn write(tree: &Tree) -> Result<(), String> {
    let file = at(tree, "rotate.zip");
    let made = zip(&folder::read(&at(tree, NAME))?)?;
    std::fs::write(&file, made).map_err(|e| format!("{}: {e}", file.display()))
}

pub fn holds(tree: &Tree) -> Result<Outcome, String> {
    let file = at(tree, "rotate.zip");
    let there = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    if there != zip(&folder::read(&at(tree, NAME))?)? {
        return Err("rotate.zip does not hold rotate.py: `xtask infra --docs` makes it anew".to_owned());
    }
    program::output(program::command("python3")?.arg(at(tree, "rotate_test.py")))?;
    Ok(Outcome::Passed(format!("{} bytes", there.len())))
}

/// The file, stored and dated 1980 (APPNOTE 4.3.7, 4.3.12, 4.3.16; PKWARE's format).
fn zip(text: &str) -> Result<Vec<u8>, String> {
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    let size = u32::try_from(text.len()).map_err(|e| e.to_string())?;
    let length = u16::try_from(NAME.len()).map_err(|e| e.to_string())?;
    // Version 2.0, no flags, stored, 1980-01-01 0:00.
    let mut shared = Vec::new();
    for word in [20_u16, 0, 0, 0, 0x21] {
        shared.extend(word.to_le_bytes());
    }
    for word in [crc.sum(), size, size] {
        shared.extend(word.to_le_bytes());
    }
    shared.extend(length.to_le_bytes());
    shared.extend(0_u16.to_le_bytes());

    let mut out = b"PK\x03\x04".to_vec();
    out.extend(&shared);
    out.extend(NAME.as_bytes());
    out.extend(text.as_bytes());
    let directory = u32::try_from(out.len()).map_err(|e| e.to_string())?;
    // Made by Unix; no comment, disk 0, no internal attributes; a file that everybody may read; at offset 0.
    out.extend(b"PK\x01\x02\x14\x03");
    out.extend(&shared);
    out.extend([0; 6]);
    out.extend((0o100_644_u32 << 16).to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend(NAME.as_bytes());
    let end = u32::try_from(out.len()).map_err(|e| e.to_string())?;
    // Disk 0 of 0, one entry of one.
    out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend((end - directory).to_le_bytes());
    out.extend(directory.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    Ok(out)
}
