//! Mails over SMTP.
//!
//! A mail that is handed over twice has the same Message-ID both times, by which mailboxes drop the second.

use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use shop_instrumentation::config::Secret;

use super::{MailError, Mailer};
use crate::compose::Mail;

/// For each step of the conversation.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A mail server.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

/// The URL is not one of a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL of a mail server: smtps://user:password@host, or smtp://host")]
pub struct NotAMailServer;

impl SmtpMailer {
    /// The server at `smtps://user:password@host:port`, or `smtp://host:port` (with `?tls=required` for STARTTLS).
    /// Does not connect.
    pub fn new(url: &Secret) -> Result<Self, NotAMailServer> {
        let builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()).map_err(|_| NotAMailServer)?;
        Ok(Self { transport: builder.timeout(Some(TIMEOUT)).build() })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let sent = self.transport.send_raw(mail.message.envelope(), &mail.message.formatted()).await;
        sent.map(|_| ()).map_err(|error| told(&error))
    }
}

/// The kind of failure and the server's number, never its words.
fn told(error: &Error) -> MailError {
    let status = error.status().map(|code| code.to_string()).unwrap_or_default();
    if error.is_permanent() {
        return MailError::Refused(format!("the mail server answered {status}"));
    }
    MailError::NotNow(if error.is_transient() {
        format!("the mail server answered {status}")
    } else if error.is_timeout() {
        "the mail server did not answer in time".to_owned()
    } else if error.is_tls() {
        "no secure connection to the mail server".to_owned()
    } else if error.is_client() || error.is_response() {
        "the mail server was not understood".to_owned()
    } else {
        "the mail server cannot be reached".to_owned()
    })
}
