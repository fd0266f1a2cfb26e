//! Sizes in bytes: `10MB`, `512KiB`; powers of two in either spelling, as Prometheus reads them.

const UNITS: [(&str, u32); 13] = [
    ("KiB", 10),
    ("MiB", 20),
    ("GiB", 30),
    ("TiB", 40),
    ("PiB", 50),
    ("EiB", 60),
    ("KB", 10),
    ("MB", 20),
    ("GB", 30),
    ("TB", 40),
    ("PB", 50),
    ("EB", 60),
    ("B", 0),
];

pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("not a valid size: {text:?} (write it as 10MB or 512KB)");
    if text == "0" {
        return Ok(0);
    }
    let (number, shift) =
        UNITS.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift))).ok_or_else(wrong)?;
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text:?} is out of range"))
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn a_size_has_a_unit_and_is_a_power_of_two() {
        for (text, bytes) in [("0", 0), ("10B", 10), ("1KB", 1024), ("3MiB", 3 << 20), ("2GB", 2 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "1", "1.5MB", "-1MB", "1 MB", "99999999EB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
