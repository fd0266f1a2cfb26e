//! Mails about accounts.

use shop_contracts::events::IdentityEvent;

use super::{MailKind, Unmailable};

pub(super) const fn subject(kind: MailKind) -> &'static str {
    match kind {
        MailKind::AlreadyRegistered => "You have an account already",
        MailKind::ConfirmRegistration => "Confirm your account",
        MailKind::PasswordReset => "A new password for your account",
        MailKind::PasswordChanged => "Your password was changed",
        MailKind::AccountDeleted => "Your account is deleted",
        _ => "Welcome aboard",
    }
}

/// What follows the greeting.
pub(super) fn text(
    kind: MailKind,
    event: &IdentityEvent,
    public_url: Option<&str>,
) -> Result<String, Unmailable> {
    let link = |path: &str| public_url.map(|url| format!("{url}{path}"));
    let at = |link: Option<String>| link.map_or_else(String::new, |link| format!(": {link}"));
    let text = match kind {
        MailKind::AlreadyRegistered => format!(
            "somebody, perhaps you, has just tried to make an account with this address. You have one already, so \
             nothing has changed. Log in as before{}\n\nIf you have forgotten your password, ask for a new one{}\n\n\
             If it was not you, there is nothing to do.",
            at(link("/login")),
            at(link("/forgot-password")),
        ),
        MailKind::ConfirmRegistration => {
            let token = token_of(event)?;
            let way = match link(&format!("/register/confirm?token={token}")) {
                Some(link) => format!("here, within a day:\n\n{link}"),
                None => format!("with this code, within a day:\n\n{token}"),
            };
            format!(
                "somebody, hopefully you, wants an account with this address. Confirm it with the password that you \
                 chose, {way}\n\nIf it was not you, there is nothing to do: without you there is no account."
            )
        }
        MailKind::PasswordReset => {
            let token = token_of(event)?;
            let way = match link(&format!("/reset-password?token={token}")) {
                Some(link) => format!("Set one here, within an hour:\n\n{link}"),
                None => format!("Set one with this code, within an hour:\n\n{token}"),
            };
            format!(
                "somebody, hopefully you, has asked for a new password. {way}\n\nIf it was not you, there is nothing \
                 to do: your password stays as it is."
            )
        }
        MailKind::PasswordChanged => format!(
            "your password was changed just now. You are logged out everywhere, except where you changed it in your \
             account.\n\nIf it was not you, ask for a new password at once{}",
            at(link("/forgot-password")),
        ),
        MailKind::AccountDeleted => {
            "your account is deleted, as you asked. Your saved addresses are gone, and your past orders do not name you \
             any more. An order that has not left us yet, or whose money is still under way, keeps your name, address \
             and e-mail address until that is done, and then loses them too. Fair winds!"
                .to_owned()
        }
        _ => format!(
            "your account is ready. Your orders and addresses are in one place now{}",
            at(link("/account"))
        ),
    };
    Ok(format!("{text}\n\n"))
}

/// The secret that the mail's link carries.
fn token_of(event: &IdentityEvent) -> Result<&str, Unmailable> {
    let token = event.token.as_deref().filter(|token| is_plain(token));
    token.ok_or(Unmailable("the event has no token"))
}

/// Nothing but what a token is made of goes into a link.
fn is_plain(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
