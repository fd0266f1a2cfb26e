//! Blocks of samples: damaged ones are refused or read, and never take the store with them.

use std::{fs, path::Path, sync::Arc};

use console_model::{MatchOp, Matcher, TimeRange};
use console_storage::metrics::SeriesReader;
use console_tsdb::{
    Tsdb, TsdbConfig,
    block::{Block, BlockCache, BlockError, merge},
};

use crate::{NOW_MS, remote_write, reseal::reseal, runtime::scratch, store};

const HOUR: i64 = 3_600_000;
const CACHE_BYTES: usize = 1 << 20;

/// The bytes as a block; then the same with checksums that fit, so that damage reaches the decoders behind them.
pub fn body(data: &[u8]) {
    let dir = scratch();
    read(dir.path(), data);
    if reseal(data).is_some_and(|sealed| read(dir.path(), &sealed)) {
        through_the_store(dir.path());
    }
}

/// Opens and reads all of a block; answers whether it opened.
fn read(dir: &Path, data: &[u8]) -> bool {
    let blocks = dir.join("blocks");
    fs::create_dir_all(&blocks).expect("the folder can be written");
    let path = blocks.join("0000000000000001.block");
    fs::write(&path, data).expect("the folder can be written");
    let refused = |e: BlockError| assert!(e.is_damage(), "{e:?}");
    let block = match Block::open(&path, 1, Arc::new(BlockCache::new(CACHE_BYTES))) {
        Ok(block) => Arc::new(block),
        Err(e) => {
            refused(e);
            return false;
        }
    };
    match merge(&[block]) {
        // The first error ends the reading, as it does for the store's own merges.
        Ok(series) => series.filter_map(Result::err).take(1).for_each(refused),
        Err(e) => refused(e),
    }
    true
}

/// As the console reads: by labels, by time, after which damage is set aside.
fn through_the_store(dir: &Path) {
    let config = TsdbConfig { clock: Arc::new(|| NOW_MS), retention_ms: i64::MAX, ..TsdbConfig::new(dir) };
    let Ok(db) = Tsdb::open(config) else { return };
    let regex = Matcher { name: "job".into(), op: MatchOp::Regex, value: "sho.*".into() };
    let not = Matcher { name: "nothing".into(), op: MatchOp::NotEqual, value: "x".into() };
    for matchers in [vec![], vec![regex], vec![Matcher::equal("__name__", "a_total"), not]] {
        for (start, end) in [(i64::MIN, i64::MAX), (NOW_MS - 15_000, NOW_MS)] {
            let _ = db.select_points(&matchers, start, end, 100_000);
        }
        let range = TimeRange { start_ms: i64::MIN, end_ms: i64::MAX };
        let _ = db.series(&matchers, range, 0);
        let _ = db.label_values("job", &matchers, range, 0);
    }
    db.maintain(NOW_MS);
}

/// Blocks that the store wrote: of floats, and of native histograms too.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for requests in [1, 4] {
        let dir = scratch();
        let db = Tsdb::open(store::config(dir.path())).expect("an empty folder can be opened");
        for request in remote_write::v1_seeds().iter().take(requests) {
            store::append(&db, request);
        }
        store::native(&db);
        db.maintain(NOW_MS + 6 * HOUR);
        for entry in fs::read_dir(dir.path().join("blocks")).expect("the folder is there").flatten() {
            out.push(fs::read(entry.path()).expect("the block can be read"));
        }
    }
    assert!(!out.is_empty(), "something was flushed");
    out
}
