//! A sender of Prometheus remote write 1.0: the same bytes go to any peer.
//!
//! The message is `prometheus.WriteRequest` of prometheus/prompb/remote.proto and types.proto, written by hand:
//! `timeseries = 1 { labels = 1 { name = 1, value = 2 }, samples = 2 { value = 1 (double), timestamp = 2 (int64) } }`.

use super::{
    Endpoint, PeerError,
    protobuf::{bytes, double, int64},
};

/// A series with its samples, oldest first: milliseconds since the Unix epoch and value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteSeries {
    /// With `__name__`, sorted by name.
    pub labels: Vec<(String, String)>,
    pub samples: Vec<(i64, f64)>,
}

impl WriteSeries {
    /// Labels in any order; the name goes in as one of them.
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let mut all: Vec<(String, String)> =
            labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        all.push(("__name__".to_owned(), name.to_owned()));
        all.sort();
        Self { labels: all, samples: Vec::new() }
    }
}

/// The compressed body of one request.
pub fn encode(series: &[WriteSeries]) -> Result<Vec<u8>, PeerError> {
    compress(&message(series))
}

/// As [`encode`], of a message that is already protobuf. Loki's push compresses alike.
pub fn compress(message: &[u8]) -> Result<Vec<u8>, PeerError> {
    let compressed = snap::raw::Encoder::new().compress_vec(message);
    compressed.map_err(std::io::Error::other).map_err(PeerError::io("a write request cannot be compressed"))
}

/// Sends one body made by [`encode`].
pub async fn send(endpoint: &Endpoint, body: Vec<u8>) -> Result<(), PeerError> {
    let failed = || PeerError::http("remote write");
    let request = endpoint
        .post("/api/v1/write")
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
        .header("x-prometheus-remote-write-version", "0.1.0")
        .body(body);
    let response = request.send().await.map_err(failed())?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = response.text().await.map_err(failed())?;
    Err(PeerError::Refused { what: "remote write".to_owned(), status: status.as_u16(), body })
}

/// The message before compression.
pub fn message(series: &[WriteSeries]) -> Vec<u8> {
    let (mut out, mut one, mut part) = (Vec::new(), Vec::new(), Vec::new());
    for s in series {
        one.clear();
        for (name, value) in &s.labels {
            part.clear();
            bytes(&mut part, 1, name.as_bytes());
            bytes(&mut part, 2, value.as_bytes());
            bytes(&mut one, 1, &part);
        }
        for (t_ms, value) in &s.samples {
            part.clear();
            sample(&mut part, *t_ms, *value);
            bytes(&mut one, 2, &part);
        }
        bytes(&mut out, 1, &one);
    }
    out
}

/// The fields of a `Sample`.
pub(crate) fn sample(out: &mut Vec<u8>, t_ms: i64, value: f64) {
    double(out, 1, value);
    int64(out, 2, t_ms);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_protobuf() {
        let mut series = WriteSeries::new("a", &[("b", "c")]);
        series.samples.push((300, 1.0));
        let expected = [
            &[10, 37, 10, 13, 10, 8][..],
            b"__name__",
            &[18, 1, b'a', 10, 6, 10, 1, b'b', 18, 1, b'c', 18, 12, 9],
            &1.0f64.to_le_bytes(),
            &[16, 0xac, 2],
        ]
        .concat();
        assert_eq!(message(&[series]), expected);
    }
}
