//! How files of configuration are read: a path in one may name anything.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read as _, Result},
    path::Path,
};

/// Largest file of a secret. Bundles of certificates are read as such: what systems bring is a quarter of this.
pub const MAX_SECRET_BYTES: u64 = 1 << 20;

/// The text of a secret's file without blanks around it, within [`MAX_SECRET_BYTES`]; as [`read_text`] otherwise.
pub fn read_secret(file: &Path) -> Result<String> {
    read_text(file, MAX_SECRET_BYTES).map(|text| text.trim().to_owned())
}

/// Whether somebody else may read a file whole: it is one, and has so many bytes at most.
pub fn check(file: &Path, max_bytes: u64) -> Result<()> {
    let metadata = std::fs::metadata(file)?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a file"));
    }
    if metadata.len() > max_bytes { Err(larger(max_bytes)) } else { Ok(()) }
}

/// The text of a file of so many bytes at most. What is no file is not opened: a device never ends, and a pipe waits.
/// The error says why, without the name of the file.
pub fn read_text(file: &Path, max_bytes: u64) -> Result<String> {
    check(file, max_bytes)?;
    let mut bytes = Vec::new();
    // It may grow, and what the kernel makes up has no length.
    File::open(file)?.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(larger(max_bytes));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::new(ErrorKind::InvalidData, format!("not UTF-8 at byte {at}"))
    })
}

fn larger(max_bytes: u64) -> Error {
    Error::new(ErrorKind::FileTooLarge, format!("larger than {max_bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_its_limit() {
        let this = Path::new(file!()).file_name().unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(this);
        let bytes = std::fs::metadata(&file).unwrap().len();
        assert_eq!(read_text(&file, bytes).unwrap().len() as u64, bytes);
        let error = read_text(&file, bytes - 1).unwrap_err();
        assert_eq!(error.to_string(), format!("larger than {} bytes", bytes - 1));
        assert_eq!(read_text(Path::new("/nowhere/at/all"), 9).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_is_no_text_is_refused_where_it_begins_and_a_character_is_cut_by_no_limit() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("text");
        std::fs::write(&file, b"ab\xff").unwrap();
        assert_eq!(read_text(&file, 9).unwrap_err().to_string(), "not UTF-8 at byte 2");
        std::fs::write(&file, "aäö").unwrap();
        assert_eq!(read_text(&file, 3).unwrap_err().to_string(), "larger than 3 bytes");
        assert_eq!(read_text(&file, 5).unwrap(), "aäö");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_never_ends_or_says_no_length_is_bounded_too() {
        for path in ["/dev/zero", "/proc"] {
            assert_eq!(read_text(Path::new(path), 9).unwrap_err().to_string(), "not a file");
        }
        // Its length is said to be 0.
        let error = read_text(Path::new("/proc/version"), 9).unwrap_err();
        assert_eq!(error.to_string(), "larger than 9 bytes");
        assert!(read_text(Path::new("/proc/version"), 4096).unwrap().starts_with("Linux"));
    }
}
