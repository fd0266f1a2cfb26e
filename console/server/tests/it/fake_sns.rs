//! An SNS of a test: an authority, a certificate of its host, a key that signs, and an HTTPS server that has both what it
//! signs with and what confirms a subscription. What signs is openssl, which shares no code with the console.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use console_model::clock::now_ms;
use parking_lot::Mutex;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};

pub const HOST: &str = "sns.eu-central-1.amazonaws.com";
pub const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:shop-alarms";

pub struct FakeSns {
    dir: PathBuf,
    pub address: SocketAddr,
    /// Targets of requests, in their order.
    pub asked: Arc<Mutex<Vec<String>>>,
}

/// What the server has at the address of its certificate.
pub enum Has {
    Certificate,
    Text(String),
}

impl FakeSns {
    /// Makes keys and certificates, and keeps an address; nobody answers there yet.
    pub fn new(dir: &Path) -> (Self, TcpListener) {
        let dir = dir.join("sns");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("names"), format!("subjectAltName=DNS:{HOST}\n")).unwrap();
        let lines = [
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca-key.pem -out ca.pem",
            "req -newkey rsa:2048 -nodes -subj /CN=host -keyout host-key.pem -out host.csr",
            "x509 -req -in host.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile names -out host.pem",
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=signer -keyout signer-key.pem -out signer.pem",
            "genrsa -out stranger-key.pem 2048",
        ];
        for line in lines {
            openssl(&dir, line);
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (Self { dir, address, asked: Arc::default() }, listener)
    }

    pub fn ca_file(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    pub fn serve(&self, listener: TcpListener, has: Has) {
        let certificates = vec![CertificateDer::from_pem_file(self.dir.join("host.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.dir.join("host-key.pem")).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(builder.with_single_cert(certificates, key).unwrap());
        let text = match has {
            Has::Certificate => std::fs::read_to_string(self.dir.join("signer.pem")).unwrap(),
            Has::Text(text) => text,
        };
        let asked = self.asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that does not believe the server leaves in the middle of it.
                let _ = answer(config.clone(), stream, &asked, &text);
            }
        });
    }

    /// A notification of the test's topic, of now, signed.
    pub fn notification(&self, id: &str, message: &str) -> Value {
        let mut sent = json!({
            "Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": message,
            "Timestamp": moment(now_ms()), "SignatureVersion": "2", "SigningCertURL": cert_url(),
            "UnsubscribeURL": format!("https://{HOST}/?Action=Unsubscribe"),
        });
        self.sign(&mut sent);
        sent
    }

    /// `SubscriptionConfirmation` or `UnsubscribeConfirmation`, signed.
    pub fn confirmation(&self, kind: &str, id: &str, subscribe_url: &str) -> Value {
        let mut sent = self.notification(id, "You have chosen to subscribe to the topic");
        sent["Type"] = json!(kind);
        sent["Token"] = json!("2336412f37fb");
        sent["SubscribeURL"] = json!(subscribe_url);
        self.sign(&mut sent);
        sent
    }

    /// Signs what the message says now, with the digest of its version.
    pub fn sign(&self, sent: &mut Value) {
        self.sign_with(sent, "signer-key.pem");
    }

    /// With a key that the certificate is not of.
    pub fn sign_as_a_stranger(&self, sent: &mut Value) {
        self.sign_with(sent, "stranger-key.pem");
    }

    fn sign_with(&self, sent: &mut Value, key: &str) {
        let names: &[&str] = match sent["Type"].as_str() {
            Some("Notification") => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
            _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
        };
        let fields = names.iter().filter_map(|name| Some(format!("{name}\n{}\n", sent[*name].as_str()?)));
        let digest = if sent["SignatureVersion"] == "1" { "sha1" } else { "sha256" };
        std::fs::write(self.dir.join("text"), fields.collect::<String>()).unwrap();
        openssl(&self.dir, &format!("dgst -{digest} -sign {key} -out signature text"));
        sent["Signature"] = json!(STANDARD.encode(std::fs::read(self.dir.join("signature")).unwrap()));
    }
}

pub fn cert_url() -> String {
    format!("https://{HOST}/SimpleNotificationService-0a1b.pem")
}

pub fn confirm_url() -> String {
    format!("https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb")
}

/// As SNS writes a time.
pub fn moment(at_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(at_ms).unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn openssl(dir: &Path, line: &str) {
    let program = xtask_programs::path("openssl").unwrap();
    let output = Command::new(program).args(line.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn answer(
    config: Arc<ServerConfig>,
    stream: TcpStream,
    asked: &Mutex<Vec<String>>,
    text: &str,
) -> std::io::Result<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let text = if target.contains(".pem") { text } else { "<ConfirmSubscriptionResponse/>" };
    asked.lock().push(target);
    let length = text.len();
    write!(tls, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}")?;
    tls.conn.send_close_notify();
    tls.flush()
}
