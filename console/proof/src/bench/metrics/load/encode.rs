//! Bodies of write requests: labels are encoded once, samples are put between them.

use super::{SERIES_PER_POD, SERIES_PER_REQUEST, pod::Pod};
use crate::peer::{
    PeerError,
    protobuf::{LENGTH_DELIMITED, varint},
    remote_write::{self, WriteSeries},
};

/// Pods of which each request of a step holds all series.
const PODS_PER_REQUEST: usize = SERIES_PER_REQUEST / SERIES_PER_POD;

/// The pods whose samples go together, with the encoded labels of their series.
pub struct Requests {
    pods: Vec<Pod>,
    labels: Vec<Vec<u8>>,
    values: Vec<f64>,
    message: Vec<u8>,
}

/// The pods of a lane, request by request.
pub fn requests(pods: impl IntoIterator<Item = usize>) -> Vec<Requests> {
    let pods: Vec<usize> = pods.into_iter().collect();
    pods.chunks(PODS_PER_REQUEST).map(Requests::new).collect()
}

impl Requests {
    fn new(numbers: &[usize]) -> Self {
        let pods: Vec<Pod> = numbers.iter().map(|n| Pod::new(*n)).collect();
        let labels = pods.iter().flat_map(Pod::series).map(labels).collect();
        Self { pods, labels, values: Vec::new(), message: Vec::new() }
    }

    /// The compressed body of the next step, with samples of `t_ms`.
    pub fn body(&mut self, t_ms: i64) -> Result<Vec<u8>, PeerError> {
        self.values.clear();
        self.message.clear();
        for pod in &mut self.pods {
            pod.step(&mut self.values);
        }
        let mut sample = Vec::new();
        for (labels, value) in self.labels.iter().zip(&self.values) {
            sample.clear();
            remote_write::sample(&mut sample, t_ms, *value);
            self.message.push(1 << 3 | LENGTH_DELIMITED);
            varint(&mut self.message, (labels.len() + 2 + sample.len()) as u64);
            self.message.extend_from_slice(labels);
            self.message.extend_from_slice(&[2 << 3 | LENGTH_DELIMITED, sample.len() as u8]);
            self.message.extend_from_slice(&sample);
        }
        remote_write::compress(&self.message)
    }
}

/// A series' part of the message without the field's number and length: only its labels.
fn labels(series: WriteSeries) -> Vec<u8> {
    let message = remote_write::message(&[series]);
    let length = message[1..].iter().take_while(|b| **b >= 0x80).count() + 1;
    message[1 + length..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_the_plain_encoder_makes() {
        let t_ms = 1_700_000_000_000;
        let body = requests([5])[0].body(t_ms).unwrap();
        let (mut pod, mut values) = (Pod::new(5), Vec::new());
        pod.step(&mut values);
        let mut series = pod.series();
        for (series, value) in series.iter_mut().zip(values) {
            series.samples.push((t_ms, value));
        }
        assert_eq!(body, remote_write::encode(&series).unwrap());
    }

    #[test]
    fn a_request_holds_two_thousand_series() {
        let made = requests(0..50);
        assert_eq!(made.iter().map(|r| r.labels.len()).collect::<Vec<_>>(), [2000, 2000, 1000]);
    }
}
