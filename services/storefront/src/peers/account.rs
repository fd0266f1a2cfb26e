//! What identity does for the owner of an account.

use shop_contracts::AccountId;
use shop_contracts::identity::{
    Account, Addresses, ChangePassword, CheckLink, ConfirmPassword, ConfirmRegistration, ConfirmReset,
    KeptCart, LinkState, RequestReset, Sessions,
};
use shop_instrumentation::client::{Call, CallError};
use uuid::Uuid;

use super::Peers;

/// The header in which a session's token travels; in a path it would end up in logs.
pub(super) const SESSION_TOKEN: &str = "x-session-token";

impl Peers {
    /// Sets a new password; every session but the kept one ends.
    pub async fn change_password(
        &self,
        account: AccountId,
        change: &ChangePassword,
    ) -> Result<(), CallError> {
        self.identity.send(Call::put(format!("/v1/accounts/{account}/password"), change)).await.map(|_| ())
    }

    /// Deletes the account and everything that names its owner.
    pub async fn delete_account(&self, account: AccountId, proof: &ConfirmPassword) -> Result<(), CallError> {
        self.identity.send(Call::post(format!("/v1/accounts/{account}/delete"), proof)).await.map(|_| ())
    }

    /// The account's book of addresses.
    pub async fn addresses(&self, account: AccountId) -> Result<Addresses, CallError> {
        self.identity.request(Call::get(format!("/v1/accounts/{account}/addresses"))).await
    }

    /// Replaces the account's book of addresses.
    pub async fn save_addresses(
        &self,
        account: AccountId,
        addresses: &Addresses,
    ) -> Result<Addresses, CallError> {
        self.identity.request(Call::put(format!("/v1/accounts/{account}/addresses"), addresses)).await
    }

    /// The cart that the account keeps.
    pub async fn kept_cart(&self, account: AccountId) -> Result<KeptCart, CallError> {
        self.identity.request(Call::get(format!("/v1/accounts/{account}/cart"))).await
    }

    /// Has the account keep a cart, if it still keeps the revision that this one names; a conflict says what it keeps
    /// instead of it. A repeat would meet its own effect, or what others made of that, as a conflict: so there is none.
    pub async fn keep_cart(&self, account: AccountId, cart: &KeptCart) -> Result<(), CallError> {
        let call = Call::put(format!("/v1/accounts/{account}/cart"), cart).once();
        self.identity.send(call).await.map(|_| ())
    }

    /// The account's sessions; the one with this token is marked.
    pub async fn sessions(&self, account: AccountId, token: &str) -> Result<Sessions, CallError> {
        let call = Call::get(format!("/v1/accounts/{account}/sessions")).header(SESSION_TOKEN, token);
        self.identity.request(call).await
    }

    /// Ends one session.
    pub async fn end_session(&self, account: AccountId, session: Uuid) -> Result<(), CallError> {
        let path = format!("/v1/accounts/{account}/sessions/{session}");
        self.identity.send(Call::delete(path)).await.map(|_| ())
    }

    /// Makes the account that a mail's token stands for; again the same for the same token.
    pub async fn confirm_registration(&self, request: &ConfirmRegistration) -> Result<Account, CallError> {
        self.identity.request(Call::post("/v1/accounts/confirm", request).idempotent()).await
    }

    /// Whether the token of a registration's mail still makes an account.
    pub async fn check_registration(&self, request: &CheckLink) -> Result<LinkState, CallError> {
        self.identity.request(Call::post("/v1/accounts/confirm/check", request)).await
    }

    /// Whether the token of a mail still sets a new password.
    pub async fn check_reset(&self, request: &CheckLink) -> Result<LinkState, CallError> {
        self.identity.request(Call::post("/v1/password-resets/check", request)).await
    }

    /// Sends a mail with a link to set a new password, if there is such an account; once for each key. The answer is
    /// always the same.
    pub async fn request_reset(&self, key: &str, request: &RequestReset) -> Result<(), CallError> {
        let call = Call::post("/v1/password-resets", request).idempotency_key(key);
        self.identity.send(call).await.map(|_| ())
    }

    /// Sets a new password by the token of a mail.
    pub async fn confirm_reset(&self, request: &ConfirmReset) -> Result<(), CallError> {
        self.identity.send(Call::post("/v1/password-resets/confirm", request)).await.map(|_| ())
    }
}
