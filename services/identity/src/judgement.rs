//! One try of a password, from its count to what came of it.
//!
//! What must always hold: a try stays counted exactly if its password was wrong. So it is judged in a task of its own:
//! whoever asked may go away, or have waited long enough, the verdict is settled all the same. Giving a try back because
//! its caller left would not do: who leaves before each answer could have passwords hashed without a bound.

use std::future::Future;

use shop_instrumentation::Problem;
use tracing::Instrument as _;

use crate::identity::Identity;
use crate::throttle::{Subject, Throttle, Verdict};

/// What came of a try.
#[derive(Debug)]
pub(crate) enum Judged<T> {
    /// The password is right.
    Right(T),
    Wrong,
    /// It was not looked at: there were too many.
    HeldUp(Problem),
}

impl Identity {
    /// Counts a try, and has `check` say whether the password is right: nothing when it is not. An error of `check` is no
    /// verdict, and the try is given back.
    pub(crate) async fn judge<T, Fut>(
        &self,
        throttle: &Throttle,
        subject: Subject,
        refusal: &'static str,
        check: Fut,
    ) -> Result<Judged<T>, Problem>
    where
        T: Send + 'static,
        Fut: Future<Output = Result<Option<T>, Problem>> + Send + 'static,
    {
        let (identity, throttle) = (self.clone(), throttle.clone());
        let task = async move {
            // Counted before the password is looked at, so that tries at the same time cannot slip through.
            if let Err(problem) = identity.admit(&throttle, &subject, refusal).await {
                return Ok(Judged::HeldUp(problem));
            }
            let (verdict, judged) = match check.await {
                Ok(Some(known)) => (Verdict::Right, Ok(Judged::Right(known))),
                Ok(None) => return Ok(Judged::Wrong),
                Err(problem) => (Verdict::Unjudged, Err(problem)),
            };
            throttle.settle(&subject, verdict, identity.clock.now()).await;
            judged
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(judged) => judged,
            Err(cut) => Err(Problem::internal(&cut)),
        }
    }
}
