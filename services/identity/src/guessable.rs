//! Passwords that are guessed first: what is made of the account's own words or the shop's (OWASP ASVS 5.0: 6.1.2, 6.2.11).
//!
//! What must always hold: it is asked wherever a password is chosen, for accounts and for staff, and nowhere else, so that
//! whoever has one goes on logging in with it.

use shop_instrumentation::{Code, Problem};

use crate::credentials::{Password, Username};

/// What the shop is called, and what it calls itself.
const SHOP: [&str; 3] = ["quarterdeck", "chandlers", "chandler"];
/// What people put beside such a word.
const BESIDE: [&str; 8] = ["password", "passwort", "welcome", "account", "login", "store", "shop", "staff"];
/// Shorter parts of a name or an address stand in anything.
const LEAST_WORD_CHARS: usize = 3;
/// What is said at the field.
const DETAIL: &str = "is made of the name, the address or the shop's own words";

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
    if !is_guessed_first(password, own) {
        return Ok(());
    }
    Err(Problem::new(Code::PasswordGuessable, "the password is one of those that are guessed first")
        .field(field, DETAIL))
}

/// Whether whoever guesses tries it first.
pub fn is_guessed_first(password: &Password, own: &OwnWords) -> bool {
    is_made_of(folded(password.expose()), own)
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

    fn is_refused(text: &str, own: &OwnWords) -> bool {
        is_guessed_first(&Password::parse_new(text.to_owned()).unwrap(), own)
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
            assert!(is_refused(own, &kim()), "{own}");
        }
        assert!(is_refused(
            "harbourmaster7",
            &OwnWords::of_member(&Username::parse("harbourmaster").unwrap())
        ));
        assert!(is_refused("shop-staff-2026", &OwnWords::of_member(&Username::parse("staff").unwrap())));
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
            assert!(!is_refused(fine, &kim()), "{fine}");
        }
        let short = OwnWords::of_account("a@b.co", "A B");
        assert!(!is_refused("abababab-1234", &short), "parts of two letters are no words");
    }
}
