use std::collections::BTreeSet;

use shop_contracts::events::{OrderEvent, OrderEventKind};
use shop_instrumentation::config::Secret;
use shop_notifications::compose::{Mail, MailKind};
use shop_notifications::event::Event;
use shop_notifications::mailers::files::FileMailer;
use shop_notifications::mailers::smtp::SmtpMailer;
use shop_notifications::mailers::{MailError, Mailer};

use shop_notifications::workers::consume_once;

use crate::smtp_server::SmtpServer;
use crate::stage::{EMAIL, Stage, composer, event};

fn mail_of(event: &OrderEvent) -> Mail {
    composer().compose(MailKind::OrderConfirmed, &Event::Order(event.clone())).unwrap()
}

fn message_id(mail: &str) -> String {
    mail.lines().find(|line| line.starts_with("Message-ID")).expect("a mail has an id").to_owned()
}

/// What every adapter of the port must do; `inbox` is what arrived.
async fn mailer_behaves(mailer: &dyn Mailer, inbox: impl Fn() -> Vec<String>) {
    let mut one = event(OrderEventKind::Confirmed);
    one.lines[0].name = "Lämpchen Ö. Ünd\n.\nmore".to_owned();
    mailer.send(&mail_of(&one)).await.unwrap();
    let arrived = inbox();
    assert_eq!(arrived.len(), 1);
    assert_eq!(
        arrived[0].trim_end(),
        String::from_utf8(mail_of(&one).message.formatted()).unwrap().trim_end(),
        "a mail arrives whole"
    );
    assert!(arrived[0].contains(EMAIL));
    mailer.send(&mail_of(&one)).await.unwrap();
    mailer.send(&mail_of(&event(OrderEventKind::Confirmed))).await.unwrap();
    let ids: BTreeSet<String> = inbox().iter().map(|mail| message_id(mail)).collect();
    assert_eq!(ids.len(), 2, "a repeated mail is known by its id");
}

#[tokio::test]
async fn files_hold_whole_mails_and_a_repeated_one_replaces_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = FileMailer::open(&folder.path().join("new/mail"), 10).unwrap();
    let inbox = || {
        let files = std::fs::read_dir(folder.path().join("new/mail")).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>()
    };
    mailer_behaves(&mailer, inbox).await;
    assert_eq!(inbox().len(), 2, "and nothing half-written is left");
}

#[tokio::test]
async fn mail_server_gets_whole_mails() {
    let server = SmtpServer::start("250 fine").await;
    let mailer = SmtpMailer::new(&server.url).unwrap();
    mailer_behaves(&mailer, || server.mails()).await;
}

#[tokio::test]
async fn folder_keeps_the_newest_only() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = FileMailer::open(folder.path(), 10).unwrap();
    let mut last = None;
    for _ in 0..64 {
        let event = event(OrderEventKind::Confirmed);
        mailer.send(&mail_of(&event)).await.unwrap();
        last = Some(event.id);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 10);
    assert!(folder.path().join(format!("{}.eml", last.unwrap())).exists());
}

#[tokio::test]
async fn a_refusal_a_delay_and_silence_are_told_apart_without_repeating_the_address() {
    let mail = mail_of(&event(OrderEventKind::Confirmed));
    let refusing = SmtpServer::start("550 5.1.1 <kim@example.com>: no such user").await;
    let delaying = SmtpServer::start("450 4.2.0 <kim@example.com>: greylisted").await;
    let refused = SmtpMailer::new(&refusing.url).unwrap().send(&mail).await.unwrap_err();
    let delayed = SmtpMailer::new(&delaying.url).unwrap().send(&mail).await.unwrap_err();
    assert!(matches!(&refused, MailError::Refused(why) if why.contains("550")), "{refused}");
    assert!(matches!(&delayed, MailError::NotNow(why) if why.contains("450")), "{delayed}");
    let nobody = SmtpMailer::new(&Secret::new("smtp://127.0.0.1:1")).unwrap();
    let silent = nobody.send(&mail).await.unwrap_err();
    assert!(matches!(&silent, MailError::NotNow(_)), "{silent}");
    assert!(![refused, delayed, silent].iter().any(|error| error.to_string().contains("kim")));
}

#[tokio::test]
async fn what_is_no_mail_server_is_said_without_its_password() {
    let error = SmtpMailer::new(&Secret::new("https://me:hunter2@mail.example")).err().unwrap();
    assert!(!error.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_not_now() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = FileMailer::open(folder.path(), 10).unwrap();
    drop(folder);
    let error = mailer.send(&mail_of(&event(OrderEventKind::Confirmed))).await.unwrap_err();
    assert!(matches!(error, MailError::NotNow(_)), "{error}");
}

/// Mails hold one-time links: another user of the machine would take the account over.
#[tokio::test]
async fn mails_and_their_folder_are_their_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::set().await;
    std::fs::set_permissions(stage.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let consumer = stage.consumer("one");
    stage.publish(&stage.event(OrderEventKind::Confirmed)).await;
    while consume_once(&consumer.notifications).await.unwrap() == 0 {}
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(stage.folder.path()), mode(&stage.mails()[0])), (0o700, 0o600));
}
