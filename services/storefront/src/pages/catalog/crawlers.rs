//! What search engines ask for first: where they may look, and what there is.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use shop_contracts::catalog::Sitemap;

use super::{PageError, Shop, shared};
use crate::border::SitemapFile;
use crate::public_url::PublicUrl;

/// Addresses in one file (sitemaps.org).
const MOST_ADDRESSES: usize = 50_000;
/// Files of one index that are served; more products than fit are left out.
const MOST_FILES: usize = 20;
/// What is each visitor's own, and what is no page.
const PRIVATE: [&str; 11] = [
    "/cart",
    "/checkout",
    "/account",
    "/login",
    "/register",
    "/forgot-password",
    "/reset-password",
    "/orders",
    "/staff",
    "/rum",
    "/search/suggestions",
];
const XML: &str = "application/xml; charset=utf-8";

/// `GET /robots.txt`.
pub(super) async fn robots(State(shop): State<Shop>) -> Response {
    let mut text = "User-agent: *\n".to_owned();
    for path in PRIVATE {
        text.push_str(&format!("Disallow: {path}\n"));
    }
    if let Some(address) = shop.public_url.address("/sitemap.xml") {
        text.push_str(&format!("\nSitemap: {address}\n"));
    }
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], shared::CRAWLERS, text).into_response()
}

/// `GET /sitemap.xml`: every address, or an index when they are more than one file may hold. Not there for a shop that
/// does not know its own address.
pub(super) async fn sitemap(State(shop): State<Shop>) -> Result<Response, PageError> {
    answer(&shop, 0).await
}

/// `GET /sitemaps/{file}`: `1.xml` is the first file of the index.
pub(super) async fn sitemap_file(
    State(shop): State<Shop>,
    SitemapFile(number): SitemapFile,
) -> Result<Response, PageError> {
    answer(&shop, number).await
}

async fn answer(shop: &Shop, file: usize) -> Result<Response, PageError> {
    if shop.public_url.address("").is_none() {
        return Err(PageError::NotFound);
    }
    let (peers, url) = (shop.peers.clone(), shop.public_url.clone());
    let load = || async move { peers.sitemap().await.map(|sitemap| files(&url, &sitemap)) };
    let files = shop.sitemaps.get_or_load("all", load).await?;
    let xml = files.get(file).cloned().ok_or(PageError::NotFound)?;
    Ok(([(CONTENT_TYPE, XML)], shared::CRAWLERS, xml).into_response())
}

/// What `/sitemap.xml` holds, and then the files that it names, if it is an index.
fn files(url: &PublicUrl, sitemap: &Sitemap) -> Vec<Bytes> {
    let categories = sitemap.categories.iter().map(|slug| format!("/c/{slug}"));
    let products = sitemap.products.iter().map(|slug| format!("/p/{slug}"));
    let paths: Vec<String> = std::iter::once("/".to_owned()).chain(categories).chain(products).collect();
    if paths.len() <= MOST_ADDRESSES {
        return vec![list("urlset", "url", url, paths)];
    }
    let parts: Vec<Bytes> = paths
        .chunks(MOST_ADDRESSES)
        .take(MOST_FILES)
        .map(|part| list("urlset", "url", url, part.iter().cloned()))
        .collect();
    let names = (1..=parts.len()).map(|number| format!("/sitemaps/{number}.xml"));
    std::iter::once(list("sitemapindex", "sitemap", url, names)).chain(parts).collect()
}

fn list(root: &str, element: &str, url: &PublicUrl, paths: impl IntoIterator<Item = String>) -> Bytes {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n"
    );
    for path in paths {
        let address = url.address(&path).unwrap_or_default();
        // Slugs need no escape; the host may hold nothing that does.
        let address = address.replace('&', "&amp;").replace('<', "&lt;");
        xml.push_str(&format!("<{element}><loc>{address}</loc></{element}>\n"));
    }
    xml.push_str(&format!("</{root}>\n"));
    xml.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(products: usize) -> Vec<String> {
        let url = PublicUrl::parse("https://shop.example").unwrap();
        let sitemap = Sitemap {
            products: (0..products).map(|n| format!("lamp-{n}")).collect(),
            categories: vec!["lamps".to_owned()],
        };
        files(&url, &sitemap).iter().map(|file| String::from_utf8(file.to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_small_shop_has_one_file() {
        let files = made(2);
        assert_eq!(files.len(), 1);
        for path in ["/", "/c/lamps", "/p/lamp-0", "/p/lamp-1"] {
            assert!(files[0].contains(&format!("<loc>https://shop.example{path}</loc>")), "{path}");
        }
        assert!(files[0].starts_with("<?xml") && files[0].contains("<urlset xmlns="));
    }

    #[test]
    fn more_addresses_than_a_file_may_hold_become_an_index() {
        assert_eq!(made(MOST_ADDRESSES - 2).len(), 1, "exactly full");
        let files = made(MOST_ADDRESSES + 10);
        assert_eq!(files.len(), 3);
        assert!(
            files[0].contains("<sitemapindex") && files[0].contains("https://shop.example/sitemaps/2.xml")
        );
        let counts: Vec<usize> = files[1..].iter().map(|file| file.matches("<url>").count()).collect();
        assert_eq!(counts, [MOST_ADDRESSES, 12]);
        assert!(files.iter().all(|file| file.len() < 50 * 1024 * 1024));
    }
}
