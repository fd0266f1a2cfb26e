//! Deletion and snapshots: Prometheus has them switched off unless a flag says otherwise. Here nothing switches them on.

use super::envelope::ApiError;

/// In Prometheus' words.
pub async fn disabled() -> ApiError {
    ApiError::unavailable("admin APIs disabled")
}
