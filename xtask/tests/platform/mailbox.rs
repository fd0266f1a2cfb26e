//! The platform's folder of mails, read as a person reads them.

use std::time::Duration;

use crate::{
    Failure,
    local::{Platform, eventually},
};

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail {
    pub subject: String,
    pub text: String,
}

/// All mails to an address, or to those that hold this part, oldest first: their files are named by time.
pub fn mails_to(p: &Platform, address: &str) -> Result<Vec<Mail>, Failure> {
    let mut files: Vec<_> = std::fs::read_dir(p.data.join("mail"))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    files.sort();
    let mut mails = Vec::new();
    for file in files {
        // The oldest may be tidied away meanwhile.
        let Ok(raw) = std::fs::read_to_string(&file) else { continue };
        if let Some(mail) = read(&raw, address) {
            mails.push(mail);
        }
    }
    Ok(mails)
}

/// Waits for a mail to an address whose subject holds these words.
pub async fn mail(p: &Platform, address: &str, subject: &str) -> Result<Mail, Failure> {
    eventually(&format!("the mail {subject:?} to {address}"), Duration::from_secs(30), || async {
        Ok(mails_to(p, address)?.into_iter().rev().find(|mail| mail.subject.contains(subject)))
    })
    .await
}

/// The first link in a mail's text that holds this.
pub fn link_in<'a>(text: &'a str, part: &str) -> Result<&'a str, Failure> {
    let link = text.split_whitespace().find(|word| word.contains(part));
    link.ok_or_else(|| format!("no link with {part} in {text:?}").into())
}

fn read(raw: &str, address: &str) -> Option<Mail> {
    let (head, body) = raw.split_once("\r\n\r\n")?;
    // Long headers go on in the next line.
    let head = head.replace("\r\n ", " ");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let to = header("To: ")?;
    if !to.contains(address) {
        return None;
    }
    let quoted =
        header("Content-Transfer-Encoding: ").is_some_and(|encoding| encoding.contains("quoted-printable"));
    let text = if quoted { unquoted(body) } else { body.to_owned() };
    Some(Mail { subject: header("Subject: ")?.to_owned(), text })
}

/// Quoted-printable text as it was written.
fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        // Two digits and what follows.
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        match u8::from_str_radix(digits, 16) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(format!("={digits}").as_bytes()),
        }
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
