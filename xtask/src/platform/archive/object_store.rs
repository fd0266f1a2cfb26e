//! An object store as the archive's: S3's API by `ministack`, behind nginx for the TLS that pgBackRest insists on.
//!
//! Objects are files below the store's directory and outlive its processes.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::platform::{probe::Probe, process::Unit, secrets};

/// The store, and what its users are given.
pub struct ObjectStore {
    dir: PathBuf,
    logs: PathBuf,
    /// Of TLS; the one behind it speaks plainly.
    pub port: u16,
    plain: u16,
    pub key: String,
    pub secret: String,
}

impl ObjectStore {
    pub const BUCKET: &str = "shop-archive";
    /// Buckets there are of this region, and refuse those who sign for another.
    pub const REGION: &str = "us-east-1";

    /// Prepares a store below `dir` on two ports from `port` on.
    pub fn prepare(dir: &Path, port: u16) -> Result<Self, String> {
        let fail = |e: std::io::Error| format!("cannot prepare {}: {e}", dir.display());
        for sub in ["objects", "state", "body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            std::fs::create_dir_all(dir.join(sub)).map_err(fail)?;
        }
        let store = Self {
            dir: dir.to_owned(),
            logs: dir.join("logs"),
            port,
            plain: port + 1,
            key: hex::encode(rand::random::<[u8; 10]>()),
            secret: hex::encode(rand::random::<[u8; 20]>()),
        };
        store.make_certificate()?;
        secrets::write(&dir.join("nginx.conf"), store.proxy().as_bytes())?;
        Ok(store)
    }

    /// What tells a client that it speaks with this store.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("certificate.pem")
    }

    fn make_certificate(&self) -> Result<(), String> {
        let file = |name: &str| self.dir.join(name).display().to_string();
        let output = Command::new(xtask_programs::path("openssl")?)
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "30",
            ])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-keyout", &file("key.pem"), "-out", &file("certificate.pem")])
            .output()
            .map_err(|e| format!("cannot run openssl: {e}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("no certificate was made: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// Both processes.
    pub fn units(&self) -> Result<Vec<Unit>, String> {
        let log = |name: &str| self.logs.join(format!("{name}.log"));
        let mut objects = Unit::new(
            "object-store",
            "object-store",
            xtask_programs::path("ministack")?,
            log("object-store"),
        );
        let at = |sub: &str| self.dir.join(sub).display().to_string();
        objects.env = [
            ("BIND_HOST", "127.0.0.1".to_owned()),
            ("GATEWAY_PORT", self.plain.to_string()),
            ("SERVICES", "s3".to_owned()),
            ("S3_PERSIST", "1".to_owned()),
            ("S3_DATA_DIR", at("objects")),
            ("STATE_DIR", at("state")),
            ("MINISTACK_REGION", Self::REGION.to_owned()),
            ("IOT_MTLS_ENABLED", "0".to_owned()),
            ("SFTP_ENABLED", "0".to_owned()),
            ("LOG_LEVEL", "WARNING".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        objects.probe = Probe::http(format!("http://127.0.0.1:{}/_ministack/health", self.plain));
        objects.ready_within = Duration::from_mins(2);
        let mut tls =
            Unit::new("object-store-tls", "object-store", xtask_programs::path("nginx")?, log("tls"));
        tls.args = vec!["-p".into(), format!("{}/", self.dir.display()), "-c".into(), at("nginx.conf")];
        Ok(vec![objects, tls])
    }

    fn proxy(&self) -> String {
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        format!(
            r#"{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 0;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate certificate.pem;
    ssl_certificate_key key.pem;
    location / {{
      proxy_pass http://127.0.0.1:{plain};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }}
  }}
}}
"#,
            port = self.port,
            plain = self.plain,
        )
    }

    /// Makes the bucket; one that is there stays.
    pub async fn make_bucket(&self) -> Result<(), String> {
        let http = reqwest::Client::builder().no_proxy().build().map_err(|e| e.to_string())?;
        let url = format!("http://127.0.0.1:{}/{}", self.plain, Self::BUCKET);
        let answer =
            http.put(url).send().await.map_err(|e| format!("the object store does not answer: {e}"))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(format!("no bucket was made: {}", answer.status()))
        }
    }
}
