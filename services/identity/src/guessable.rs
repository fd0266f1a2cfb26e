//! Passwords that are guessed first: what is made of the account's own words or the shop's (OWASP ASVS 5.0: 6.1.2, 6.2.11),
//! and what everybody's lists begin with: the commonest ones, dates, rows of keys, repetitions (6.2.4).
//!
//! What must always hold: it is asked wherever a password is chosen, for accounts and for staff, and nowhere else, so that
//! whoever has one goes on logging in with it.

use shop_instrumentation::{Code, Problem};
use zxcvbn::{Score, zxcvbn};

use crate::credentials::{Password, Username};

/// What the shop is called, and what it calls itself.
const SHOP: [&str; 3] = ["quarterdeck", "chandlers", "chandler"];
/// What people put beside such a word.
const BESIDE: [&str; 8] = ["password", "passwort", "welcome", "account", "login", "store", "shop", "staff"];
/// Shorter parts of a name or an address stand in anything.
const LEAST_WORD_CHARS: usize = 3;
/// What is said at the field.
const OWN: &str = "is made of the name, the address or the shop's own words";
const COMMON: &str = "is one of the commonest, or a pattern that is guessed soon";

/// Words of whoever chooses a password.
pub struct OwnWords(Vec<String>);

impl OwnWords {
    /// Of an account: its address, whole and in parts, and its name.
    pub fn of_account(email: &str, display_name: &str) -> Self {
        let parts = [email, display_name].into_iter().flat_map(|text| text.split(is_between));
        Self(parts.map(folded).chain([folded(email), folded(display_name)]).collect())
    }

    /// Of a member of the staff.
    pub fn of_member(username: &Username) -> Self {
        let name = username.as_str();
        Self(name.split(is_between).map(folded).chain([folded(name)]).collect())
    }
}

/// Refuses a chosen password that is guessed first; the problem names `field`.
pub fn refuse(field: &'static str, password: &Password, own: &OwnWords) -> Result<(), Problem> {
    let Some(why) = guessed_by(password, own) else { return Ok(()) };
    Err(Problem::new(Code::PasswordGuessable, "the password is one of those that are guessed first")
        .field(field, why))
}

/// What whoever guesses knows to try it first: the detail of the problem, unless they do not.
fn guessed_by(password: &Password, own: &OwnWords) -> Option<&'static str> {
    if is_made_of(folded(password.expose()), own) {
        Some(OWN)
    } else if is_common(password.expose()) {
        Some(COMMON)
    } else {
        None
    }
}

/// Whether fewer than a million guesses reach it, best ones first (zxcvbn's scores 0 and 1). It looks at the first 100
/// characters, in 0.1 ms mostly and in 10 ms at worst, the first time of a process in 25: a hash takes longer.
fn is_common(password: &str) -> bool {
    zxcvbn(password, &[]).score() <= Score::One
}

/// Whether nothing but digits is left without the words of its owner and of the shop.
fn is_made_of(mut password: String, own: &OwnWords) -> bool {
    let mut words: Vec<&str> = own.0.iter().map(String::as_str).chain(SHOP).collect();
    words.retain(|word| word.chars().count() >= LEAST_WORD_CHARS && password.contains(word));
    if words.is_empty() {
        return false;
    }
    words.extend(BESIDE);
    // The whole address before its parts.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        // Not put together again of what was on both sides.
        password = password.replace(word, " ");
    }
    !password.chars().any(char::is_alphabetic)
}

fn is_between(c: char) -> bool {
    !c.is_alphanumeric()
}

/// Letters and digits in lower case.
fn folded(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kim() -> OwnWords {
        OwnWords::of_account("kim.harbour@mail.example.com", "Kim Ölund")
    }

    fn refused(text: &str, own: &OwnWords) -> Option<&'static str> {
        guessed_by(&Password::parse_new(text.to_owned()).unwrap(), own)
    }

    #[test]
    fn words_of_the_account_and_of_the_shop_are_no_password_whatever_stands_around_them() {
        for own in [
            "kim.harbour@mail.example.com",
            "Kim.Harbour2026!",
            "harbour-harbour",
            "KIM 1234567890",
            "kimölund99",
            "Quarterdeck",
            "quarterdeck2026",
            "Quarter-Deck!!",
            "quarterdeck-password",
            "Welcome Harbour 1",
        ] {
            assert_eq!(refused(own, &kim()), Some(OWN), "{own}");
        }
        for (name, own) in [("harbourmaster", "harbourmaster7"), ("staff", "shop-staff-2026")] {
            let member = OwnWords::of_member(&Username::parse(name).unwrap());
            assert_eq!(refused(own, &member), Some(OWN), "{own}");
        }
    }

    #[test]
    fn the_commonest_dates_rows_of_keys_and_repetitions_are_no_password() {
        for common in [
            "1234567890",
            "basketball",
            "Passw0rd123",
            "iloveyou123",
            "qwertyuiop",
            "1q2w3e4r5t",
            "abcdefghij",
            "aaaaaaaaaa",
            "trustno1trustno1",
            "2026-11-30",
            &"abc$".repeat(50),
        ] {
            assert_eq!(refused(common, &kim()), Some(COMMON), "{common}");
        }
    }

    #[test]
    fn sentences_random_words_and_somebody_elses_name_are_taken() {
        for fine in [
            "a long enough one",
            "harbour lights at dusk",
            "the quarterdeck is wet",
            "7c1f0a9be2d84f6a1b3c5d7e",
            "ümläut ünd",
            "robin.quay.2026",
            "8305917264",
        ] {
            assert_eq!(refused(fine, &kim()), None, "{fine}");
        }
        let short = OwnWords::of_account("a@b.co", "A B");
        assert_eq!(refused("abababab-1234", &short), None, "parts of two letters are no words");
    }
}
