//! Changing the password, and deleting the account: what only the owner's present password allows.

use shop_contracts::AccountId;
use shop_contracts::identity::{Account, ChangePassword, ConfirmPassword};
use shop_instrumentation::{Code, Problem};

use crate::credentials::{Password, parse_new_password, parse_password};
use crate::guessable;
use crate::identity::{Identity, no_account};
use crate::judgement::Judged;
use crate::storage::accounts::Stored;
use crate::throttle::Subject;
use crate::token::Token;

impl Identity {
    /// The account with this id.
    pub async fn account(&self, id: AccountId) -> Result<Account, Problem> {
        Ok(self.accounts.find(id).await?.ok_or_else(no_account)?.account)
    }

    /// Sets a new password. Every session ends but the one that is named, and so does every asked-for reset.
    pub async fn change_password(&self, id: AccountId, request: ChangePassword) -> Result<(), Problem> {
        let current = parse_password("current", request.current)?;
        let new = parse_new_password("new", request.new)?;
        let keep = request.keep_session_token.as_deref().and_then(Token::parse).map(|token| token.digest());
        self.inject_faults().await?;
        let known = self.prove(id, current).await?;
        guessable::refuse("new", &new, &known.own_words())?;
        let hash = self.passwords.hash(&new).await?;
        if !self.accounts.change_password(&known, &hash, keep.as_deref(), self.clock.now()).await? {
            // Somebody else changed it meanwhile: the present password is another one.
            return Err(wrong_password());
        }
        tracing::info!(user.id = %id, "password changed");
        Ok(())
    }

    /// Removes the account with everything that hangs on it; its orders lose the person soon after.
    pub async fn delete_account(&self, id: AccountId, request: ConfirmPassword) -> Result<(), Problem> {
        let password = parse_password("password", request.password)?;
        self.inject_faults().await?;
        let known = self.prove(id, password).await?;
        if self.accounts.delete(&known.account, self.clock.now()).await? {
            tracing::info!(user.id = %id, "account deleted");
        }
        Ok(())
    }

    /// The account, if the password is its own. Whoever holds a stolen session guesses no faster than at the log-in.
    async fn prove(&self, id: AccountId, password: Password) -> Result<Stored, Problem> {
        let known = self.accounts.find(id).await?.ok_or_else(no_account)?;
        let subject = Subject::new(&known.account.email, None);
        let passwords = self.passwords.clone();
        let check = async move {
            let right = passwords.verify(&password, Some(&known.password_hash)).await?;
            Ok(Some(known).filter(|_| right))
        };
        match self.judge(&self.throttles.log_in, subject, "too many wrong passwords", check).await? {
            Judged::Right(known) => Ok(known),
            Judged::Wrong => Err(wrong_password()),
            Judged::HeldUp(problem) => Err(problem),
        }
    }
}

fn wrong_password() -> Problem {
    Problem::new(Code::Unauthenticated, "the password is wrong")
}
