//! Where people meet the shop: the counter at which orders are fetched, and where returns are sent to. Pages and mails say
//! the same because both read it here.

/// A place that people go to or send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Premises {
    /// Who or what is there.
    pub name: &'static str,
    /// Street and number.
    pub street: &'static str,
    /// Postcode.
    pub postcode: &'static str,
    /// Town.
    pub city: &'static str,
    /// Country, in words.
    pub country: &'static str,
}

/// Where shoppers write to; pages and mails name it.
pub const CONTACT: &str = "orders@quarterdeck.example";

/// Where orders are fetched.
pub const COUNTER: Premises = Premises {
    name: "Quarterdeck, the counter",
    street: "Museumskai 3",
    postcode: "24103",
    city: "Kiel",
    country: "Germany",
};

/// When somebody is at the counter.
pub const COUNTER_HOURS: &str = "Monday to Friday 9:00 to 18:00, Saturday 9:00 to 14:00";

/// Where returns are sent to.
pub const RETURNS: Premises = Premises { name: "Quarterdeck, returns", ..COUNTER };

impl Premises {
    /// In one line, as it stands on a parcel.
    pub fn line(&self) -> String {
        format!("{}, {}, {} {}, {}", self.name, self.street, self.postcode, self.city, self.country)
    }
}
