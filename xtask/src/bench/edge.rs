//! How many of the pages that readers ask for the edge answers by itself.

use super::{
    page,
    report::{Report, Target},
    stage::Stage,
    wrk::{self, Load},
};

const SECONDS: u32 = 8;
const CONNECTIONS: u32 = 16;

/// Readers at the edge: every department and its products, those on top of the lists more often.
const SCRIPT: &str = r#"
local pages = {}
for page in string.gmatch(os.getenv("PAGES"), "%S+") do pages[#pages + 1] = page end
hits, stale, misses, n = 0, 0, 0, 0
request = function()
  n = n + 1
  local at = math.floor(#pages * math.random() ^ 2) + 1
  return wrk.format("GET", pages[at])
end
response = function(status, headers)
  local how = headers["X-Cache"] or headers["x-cache"] or "MISS"
  if how == "HIT" then hits = hits + 1
  elseif how == "STALE" or how == "UPDATING" then stale = stale + 1
  else misses = misses + 1 end
end
local threads = {}
setup = function(thread) threads[#threads + 1] = thread end
done = function()
  for _, thread in ipairs(threads) do
    print("count hits " .. thread:get("hits"))
    print("count stale " .. thread:get("stale"))
    print("count misses " .. thread:get("misses"))
  end
end
"#;

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<(), String> {
    println!("\npages of readers at the edge");
    stage.edge().await?;
    let pages = pages(stage).await?;
    println!("  {} pages", pages.len());
    let script = stage.layout.data.join("edge.lua");
    std::fs::write(&script, SCRIPT).map_err(|e| format!("cannot write {}: {e}", script.display()))?;
    let url = stage.layout.shop_url();
    let load = Load {
        url: &url,
        connections: CONNECTIONS,
        seconds: SECONDS,
        script: Some(&script),
        may_refuse: false,
    };
    let run = wrk::run(load, &[("PAGES", pages.join(" "))]).await?;
    let count = |name: &str| run.counts.get(name).copied().unwrap_or_default();
    let (hits, stale, misses) = (count("hits"), count("stale"), count("misses"));
    let all = (hits + stale + misses).max(1.0);
    println!(
        "  {:.0}/s: {hits} from the cache, {stale} while it is renewed, {misses} from a storefront",
        run.requests_per_second
    );
    report.add("pages of readers answered by the edge", (hits + stale) / all, "", Target::AtLeast(0.9));
    Ok(())
}

/// The front page, the departments, and what their first pages list.
async fn pages(stage: &Stage) -> Result<Vec<String>, String> {
    let shop = stage.url("storefront");
    let mut pages = vec!["/".to_owned()];
    let departments = links(&page::text(&shop).await?, "/c/");
    for department in &departments {
        let listing = page::text(&format!("{shop}{department}")).await?;
        pages.push(department.clone());
        pages.extend(links(&listing, "/p/"));
    }
    Ok(pages)
}

/// Addresses that begin like this, once each.
fn links(html: &str, start: &str) -> Vec<String> {
    let begin = format!("href=\"{start}");
    let found = html.match_indices(&begin).filter_map(|(at, _)| {
        let from = at + "href=\"".len();
        Some(html[from..from + html[from..].find('"')?].to_owned())
    });
    let plain: std::collections::BTreeSet<String> = found.filter(|link| !link.contains('?')).collect();
    plain.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn links_are_found_once_and_without_queries() {
        let html = r#"<a href="/p/a">a</a><a href="/p/b?x=1">b</a><a href="/p/a">a</a><a href="/c/c">c</a>"#;
        assert_eq!(super::links(html, "/p/"), ["/p/a"]);
    }
}
