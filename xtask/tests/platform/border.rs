//! What the internet sees of the platform: the shop, and nothing behind it.

use reqwest::StatusCode;

use crate::{Outcome, local::Platform};

/// Neither at the edge nor at the storefronts' public side are probes, metrics or faults to be had.
pub async fn the_edge_shows_nothing_but_the_shop(p: &Platform) -> Outcome {
    let status = p.xtask(&["status"]).await?;
    let storefronts = status.lines().filter(|l| l.starts_with("storefront-"));
    let doors = storefronts.filter_map(|l| l.split_whitespace().find(|w| w.starts_with("http://")));
    for door in doors.map(str::to_owned).chain([p.shop("")]) {
        for path in ["/metrics", "/healthz", "/readyz", "/faults", "/faults/storefront.errors"] {
            let answer = p.http.get(format!("{door}{path}")).send().await?;
            if answer.status() != StatusCode::NOT_FOUND {
                return Err(format!("{door}{path}: {}", answer.status()).into());
            }
        }
        let home = p.http.get(format!("{door}/")).send().await?.status();
        if !home.is_success() {
            return Err(format!("{door}/: {home}").into());
        }
    }
    Ok(())
}

/// Half of all answers of both storefronts are errors for a while. What they answer reaches the reader as it is; the
/// edge gives up on neither of them.
pub async fn a_burst_of_503_takes_no_other_page_with_it(p: &Platform) -> Outcome {
    p.xtask(&["fault", "storefront.errors", "--for", "30", "--ratio", "0.5"]).await?;
    let mut seen = std::collections::BTreeMap::<u16, u32>::new();
    for turn in 0..200 {
        // Each page another one, so that no cache answers.
        let answer = p.http.get(p.shop(&format!("/search?q=lamp{turn}"))).send().await?;
        *seen.entry(answer.status().as_u16()).or_default() += 1;
    }
    p.xtask(&["fault", "storefront.errors", "--off"]).await?;
    println!("figure: answers during the burst {seen:?}");
    let of = |status| seen.get(&status).copied().unwrap_or_default();
    // Half of 200, give or take seven standard deviations; the edge and a storefront make no other answer of it.
    let is_half = |count: u32| (50..=150).contains(&count);
    if of(200) + of(503) != 200 || !is_half(of(503)) {
        return Err(format!("200 pages, half of them told to fail, were answered {seen:?}").into());
    }
    Ok(())
}
