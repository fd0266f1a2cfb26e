//! What shoppers type, checked: each wrong field gets its own message, and what was typed is kept.

use std::collections::HashMap;

use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::mail_address::is_mail_address;
use shop_contracts::orders::Address;
use shop_contracts::shown;

/// Countries that parcels go to.
pub const COUNTRIES: [(&str, &str); 10] = [
    ("BE", "Belgium"),
    ("DK", "Denmark"),
    ("FI", "Finland"),
    ("FR", "France"),
    ("DE", "Germany"),
    ("IE", "Ireland"),
    ("NL", "Netherlands"),
    ("NO", "Norway"),
    ("SE", "Sweden"),
    ("GB", "United Kingdom"),
];

/// Test cards of the payment sandbox: token, name, what it does.
pub const CARDS: [(&str, &str, &str); 4] = [
    ("tok_visa", "Visa ···· 4242", "Approved"),
    ("tok_slow", "Visa ···· 6969", "Approved after a while"),
    ("tok_declined", "Mastercard ···· 0002", "Declined by the bank"),
    ("tok_error", "Mastercard ···· 0119", "The bank does not answer"),
];

/// What is said of a password that is guessed first.
pub const GUESSED_FIRST: &str = "People guess that one first: it is a common one, or made of your name, your address or ours. A short sentence is good.";

/// Values as typed and what is wrong with them.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    values: HashMap<&'static str, String>,
    errors: HashMap<&'static str, String>,
}

impl Typed {
    /// Puts a value in, to be shown or checked.
    pub fn set(&mut self, field: &'static str, value: impl Into<String>) -> &mut Self {
        self.values.insert(field, value.into());
        self
    }

    /// The value of a field.
    pub fn value(&self, field: &str) -> &str {
        self.values.get(field).map(String::as_str).unwrap_or_default()
    }

    /// Whether such a field was put in.
    pub fn has(&self, field: &str) -> bool {
        self.values.contains_key(field)
    }

    /// What is wrong with a field.
    pub fn error(&self, field: &str) -> Option<&str> {
        self.errors.get(field).map(String::as_str)
    }

    /// Notes what is wrong with a field; the first message stays.
    pub fn wrong(&mut self, field: &'static str, message: impl Into<String>) {
        self.errors.entry(field).or_insert_with(|| message.into());
    }

    /// Takes back what was noted about a field.
    pub fn forgive(&mut self, field: &str) {
        self.errors.remove(field);
    }

    /// Notes what is wrong with a field that somebody else names. False when no such field was put in.
    pub fn wrong_named(&mut self, field: &str, message: &str) -> bool {
        let known = self.values.keys().copied().find(|known| *known == field);
        if let Some(known) = known {
            self.wrong(known, message);
        }
        known.is_some()
    }

    /// Whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.errors.is_empty()
    }

    /// How many fields are wrong.
    pub fn wrong_count(&self) -> usize {
        self.errors.len()
    }

    fn need(&mut self, field: &'static str, longest: usize, missing: &str) {
        let length = self.value(field).chars().count();
        if length == 0 {
            self.wrong(field, missing);
        } else if length > longest {
            self.wrong(field, format!("At most {longest} characters, please."));
        } else if !shown::is_line(self.value(field)) {
            self.wrong(field, "It holds a character that cannot be seen. Please type it anew.");
        }
    }

    /// Checks the field `email`.
    pub fn check_email(&mut self) {
        self.need("email", 254, "Enter your e-mail address.");
        let email = self.value("email");
        if !is_mail_address(email) {
            self.wrong("email", "Enter an address like kim@example.com.");
        }
    }

    /// Checks everything that a checkout asks for.
    pub fn check_checkout(&mut self) {
        self.check_email();
        self.check_address();
        if !CARDS.iter().any(|(token, ..)| *token == self.value("payment_token")) {
            self.wrong("payment_token", "Choose a card.");
        }
        let delivery = self.value("delivery");
        if !delivery.is_empty() && DeliveryMethod::parse(delivery).is_none() {
            self.wrong("delivery", "Choose how it gets to you.");
        }
    }

    /// The way of delivery that was chosen; by post unless one was.
    pub fn delivery(&self) -> DeliveryMethod {
        DeliveryMethod::parse(self.value("delivery")).unwrap_or_default()
    }

    fn check_address(&mut self) {
        self.need("name", 100, "Enter the name to put on the parcel.");
        self.need("address1", 200, "Enter street and number.");
        self.need("city", 100, "Enter the town or city.");
        self.need("postcode", 16, "Enter the postcode.");
        if !COUNTRIES.iter().any(|(code, _)| *code == self.value("country")) {
            self.wrong("country", "Choose a country from the list.");
        }
    }

    /// Checks everything that an account asks for. `password` is kept out of the values.
    pub fn check_registration(&mut self, password: &str) {
        self.check_email();
        self.need("name", 100, "Enter your name.");
        self.check_password("password", password);
        if password.trim().to_lowercase() == self.value("email").to_lowercase() {
            self.wrong("password", GUESSED_FIRST);
        }
    }

    /// Checks a new password, which is kept out of the values.
    pub fn check_password(&mut self, field: &'static str, password: &str) {
        if !(10..=200).contains(&password.chars().count()) {
            self.wrong(field, "Use 10 to 200 characters.");
        }
    }

    /// Checks an address for the account's book.
    pub fn check_saved_address(&mut self) {
        self.need("label", 40, "Give it a name, such as “Home”.");
        self.check_address();
    }

    /// The address of a checked checkout.
    pub fn address(&self) -> Address {
        let text = |field| self.value(field).to_owned();
        Address {
            name: text("name"),
            address1: text("address1"),
            city: text("city"),
            postcode: text("postcode"),
            country: text("country"),
        }
    }
}

/// The name of a country by its code.
pub fn country_name(code: &str) -> &str {
    COUNTRIES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// A path of this shop to go on to, or the way home: never another site.
pub fn safe_return(path: &str) -> String {
    let ours = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.len() <= 300
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if ours { path.to_owned() } else { "/account".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_of_a_checkout_is_named_at_once() {
        let mut typed = Typed::default();
        typed.set("email", "kim").set("country", "XX").set("name", "Kim");
        typed.check_checkout();
        for field in ["email", "country", "address1", "city", "postcode", "payment_token"] {
            assert!(typed.error(field).is_some(), "{field}");
        }
        assert!(typed.error("name").is_none());
        assert_eq!(typed.value("name"), "Kim");
    }

    #[test]
    fn addresses_that_mail_can_reach_pass() {
        for (email, fine) in [
            ("kim@example.com", true),
            ("@example.com", false),
            ("kim@localhost", false),
            ("k m@x.de", false),
        ] {
            let mut typed = Typed::default();
            typed.set("email", email);
            typed.check_email();
            assert_eq!(typed.is_fine(), fine, "{email}");
        }
    }

    #[test]
    fn every_country_of_the_form_has_its_rates() {
        let mut offered = COUNTRIES.map(|(code, _)| code);
        offered.sort_unstable();
        assert_eq!(offered.to_vec(), shop_contracts::tax::countries().collect::<Vec<_>>());
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(safe_return("/checkout"), "/checkout");
        for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nb"] {
            assert_eq!(safe_return(evil), "/account", "{evil}");
        }
    }
}
