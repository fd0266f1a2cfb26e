//! A shopper's addresses, checked as they come in.

use shop_contracts::identity::{Addresses, SavedAddress};
use shop_contracts::{AccountId, shown};
use shop_instrumentation::{Code, Problem};

use crate::identity::{Identity, no_account};
use crate::storage::address_versions::{Replaced, version_of};

const MAX_ADDRESSES: usize = 10;
const MAX_LABEL_CHARS: usize = 40;
/// As orders takes them.
const MAX_TEXT_BYTES: usize = 200;

impl Identity {
    /// The book of an account, with its version.
    pub async fn addresses(&self, account: AccountId) -> Result<Addresses, Problem> {
        self.addresses.find(account).await?.map(versioned).ok_or_else(no_account)
    }

    /// Replaces the book of an account, if it is still of the version that was named.
    pub async fn replace_addresses(&self, account: AccountId, book: Addresses) -> Result<Addresses, Problem> {
        let if_version = book.if_version.clone();
        let (book, now) = (checked(book)?, self.clock.now());
        let replaced = match &if_version {
            Some(version) => self.addresses.replace_version(account, version, &book, now).await?,
            None if self.addresses.replace(account, &book, now).await? => Replaced::Yes,
            None => Replaced::NoAccount,
        };
        match replaced {
            Replaced::Yes => Ok(versioned(book)),
            Replaced::NoAccount => Err(no_account()),
            Replaced::Changed => {
                let found = self.addresses(account).await?;
                Err(Problem::new(Code::Conflict, "the addresses were changed meanwhile").existing(&found))
            }
        }
    }
}

fn versioned(book: Addresses) -> Addresses {
    Addresses { version: Some(version_of(&book.addresses)), ..book }
}

/// Trims every text; the problem names all fields that are wrong.
fn checked(book: Addresses) -> Result<Addresses, Problem> {
    let mut wrong = Vec::new();
    if book.addresses.len() > MAX_ADDRESSES {
        wrong
            .push(("addresses".to_owned(), format!("at most {MAX_ADDRESSES}, got {}", book.addresses.len())));
    }
    let addresses = book.addresses.into_iter().take(MAX_ADDRESSES).map(trimmed).collect::<Vec<_>>();
    for (i, saved) in addresses.iter().enumerate() {
        let to = &saved.address;
        if !is_text(&saved.label) || saved.label.chars().count() > MAX_LABEL_CHARS {
            wrong.push((
                format!("addresses[{i}].label"),
                format!("must be 1 to {MAX_LABEL_CHARS} characters of text"),
            ));
        }
        let texts =
            [("name", &to.name), ("address1", &to.address1), ("city", &to.city), ("postcode", &to.postcode)];
        for (field, text) in texts {
            if !is_text(text) || text.len() > MAX_TEXT_BYTES {
                let detail = format!("must be 1 to {MAX_TEXT_BYTES} bytes of text");
                wrong.push((format!("addresses[{i}].address.{field}"), detail));
            }
        }
        if to.country.len() != 2 || !to.country.bytes().all(|b| b.is_ascii_uppercase()) {
            let detail = "must be two capital letters (ISO 3166)".to_owned();
            wrong.push((format!("addresses[{i}].address.country"), detail));
        }
    }
    if wrong.is_empty() {
        return Ok(Addresses { addresses, ..Addresses::default() });
    }
    let problem = Problem::new(Code::Invalid, "the addresses cannot be saved");
    Err(wrong.into_iter().fold(problem, |problem, (field, detail)| problem.field(field, detail)))
}

fn trimmed(mut saved: SavedAddress) -> SavedAddress {
    let to = &mut saved.address;
    for text in
        [&mut saved.label, &mut to.name, &mut to.address1, &mut to.city, &mut to.postcode, &mut to.country]
    {
        *text = text.trim().to_owned();
    }
    saved
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && shown::is_line(text)
}
