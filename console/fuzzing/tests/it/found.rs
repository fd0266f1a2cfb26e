//! Inputs that once broke a promise, by target.

use console_fuzzing::fuzz_one;

const FOUND: &[(&str, &[u8])] = &[];

#[test]
fn what_was_found_stays_fixed() {
    for (target, input) in FOUND {
        fuzz_one(target, input);
    }
}
