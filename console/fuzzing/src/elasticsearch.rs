//! Elasticsearch's bulk requests, and single documents.

use console_ingest::elasticsearch::bulk;

use crate::{NOW_MS, remote_write::limits};

pub const WORDS: &[&str] = &[
    "{\"create\":{}}\n",
    "{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n",
    "{\"update\":{}}\n",
    "{\"delete\":{}}\n",
    "\"doc\":",
    "\"doc_as_upsert\":true",
    "\"@timestamp\":",
    "\"2023-11-14T22:13:20.000Z\"",
    "1700000000000",
    "\"message\":\"m\"",
    "\"log.level\":",
    "\"trace\":{\"id\":\"a\"}",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\n",
    "\\u0000",
    "null",
    "1e400",
    "-1",
];

pub fn body(data: &[u8]) {
    let limits = limits();
    for index in [None, Some("logs")] {
        let Ok(items) = bulk::read(data, index, &limits, NOW_MS * 1_000_000) else { continue };
        assert!(!items.is_empty() && items.len() <= data.len());
        for item in &items {
            let fault = item.document.as_ref().err();
            let answer = item.answer(fault, "id");
            let status = answer[item.action.as_str()]["status"].as_u64();
            assert_eq!(status == Some(201), fault.is_none(), "{answer}");
            let Ok(document) = &item.document else { continue };
            assert!(document.labels.get("index").is_some_and(|i| !i.is_empty()));
            assert!(document.labels.get("service_name").is_some() && document.labels.get("level").is_some());
            let metadata = &document.entry.metadata;
            assert!(metadata.is_sorted_by(|a, b| a.0 < b.0), "{metadata:?}");
            assert!(metadata.iter().all(|(name, _)| !name.is_empty() && document.labels.get(name).is_none()));
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "{\"create\":{\"_index\":\"filebeat-8\"}}\n{\"@timestamp\":\"2023-11-14T22:13:20.000Z\",\"message\":\"m\",\"log\":{\"level\":\"info\"},\"host\":{\"name\":\"h\"},\"trace.id\":\"ab\"}\n",
        "{\"index\":{\"_id\":\"1\"}}\n{\"@timestamp\":1700000000000,\"log\":\"x\",\"kubernetes\":{\"pod_name\":\"p\",\"labels\":{\"app\":\"a\"}}}\n{\"delete\":{\"_id\":\"1\"}}\n",
        "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{\"a\":[1,{\"b\":null}]},\"doc_as_upsert\":true}\n{\"create\":{}}\n{\"tags\":[\"a\",\"b\"],\"n\":1.5}\n",
    ];
    texts.map(|t| t.as_bytes().to_vec()).to_vec()
}
