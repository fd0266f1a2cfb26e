//! An authority, certificates and an HTTPS server, made anew for each run.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    sign::SigningKey,
};

/// Ed25519 (RFC 8410), as an algorithm identifier.
const ED25519: [u8; 7] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// A name with its key and its certificate.
#[derive(Clone)]
pub struct Identity {
    name: &'static str,
    key: Vec<u8>,
    cert: Vec<u8>,
}

/// Who signs itself.
pub fn authority(name: &'static str, seed: u8) -> Identity {
    let is_authority = extension(19, &sequence(&der(0x01, &[0xff])));
    certify(name, seed, None, &is_authority)
}

impl Identity {
    /// For a server at 127.0.0.1 that is called `name` too.
    pub fn server(&self, name: &'static str, seed: u8) -> Identity {
        let names = [der(0x82, name.as_bytes()), der(0x87, &[127, 0, 0, 1])].concat();
        certify(name, seed, Some(self), &extension(17, &sequence(&names)))
    }

    pub fn client(&self, name: &'static str, seed: u8) -> Identity {
        certify(name, seed, Some(self), &extension(17, &sequence(&der(0x82, name.as_bytes()))))
    }

    pub fn cert_pem(&self) -> String {
        pem("CERTIFICATE", &self.cert)
    }

    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    fn signer(&self) -> Arc<dyn SigningKey> {
        default_provider().key_provider.load_private_key(self.key()).unwrap()
    }
}

fn certify(name: &'static str, seed: u8, by: Option<&Identity>, extension: &[u8]) -> Identity {
    let secret = der(0x04, &der(0x04, &[seed; 32]));
    let key = sequence(&[&der(0x02, &[0])[..], &ED25519, &secret].concat());
    let mut own = Identity { name, key, cert: Vec::new() };
    let issuer = by.unwrap_or(&own);
    let public = own.signer().public_key().unwrap().to_vec();
    let body = sequence(
        &[
            der(0xa0, &der(0x02, &[2])),
            der(0x02, &[seed]),
            ED25519.to_vec(),
            named(issuer.name),
            sequence(&[der(0x17, b"250101000000Z"), der(0x17, b"491231235959Z")].concat()),
            named(name),
            public,
            der(0xa3, &sequence(extension)),
        ]
        .concat(),
    );
    let signer = issuer.signer().choose_scheme(&[rustls::SignatureScheme::ED25519]).unwrap();
    let signature = [vec![0], signer.sign(&body).unwrap()].concat();
    own.cert = sequence(&[&body[..], &ED25519, &der(0x03, &signature)].concat());
    own
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let length = match n {
        0..0x80 => vec![n as u8],
        0x80..0x100 => vec![0x81, n as u8],
        _ => vec![0x82, (n >> 8) as u8, n as u8],
    };
    [&[tag][..], &length, content].concat()
}

fn sequence(content: &[u8]) -> Vec<u8> {
    der(0x30, content)
}

/// A common name.
fn named(name: &str) -> Vec<u8> {
    let pair = [der(0x06, &[0x55, 0x04, 0x03]), der(0x0c, name.as_bytes())].concat();
    sequence(&der(0x31, &sequence(&pair)))
}

/// `2.5.29.<number>`, critical.
fn extension(number: u8, content: &[u8]) -> Vec<u8> {
    sequence(&[der(0x06, &[0x55, 0x1d, number]), der(0x01, &[0xff]), der(0x04, content)].concat())
}

fn pem(what: &str, content: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(content))
}

/// What a request came with.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The name that TLS was asked for.
    pub server_name: Option<String>,
    pub has_certificate: bool,
    pub head: String,
}

/// Answers everything with the same text.
pub struct HttpsServer {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl HttpsServer {
    /// `clients`: who signs the certificates that clients must have.
    pub fn start(
        own: &Identity,
        clients: Option<&Identity>,
        content_type: &'static str,
        text: String,
    ) -> Self {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(by) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from(by.cert.clone())).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let certs = vec![CertificateDer::from(own.cert.clone())];
        let config = Arc::new(builder.with_single_cert(certs, own.key()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let all = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, all, text) = (config.clone(), all.clone(), text.clone());
                std::thread::spawn(move || {
                    // A client that does not believe the server leaves in the middle of it.
                    let _ = answer(config, stream, &all, content_type, &text);
                });
            }
        });
        Self { address, seen }
    }
}

fn answer(
    config: Arc<ServerConfig>,
    stream: TcpStream,
    seen: &Mutex<Vec<Seen>>,
    content_type: &str,
    text: &str,
) -> std::io::Result<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    seen.lock().push(Seen {
        server_name: tls.conn.server_name().map(str::to_owned),
        has_certificate: tls.conn.peer_certificates().is_some(),
        head: String::from_utf8(head).unwrap().to_ascii_lowercase(),
    });
    let length = text.len();
    write!(
        tls,
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
    )?;
    tls.conn.send_close_notify();
    tls.flush()
}
