//! Who may read: sessions of people (a cookie) and tokens of programs (a bearer header).

mod attempts;
mod login;
mod session;
mod theme;
mod tokens;

use std::sync::Arc;

use console_app::Assets;
use console_state::State;

pub use attempts::Attempts;
pub use login::{form, log_in, log_out};
pub use session::{require_for_pages, require_for_server_functions};
pub use theme::choose as choose_theme;
pub use tokens::{QueryTokens, require_for_queries};

/// The session's cookie.
const COOKIE: &str = "qd_session";

/// What log-ins and checks need. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    pub state: Arc<State>,
    pub tokens: QueryTokens,
    pub assets: Assets,
    pub attempts: Attempts,
    /// The console is reached by https: cookies say so.
    pub is_https: bool,
}
