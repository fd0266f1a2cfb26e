//! nginx' configuration.

use std::fmt::Write as _;

/// Connections at a time, to shoppers and to storefronts together; one costs nginx some hundred bytes.
const CONNECTIONS: u32 = 8192;
/// A file for each, and for the caches.
const DESCRIPTORS: u32 = 2 * CONNECTIONS;

/// Listens on loopback at `port` in front of these storefronts (`http://host:port`).
///
/// `error` and `timeout` always count as a failed attempt in nginx; `http_404` never does, so an asset that one
/// instance does not have is asked of the other without either being left out. An instance that is left out is asked
/// all the same (`backup`) before a shopper is told that nobody is there: while one is replaced, the other may not have
/// been forgiven yet.
pub fn configuration(port: u16, storefronts: &[String]) -> String {
    let (mut servers, mut again) = (String::new(), String::new());
    for url in storefronts {
        let address = url.trim_start_matches("http://");
        let _ = writeln!(servers, "    server {address} max_fails=2 fail_timeout=2s;");
        let _ = writeln!(again, "    server {address} backup max_fails=0;");
    }
    let tries = 2 * storefronts.len();
    // As root, nginx would hand its worker to `nobody`, who cannot reach the private directory.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    format!(
        r#"{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
worker_rlimit_nofile {DESCRIPTORS};
events {{ worker_connections {CONNECTIONS}; }}
http {{
  access_log off;
  server_tokens off;
  client_max_body_size 256k;
  # Whoever begins a request and does not go on holds a connection, and nginx can take back only those that are idle.
  client_header_timeout 10s;
  client_body_timeout 10s;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_cache_path cache levels=1:2 keys_zone=assets:2m max_size=256m inactive=24h use_temp_path=off;
  proxy_cache_path pages levels=1:2 keys_zone=pages:2m max_size=64m inactive=10m use_temp_path=off;
  upstream storefront {{
{servers}{again}    keepalive 32;
  }}
  # A form is never sent twice, so it does not go out on a connection that the instance may be closing at the moment.
  upstream storefront_afresh {{
{servers}{again}  }}
  map $request_method $storefront {{ default storefront; POST storefront_afresh; }}
  map $http_accept_encoding $encoding_key {{ default ""; "~br" br; "~gzip" gzip; }}
  # Whoever brings a cookie of the shop gets pages of their own.
  map $http_cookie $personal {{ default 0; "~(^|;[ ]*)(__Host-|__Secure-|session=|cart=|csrf=|staff)" 1; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    # The address that connects, and nothing that it claims.
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Real-IP "";
    proxy_set_header Forwarded "";
    # What our own processes tell each other.
    proxy_set_header traceparent "";
    proxy_set_header tracestate "";
    proxy_set_header baggage "";
    proxy_set_header x-request-deadline-ms "";
    proxy_set_header Authorization "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 15s;
    # Whatever an instance answers is its answer. A request that may have had an effect is not sent twice (nginx'
    # default for POST).
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries {tries};
    location = /edge-health {{ return 200 "ok\n"; }}
    # Probes, metrics and faults listen elsewhere; here they do not exist.
    location ~ ^/(metrics|healthz|readyz|faults)(/|$) {{ return 404; }}
    # What browsers tell about page loads: small, never kept, and not worth a second try.
    location = /rum {{
      client_max_body_size 4k;
      proxy_next_upstream off;
      proxy_pass http://storefront;
    }}
    location ~ ^/(assets|pictures)/ {{
      proxy_pass http://storefront;
      proxy_next_upstream error timeout http_404;
      proxy_cache assets;
      proxy_cache_key "$uri$is_args$args $encoding_key";
      proxy_cache_lock on;
      proxy_cache_use_stale error timeout updating http_500 http_502 http_503;
      add_header X-Cache $upstream_cache_status always;
    }}
    location / {{
      proxy_pass http://$storefront;
      # As long as the storefront's X-Accel-Expires says, which nginx keeps for itself, or its Cache-Control, and not without.
      proxy_cache pages;
      proxy_cache_key "$http_host$request_uri $encoding_key";
      proxy_cache_bypass $personal $http_authorization;
      proxy_no_cache $personal $http_authorization $upstream_http_set_cookie;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 2s;
      proxy_cache_background_update on;
      proxy_cache_use_stale updating error timeout http_500 http_502 http_503 http_504;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"#
    )
}
