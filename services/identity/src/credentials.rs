//! What a shopper types, parsed into types that cannot be wrong. None of them prints.

use std::fmt;

use shop_contracts::identity::RegisterAccount;
use shop_contracts::mail_address::is_mail_address;
use shop_contracts::shown;
use shop_instrumentation::{Code, Problem};

use crate::guessable::{self, OwnWords};

/// RFC 5321, section 4.5.3.1.3: a path of 256 octets, less its two brackets.
const MAX_EMAIL_CHARS: usize = 254;
const MAX_NAME_CHARS: usize = 100;
const MIN_PASSWORD_CHARS: usize = 10;
const MAX_PASSWORD_CHARS: usize = 200;
const MAX_USERNAME_CHARS: usize = 40;

/// An address as it is stored and compared: trimmed, lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// A password as typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// A staff member's name: lower-case letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

/// A checked registration.
#[derive(Clone)]
pub struct Registration {
    pub email: Email,
    pub display_name: String,
    pub password: Password,
}

impl Email {
    /// An address that mail can reach, or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fine = is_mail_address(text) && text.chars().count() <= MAX_EMAIL_CHARS;
        fine.then(|| Self(text.to_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Password {
    /// A password for a new account.
    pub fn parse_new(text: String) -> Option<Self> {
        (MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&text.chars().count()).then_some(Self(text))
    }

    /// A password to compare; the rules for new ones may have been others when it was chosen.
    pub fn parse(text: String) -> Option<Self> {
        (1..=MAX_PASSWORD_CHARS).contains(&text.chars().count()).then_some(Self(text))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Username {
    /// A name, or nothing; case and blanks around do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim().to_ascii_lowercase();
        let fine = (1..=MAX_USERNAME_CHARS).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        fine.then_some(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Registration {
    /// Checks every field; the problem names all that are wrong.
    pub fn parse(request: RegisterAccount) -> Result<Self, Problem> {
        let email = Email::parse(&request.email);
        let display_name = request.display_name.trim().to_owned();
        let named =
            (1..=MAX_NAME_CHARS).contains(&display_name.chars().count()) && shown::is_line(&display_name);
        let password = Password::parse_new(request.password);
        match (email, named, password) {
            (Some(email), true, Some(password)) => {
                guessable::refuse(
                    "password",
                    &password,
                    &OwnWords::of_account(email.as_str(), &display_name),
                )?;
                Ok(Self { email, display_name, password })
            }
            (email, named, password) => Err(wrong(
                "the account cannot be made",
                [
                    (email.is_some(), "email", "is not an e-mail address".to_owned()),
                    (named, "display_name", format!("must be 1 to {MAX_NAME_CHARS} characters of text")),
                    (
                        password.is_some(),
                        "password",
                        format!("must be {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"),
                    ),
                ],
            )),
        }
    }
}

/// Checks address and password of a log-in; the problem names what is wrong.
pub fn parse_log_in(email: &str, password: String) -> Result<(Email, Password), Problem> {
    match (Email::parse(email), Password::parse(password)) {
        (Some(email), Some(password)) => Ok((email, password)),
        (email, password) => Err(wrong(
            "nobody can be logged in with this",
            [
                (email.is_some(), "email", "is not an e-mail address".to_owned()),
                (password.is_some(), "password", format!("must be 1 to {MAX_PASSWORD_CHARS} characters")),
            ],
        )),
    }
}

/// Checks name and password of a staff member's log-in; the problem names what is wrong.
pub fn parse_staff_log_in(name: &str, password: String) -> Result<(Username, Password), Problem> {
    match (Username::parse(name), Password::parse(password)) {
        (Some(name), Some(password)) => Ok((name, password)),
        (name, password) => Err(wrong(
            "nobody can be logged in with this",
            [
                (
                    name.is_some(),
                    "email",
                    format!("must be a name of 1 to {MAX_USERNAME_CHARS} letters and digits"),
                ),
                (password.is_some(), "password", format!("must be 1 to {MAX_PASSWORD_CHARS} characters")),
            ],
        )),
    }
}

/// An address to send a mail to; the problem names the field.
pub fn parse_email(email: &str) -> Result<Email, Problem> {
    Email::parse(email).ok_or_else(|| {
        wrong("no mail can be sent there", [(false, "email", "is not an e-mail address".to_owned())])
    })
}

/// A password to compare; the problem names `field`.
pub fn parse_password(field: &'static str, password: String) -> Result<Password, Problem> {
    let detail = format!("must be 1 to {MAX_PASSWORD_CHARS} characters");
    Password::parse(password).ok_or_else(|| wrong("the password is not right", [(false, field, detail)]))
}

/// A new password of the right length; the problem names `field`. Whether it is guessed first is asked where it is known
/// whose it is.
pub fn parse_new_password(field: &'static str, password: String) -> Result<Password, Problem> {
    let detail = format!("must be {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters");
    Password::parse_new(password).ok_or_else(|| wrong("the password cannot be set", [(false, field, detail)]))
}

fn wrong<const N: usize>(detail: &str, fields: [(bool, &str, String); N]) -> Problem {
    fields
        .into_iter()
        .filter(|(fine, ..)| !fine)
        .fold(Problem::new(Code::Invalid, detail), |problem, (_, field, detail)| problem.field(field, detail))
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case_and_blanks_around() {
        assert_eq!(Email::parse(" Kim@Example.COM "), Email::parse("kim@example.com"));
        for nonsense in
            ["", "kim", "@example.com", "kim@", "kim@host", "k im@a.b", "a@b@c.d", "kim@.com", "a@b."]
        {
            assert_eq!(Email::parse(nonsense), None, "{nonsense}");
        }
        assert_eq!(Email::parse(&format!("{}@example.com", "x".repeat(250))), None);
    }

    #[test]
    fn password_length_counts_characters_and_blanks() {
        assert!(Password::parse_new("ümläut ünd".to_owned()).is_some());
        assert!(Password::parse_new("123456789".to_owned()).is_none());
        assert!(Password::parse_new("x".repeat(201)).is_none());
    }

    #[test]
    fn staff_names_are_short_and_plain() {
        assert_eq!(Username::parse(" Kim.H-2 ").unwrap().as_str(), "kim.h-2");
        for nonsense in ["", "kim harbour", "kim@example.com", "k\0m", &"x".repeat(41)] {
            assert_eq!(Username::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn nothing_typed_ever_prints() {
        let printed = format!("{:?} {:?}", Email::parse("kim@example.com"), Password::parse("secret".into()));
        assert!(!printed.contains("kim") && !printed.contains("secret"), "{printed}");
    }
}
