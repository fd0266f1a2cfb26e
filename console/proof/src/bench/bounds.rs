//! Bounds of what may be asked for on the command line.

use std::ops::RangeInclusive;

/// A whole number within bounds.
pub fn whole(text: &str, bounds: RangeInclusive<usize>) -> Result<usize, String> {
    let n: usize = text.parse().map_err(|_| format!("{text:?} is not a whole number"))?;
    if bounds.contains(&n) {
        Ok(n)
    } else {
        Err(format!("must be from {} to {}", bounds.start(), bounds.end()))
    }
}

/// Of one load.
pub fn connections(text: &str) -> Result<usize, String> {
    whole(text, 1..=64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_within_and_the_bound_is_told() {
        assert_eq!((connections("1"), connections("64")), (Ok(1), Ok(64)));
        assert_eq!(connections("65").unwrap_err(), "must be from 1 to 64");
        assert!(connections("many").unwrap_err().contains("\"many\""));
    }
}
