//! How files of configuration are read: a path in one may name anything.

use std::{fs::File, io::Read as _, path::Path};

/// The text of a file of so many bytes at most. What is no file is not opened: a device never ends, and a pipe waits.
/// The error says why, without the name of the file.
pub fn read_text(file: &Path, max_bytes: u64) -> Result<String, String> {
    let metadata = std::fs::metadata(file).map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("not a file".to_owned());
    }
    let larger = |bytes: u64| format!("{bytes} bytes: larger than {max_bytes}");
    if metadata.len() > max_bytes {
        return Err(larger(metadata.len()));
    }
    let mut text = String::new();
    // It may grow, and what the kernel makes up has no length.
    let read = File::open(file).and_then(|f| f.take(max_bytes + 1).read_to_string(&mut text));
    match read.map_err(|e| e.to_string())? as u64 {
        bytes if bytes > max_bytes => Err(larger(bytes)),
        _ => Ok(text),
    }
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
        assert_eq!(error, format!("{bytes} bytes: larger than {}", bytes - 1));
        assert!(read_text(Path::new("/nowhere/at/all"), 9).unwrap_err().contains("No such file"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_never_ends_or_says_no_length_is_bounded_too() {
        for path in ["/dev/zero", "/proc"] {
            assert_eq!(read_text(Path::new(path), 9).unwrap_err(), "not a file");
        }
        // Its length is said to be 0.
        assert_eq!(read_text(Path::new("/proc/version"), 9).unwrap_err(), "10 bytes: larger than 9");
        assert!(read_text(Path::new("/proc/version"), 4096).unwrap().starts_with("Linux"));
    }
}
