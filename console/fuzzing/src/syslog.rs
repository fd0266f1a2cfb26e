//! Messages of syslog, and the framing of a stream of them.

use console_ingest::syslog::{
    framing::{self, Frame},
    message,
};

use crate::{NOW_MS, remote_write::limits};

const MAX_FRAME: usize = 1000;

pub const WORDS: &[&str] = &[
    "<34>1 ",
    "<13>",
    "2023-11-14T22:13:20.000Z ",
    "Nov 14 22:13:20 ",
    "Nov  4 22:13:20 ",
    "host ",
    "app[1]: ",
    "- ",
    "[a@1 b=\"c\"]",
    "\\\"",
    "\\]",
    "]",
    "[",
    "\"",
    "\u{feff}",
    "12 ",
    "\n",
    "\r\n",
];

pub fn body(data: &[u8]) {
    let limits = limits();
    if let Ok((labels, entry)) = message::map(data, &limits, NOW_MS * 1_000_000) {
        assert_eq!(labels.get("source"), Some("syslog"));
        assert!(labels.get("service_name").is_some() && labels.get("level").is_some());
        assert!(entry.metadata.is_sorted_by(|a, b| a.0 < b.0), "{:?}", entry.metadata);
        // What is no text is three bytes for each that it was.
        assert!(entry.line.len() <= data.len() * 3);
    }
    let mut at = 0;
    while let Ok(Frame::Message { start, end, taken }) = framing::next(&data[at..], MAX_FRAME, true) {
        assert!(start <= end && end <= taken && taken > 0 && at + taken <= data.len());
        assert!(end - start <= MAX_FRAME);
        // Before all has come, a message is the same one or none yet.
        if let Ok(Frame::Message { start: s, end: e, .. }) = framing::next(&data[at..], MAX_FRAME, false) {
            assert_eq!((s, e), (start, end));
        }
        at += taken;
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let modern =
        "<165>1 2023-11-14T22:13:20.003Z host app 77 ID47 [a@1 b=\"c\" d=\"\\\"\"][e] \u{feff}An event";
    let texts = [
        modern.to_owned(),
        format!("{} {modern}<34>Nov 14 22:13:20 host su[1]: failed\n<13>app: x\r\n", modern.len()),
        "<34>Nov  4 22:13:20 host su: 'su root' failed".to_owned(),
        "<13>2023-11-14T22:13:20+01:00 fe80::1 app[1]: x".to_owned(),
        "<34>1 - - - - - -".to_owned(),
    ];
    texts.map(String::into_bytes).to_vec()
}
