//! Garbage on every door: a clear refusal, the process stays up, what is good beside it is stored.

use std::{io::Write as _, time::Duration};

use reqwest::{Method, StatusCode};

use crate::{
    Failure, Outcome,
    local::{Platform, eventually, otlp_http_port},
};

struct Case {
    what: &'static str,
    path: String,
    content_type: &'static str,
    encoding: Option<&'static str>,
    body: Vec<u8>,
    statuses: &'static [u16],
}

/// Each protocol answers in its own envelope, with a 4xx, and goes on working.
pub async fn garbage_is_refused_in_each_protocol_s_own_words(p: &Platform) -> Outcome {
    let token = p.secret("telemetry-write-token")?;
    let otlp = format!("http://127.0.0.1:{}", otlp_http_port());
    let bomb = gzip(&vec![b' '; 256 << 20])?;
    let deep = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
    let json = "application/json";
    let protobuf = "application/x-protobuf";
    let console = console_pid(p).await?;
    let mut cases = Vec::new();
    for path in [
        format!("{otlp}/v1/traces"),
        format!("{otlp}/v1/logs"),
        format!("{otlp}/v1/metrics"),
        p.console("/loki/api/v1/push"),
    ] {
        let mut case = |what, content_type, encoding, body, statuses| {
            cases.push(Case { what, path: path.clone(), content_type, encoding, body, statuses });
        };
        case("garbage as protobuf", protobuf, None, b"\xff\xfe garbage \x00\x01".to_vec(), &[400][..]);
        case(
            "garbage as JSON",
            json,
            None,
            b"{\"resourceSpans\": 7, \"streams\": 7, \"resourceLogs\": 7, \"resourceMetrics\": 7".to_vec(),
            &[400][..],
        );
        case(
            "invalid UTF-8 in JSON",
            json,
            None,
            b"{\"streams\":[{\"stream\":{\"a\":\"\xc3\x28\"}}]}".to_vec(),
            &[400][..],
        );
        case("deep JSON", json, None, deep.clone(), &[400, 413][..]);
        case("a zip bomb", json, Some("gzip"), bomb.clone(), &[400, 413][..]);
        case("an oversize body", json, None, vec![b' '; 80 << 20], &[413, 400][..]);
        case("an unknown content type", "image/png", None, b"x".to_vec(), &[415, 400][..]);
    }
    for case in cases {
        let mut request = p
            .http
            .request(Method::POST, &case.path)
            .bearer_auth(&token)
            .header("content-type", case.content_type);
        if let Some(encoding) = case.encoding {
            request = request.header("content-encoding", encoding);
        }
        match request.body(case.body).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let text = response.bytes().await.unwrap_or_default();
                if !case.statuses.contains(&status) {
                    return Err(format!(
                        "{} on {}: {status} {}",
                        case.what,
                        case.path,
                        String::from_utf8_lossy(&text)
                    )
                    .into());
                }
                if text.is_empty() {
                    return Err(format!("{} on {}: {status} without a word", case.what, case.path).into());
                }
            }
            // A server may close the connection on a body that it will not read; it must be there for the next one.
            Err(e) if case.what == "an oversize body" && !e.is_timeout() && !e.is_connect() => {
                is_still_itself(p, console)
                    .await
                    .map_err(|e| format!("{} on {}: {e}", case.what, case.path))?;
            }
            Err(e) => return Err(format!("{} on {}: {e}", case.what, case.path).into()),
        }
    }
    is_still_itself(p, console).await?;
    wrong_tokens(p).await?;
    queries(p).await?;
    good_beside_bad(p, &token).await
}

async fn console_pid(p: &Platform) -> Result<u32, Failure> {
    let console = p.processes().await?.into_iter().find(|(name, _, _)| name == "console");
    Ok(console.ok_or("no console runs")?.2)
}

/// The console answers, and is the process that it was: none that was started in its place.
async fn is_still_itself(p: &Platform, console: u32) -> Outcome {
    let answer = p.http.get(p.console("/healthz")).send().await?.status();
    let now = console_pid(p).await?;
    if answer.is_success() && now == console {
        return Ok(());
    }
    Err(format!("the console answers {answer} and is {now}, it was {console}").into())
}

/// Neither a made-up token nor the one for the other direction.
async fn wrong_tokens(p: &Platform) -> Outcome {
    let (write, read) = (p.secret("telemetry-write-token")?, p.secret("telemetry-read-token")?);
    for (path, foreign) in [("/loki/api/v1/push", &read), ("/api/v1/query?query=up", &write)] {
        let method = if path.contains("push") { Method::POST } else { Method::GET };
        for token in ["wrong", foreign] {
            let response = p.http.request(method.clone(), p.console(path)).bearer_auth(token).send().await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Err(format!("{path} with the token {token}: {}", response.status()).into());
            }
        }
    }
    Ok(())
}

async fn queries(p: &Platform) -> Outcome {
    let token = p.secret("telemetry-read-token")?;
    for (path, word) in [
        ("/api/v1/query?query=rate(up%5B5m%5D", "bad_data"),
        ("/api/v1/query_range?query=up&start=0&end=100000000&step=1", "bad_data"),
        ("/api/v1/no-such-thing", ""),
        ("/loki/api/v1/query_range?query=%7Bnot%20closed", ""),
        ("/api/search?q=%7B%20span.x%20%3D%20", ""),
        ("/api/traces/not-hex", ""),
    ] {
        let response = p.http.get(p.console(path)).bearer_auth(&token).send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_client_error() || text.trim().is_empty() || !text.contains(word) {
            return Err(format!("{path}: {status} {text}").into());
        }
    }
    Ok(())
}

/// A good push right after the bad ones is there to be read.
async fn good_beside_bad(p: &Platform, token: &str) -> Outcome {
    let marker = format!("still here {}", std::process::id());
    push_line(p, token, &marker).await?;
    eventually("the good line is found", Duration::from_secs(10), || find_line(p, &marker)).await
}

/// Pushes one line; answers when it is acknowledged.
pub async fn push_line(p: &Platform, token: &str, line: &str) -> Outcome {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos().to_string();
    let body =
        serde_json::json!({"streams": [{"stream": {"service_name": "probe"}, "values": [[now, line]]}]});
    let response = p.http.post(p.console("/loki/api/v1/push")).bearer_auth(token).json(&body).send().await?;
    if response.status().is_success() { Ok(()) } else { Err(format!("push: {}", response.status()).into()) }
}

/// `Some` when the line is stored exactly once; an error when it is stored twice.
pub async fn find_line(p: &Platform, line: &str) -> Result<Option<()>, Failure> {
    let query: String = url_encode(&format!("{{service_name=\"probe\"}} |= \"{line}\""));
    let answer = p.query(&format!("/loki/api/v1/query_range?query={query}")).await?;
    let streams = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    let found: usize = streams.iter().filter_map(|s| s["values"].as_array()).map(Vec::len).sum();
    match found {
        0 => Ok(None),
        1 => Ok(Some(())),
        n => Err(format!("{line:?} is stored {n} times").into()),
    }
}

pub fn url_encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
