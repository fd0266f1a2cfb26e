use std::sync::atomic::AtomicUsize;

use prometheus::Opts;
use shop_testkit::MockClock;

use super::*;

fn cache() -> (ReadThrough, MockClock) {
    let counter = IntCounterVec::new(Opts::new("requests", "test"), &["outcome"]).unwrap();
    let clock = MockClock::new();
    (ReadThrough::new(None, counter, clock.shared(), CacheConfig::default()), clock)
}

async fn ask(cache: &ReadThrough, loaded: Loaded) -> Result<Answer, Problem> {
    cache.get_or_load("key".to_owned(), async { loaded }).await
}

fn text(text: &str) -> Loaded {
    Ok(Some(Arc::from(text)))
}

fn away() -> Loaded {
    Err(Problem::new(Code::Unavailable, "away"))
}

#[test]
fn expiry_moves_by_the_jitter_and_no_further() {
    let ttl = Duration::from_mins(1);
    assert_eq!(jittered(ttl, 20, 0), Duration::from_secs(48));
    assert_eq!(jittered(ttl, 20, u32::MAX), Duration::from_secs(72));
    assert_eq!(jittered(ttl, 0, 77), ttl);
}

#[tokio::test]
async fn many_requests_for_one_key_load_it_once_and_share_an_error() {
    for result in [text("answer"), away()] {
        let (cache, _) = cache();
        let loads = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(tokio::sync::Notify::new());
        let ask = || {
            let (loads, gate, result) = (Arc::clone(&loads), Arc::clone(&gate), result.clone());
            cache.get_or_load("key".to_owned(), async move {
                loads.fetch_add(1, Ordering::SeqCst);
                gate.notified().await;
                result
            })
        };
        let all = futures::future::join_all((0..8).map(|_| ask()));
        let (answers, ()) = tokio::join!(all, async {
            tokio::task::yield_now().await;
            gate.notify_one();
        });
        assert!(answers.iter().all(|answer| answer.is_ok() == result.is_ok()));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_failed_load_is_not_remembered() {
    let (cache, _) = cache();
    assert!(ask(&cache, away()).await.is_err());
    assert_eq!(ask(&cache, text("x")).await.unwrap().text.as_deref(), Some("x"));
}

#[tokio::test]
async fn an_abandoned_load_does_not_block_the_next_one() {
    let (cache, _) = cache();
    let abandoned = cache.get_or_load("key".to_owned(), std::future::pending());
    assert!(tokio::time::timeout(Duration::from_millis(1), abandoned).await.is_err());
    assert_eq!(ask(&cache, text("x")).await.unwrap().text.as_deref(), Some("x"));
}

#[tokio::test]
async fn an_expired_answer_is_served_while_the_database_is_away_and_not_for_ever() {
    let (cache, clock) = cache();
    ask(&cache, text("old")).await.unwrap();
    clock.advance_seconds(6);
    let stale = ask(&cache, away()).await.unwrap();
    assert_eq!((stale.text.as_deref(), stale.source), (Some("old"), Source::Stale));
    let hung = cache.get_or_load("key".to_owned(), std::future::pending()).await.unwrap();
    assert_eq!(hung.source, Source::Stale, "a database that was just away is not asked");
    clock.advance_seconds(2);
    assert_eq!(ask(&cache, text("new")).await.unwrap().text.as_deref(), Some("new"));
    clock.advance_seconds(2 * 3600);
    assert!(ask(&cache, away()).await.is_err(), "an hour later it is no answer any more");
}

#[tokio::test]
async fn a_defect_is_not_covered_by_a_stale_answer() {
    let (cache, clock) = cache();
    ask(&cache, text("old")).await.unwrap();
    clock.advance_seconds(6);
    let failed = ask(&cache, Err(Problem::new(Code::Internal, "defect"))).await;
    assert_eq!(failed.unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn what_does_not_exist_is_remembered_briefly() {
    let (cache, clock) = cache();
    assert_eq!(ask(&cache, Ok(None)).await.unwrap().text, None);
    assert_eq!(ask(&cache, away()).await.unwrap().text, None, "not asked again");
    clock.advance_seconds(11);
    assert_eq!(ask(&cache, text("x")).await.unwrap().text.as_deref(), Some("x"));
}

#[tokio::test]
async fn forgetting_forgets_fresh_answers_too() {
    let (cache, _) = cache();
    ask(&cache, text("old")).await.unwrap();
    cache.forget().await;
    assert_eq!(ask(&cache, text("new")).await.unwrap().text.as_deref(), Some("new"));
}
