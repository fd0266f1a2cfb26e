//! The edge: nginx balances the storefronts and caches fingerprinted assets and pictures.

use std::{fmt::Write as _, path::PathBuf};

use rustix::process::Signal;

use super::{
    layout::Layout,
    process::{Probe, Unit},
};

/// Writes nginx' configuration and describes its process.
pub fn unit(layout: &Layout) -> Result<Unit, String> {
    let dir = layout.data.join("edge");
    let fail = |e: std::io::Error| format!("cannot prepare {}: {e}", dir.display());
    for sub in ["cache", "body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        std::fs::create_dir_all(dir.join(sub)).map_err(fail)?;
    }
    let file = dir.join("nginx.conf");
    std::fs::write(&file, configuration(layout)).map_err(fail)?;
    let mut unit = Unit::new("edge", "edge", find_nginx()?, layout.log_file("edge"));
    unit.args = vec!["-p".into(), format!("{}/", dir.display()), "-c".into(), file.display().to_string()];
    unit.probe = Probe::Http(format!("{}/edge-health", layout.shop_url()));
    unit.address = layout.shop_url();
    // QUIT lets requests in flight finish.
    unit.stop_signal = Signal::QUIT;
    Ok(unit)
}

fn find_nginx() -> Result<PathBuf, String> {
    ["/usr/sbin/nginx", "/opt/homebrew/bin/nginx", "/usr/local/bin/nginx", "/usr/bin/nginx"]
        .map(PathBuf::from)
        .into_iter()
        .find(|p| p.is_file())
        .ok_or_else(|| "nginx was not found: run `make setup`".to_owned())
}

fn configuration(layout: &Layout) -> String {
    let mut servers = String::new();
    for url in layout.service_urls("storefront") {
        let address = url.trim_start_matches("http://");
        let _ = writeln!(servers, "    server {address} max_fails=2 fail_timeout=2s;");
    }
    // As root, nginx would hand its worker to `nobody`, who cannot reach the private directory.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    format!(
        r#"{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  server_tokens off;
  client_max_body_size 256k;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_cache_path cache levels=1:2 keys_zone=assets:2m max_size=256m inactive=24h use_temp_path=off;
  upstream storefront {{
{servers}    keepalive 32;
  }}
  map $http_accept_encoding $encoding_key {{ default ""; "~br" br; "~gzip" gzip; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 1s;
    proxy_read_timeout 15s;
    # A request whose answer was lost goes to the other instance only when it is safe to repeat (nginx' default for POST).
    proxy_next_upstream error timeout http_502 http_503;
    proxy_next_upstream_tries 2;
    location = /edge-health {{ return 200 "ok\n"; }}
    location ~ ^/(assets|pictures)/ {{
      proxy_pass http://storefront;
      proxy_cache assets;
      proxy_cache_key "$uri$is_args$args $encoding_key";
      proxy_cache_lock on;
      proxy_cache_use_stale error timeout updating http_500 http_502 http_503;
      add_header X-Cache $upstream_cache_status;
    }}
    location / {{ proxy_pass http://storefront; }}
  }}
}}
"#,
        port = layout.ports.edge
    )
}
