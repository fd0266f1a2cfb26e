//! Our rows beside the provider's books, some time after each change.

use shop_contracts::payments::{Authorisation, AuthorisationState};
use shop_instrumentation::Problem;

use super::compare::{Remedy, compare};
use super::worked_on;
use crate::payments::Payments;
use crate::provider::{Lookup, ProviderError};
use crate::storage::begin::Turn;

/// How often an open hold is compared: issuers let holds go without asking us.
const OPEN_EVERY: chrono::Duration = chrono::Duration::minutes(10);

impl Payments {
    pub(super) async fn verify_books(&self) -> Result<usize, sqlx::Error> {
        // The claim is a minute, so that a provider that is away is not asked in a circle.
        let turn = || Turn { lease: chrono::Duration::minutes(1), ..self.turn() };
        let claim = || async { Ok(self.store.claim_unverified(1, turn()).await?.pop()) };
        worked_on(claim, |ours| async move {
            if let Err(problem) = self.verify(&ours).await {
                tracing::warn!(payment_id = %ours.id, detail = problem.detail(), "books not compared");
            }
        })
        .await
    }

    async fn verify(&self, ours: &Authorisation) -> Result<(), Problem> {
        let now = self.clock.now();
        let key = ours.order_id.to_string();
        let lookup = ours.provider_reference.as_deref().map_or(Lookup::Key(&key), Lookup::Reference);
        let theirs = match self.look_up(lookup).await {
            Ok(theirs) => theirs,
            // Asked again when the claim ends.
            Err(ProviderError::Unknown(why) | ProviderError::Refused(why)) => {
                tracing::warn!(payment_id = %ours.id, why, "the provider does not show its books");
                return Ok(());
            }
        };
        let Some((difference, remedy)) = compare(ours, theirs.as_ref()) else {
            let again = (ours.state == AuthorisationState::Open).then_some(now + OPEN_EVERY);
            self.store.note_agreement(ours.id, again, now).await?;
            return Ok(());
        };
        // The row may have moved on while the provider was asked; its next comparison sees both sides at rest.
        if !self.store.is_unchanged(ours).await? {
            return Ok(());
        }
        tracing::error!(payment_id = %ours.id, order_id = %ours.order_id, difference = difference.as_str(), "the provider's books differ from ours");
        self.store.note_difference(ours.id, difference, now).await?;
        match remedy {
            Remedy::Repeat(kind) => self.store.reopen(ours, kind, now).await?,
            Remedy::Adopt(kind) => self.store.adopt(ours.id, kind, now).await?,
            Remedy::Person => {}
        }
        Ok(())
    }
}
