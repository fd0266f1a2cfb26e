//! Confirming an account by the link of a mail.
//!
//! The password that was chosen is asked for once more: a link alone, pressed by somebody whose address a stranger
//! typed, must not make an account that the stranger has the password of.

use shop_contracts::identity::{Account, ConfirmRegistration};
use shop_instrumentation::{Code, Problem};

use crate::credentials::parse_password;
use crate::identity::Identity;
use crate::judgement::Judged;
use crate::storage::confirmations::Pending;
use crate::throttle::Subject;
use crate::token::Token;

impl Identity {
    /// Makes the account that a mail's token stands for, once; asked again, the answer is the same.
    pub async fn confirm_registration(&self, request: ConfirmRegistration) -> Result<Account, Problem> {
        let password = parse_password("password", request.password)?;
        self.inject_faults().await?;
        let token = Token::parse(&request.token).ok_or_else(not_valid)?.digest();
        let pending = self.confirmations.find(&token, self.clock.now()).await?.ok_or_else(not_valid)?;
        let subject = Subject::new(&pending.stored.account.email, request.client_address.as_deref());
        let passwords = self.passwords.clone();
        let check = async move {
            let right = passwords.verify(&password, Some(&pending.stored.password_hash)).await?;
            Ok(Some(pending).filter(|_| right))
        };
        match self.judge(&self.throttles.log_in, subject, "too many wrong passwords", check).await? {
            Judged::Right(pending) => self.made(&token, pending).await,
            Judged::Wrong => Err(Problem::new(Code::Unauthenticated, "the password is wrong")),
            Judged::HeldUp(problem) => Err(problem),
        }
    }

    async fn made(&self, token: &[u8], pending: Pending) -> Result<Account, Problem> {
        let (new, now) = (pending.stored, self.clock.now());
        if !pending.is_confirmed && self.confirmations.confirm(token, &new, now).await? {
            self.metrics.registrations.inc();
            self.metrics.registration_attempts.with_label_values(&["created"]).inc();
            tracing::info!(user.id = %new.account.id, "account registered");
            return Ok(Account { created_at: now, ..new.account });
        }
        // This very account, by a press before this one; or another of the address, or one that is gone again.
        let known = self.accounts.find(new.account.id).await?;
        known.map(|known| known.account).ok_or_else(not_valid)
    }
}

fn not_valid() -> Problem {
    Problem::new(Code::Invalid, "the link is not valid any more")
        .field("token", "is used up, over, or was never valid")
}
