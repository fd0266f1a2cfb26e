//! The edge in the cloud is the local one: what nginx' configuration says, CloudFront's function and behaviours say too.

use std::collections::BTreeSet;

use super::{
    super::{Outcome, Tree, folder, program},
    hcl,
};
use crate::platform::edge;

/// Bytes in nginx' notation: `256k`.
fn bytes(text: &str) -> Option<u64> {
    Some(text.strip_suffix('k')?.parse::<u64>().ok()? * 1024)
}

/// What follows `before` up to `after`, each time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0)).collect()
}

/// A list of JavaScript: `var NAME = ['a', 'b'];`
fn list(code: &str, name: &str) -> Option<BTreeSet<String>> {
    let list = between(code, &format!("var {name} = ["), "]").first().copied()?;
    Some(list.split('\'').skip(1).step_by(2).map(str::to_lowercase).collect())
}

fn number(code: &str, name: &str) -> Option<u64> {
    between(code, &format!("var {name} = "), ";").first()?.parse().ok()
}

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(|word| word.trim().to_lowercase()).collect()
}

pub fn agrees(tree: &Tree) -> Result<Outcome, String> {
    let nginx = edge::configuration(8080, &["http://127.0.0.1:7100".to_owned()]);
    let module = tree.root.join("terraform/modules/edge");
    let function = folder::read(&module.join("functions/shop.js"))?;
    let code = folder::read(&module.join("main.tf"))?;
    let distribution = folder::read(&module.join("distributions.tf"))?;
    let first = |before: &str, after: &str| between(&nginx, before, after).first().map(|t| (*t).to_owned());

    let mut wrong = Vec::new();
    let mut compare = |what: &str, local: Option<BTreeSet<String>>, cloud: Option<BTreeSet<String>>| {
        if local.is_none() || local.as_ref().is_some_and(BTreeSet::is_empty) || local != cloud {
            wrong.push(format!("{what}: nginx {local:?}, CloudFront {cloud:?}"));
        }
    };
    let words = |text: Option<String>| text.map(|t| set(t.split('|')));
    compare("hidden paths", words(first("location ~ ^/(", ")(/|$)")), list(&function, "HIDDEN"));
    let cookies = first("map $http_cookie $personal { default 0; \"~(^|;[ ]*)(", ")\" 1;");
    compare("personal cookies", words(cookies), list(&function, "PERSONAL"));
    let cleared: BTreeSet<String> = nginx
        .lines()
        .filter_map(|l| l.trim().strip_prefix("proxy_set_header ")?.strip_suffix(" \"\";"))
        .map(str::to_lowercase)
        // Between nginx and storefronts only.
        .filter(|name| name != "connection")
        .collect();
    let policy = between(&code, "cleared_headers = [", "]").first().map(|l| set(hcl::strings(l)));
    compare("cleared headers", Some(cleared), policy.clone());
    let seen = policy.map(|mut names| {
        // CloudFront hides it from functions.
        names.remove("x-real-ip");
        names
    });
    compare("headers that the function clears", seen, list(&function, "CLEARED"));
    let kept = first("location ~ ^/(assets", ")/ {").map(|rest| set(format!("assets{rest}").split('|')));
    let patterns = between(&distribution, "for_each = [\"/", "]").first().map(|l| {
        set(format!("\"/{l}").split('"').filter(|p| p.starts_with('/')).map(|p| p.trim_matches(['/', '*'])))
    });
    compare("kept assets", kept, patterns);
    let sizes = between(&nginx, "client_max_body_size ", ";");
    let sizes: Vec<Option<u64>> = sizes.into_iter().map(bytes).collect();
    if sizes != [number(&function, "LARGEST_BODY"), number(&function, "LARGEST_MEASUREMENT")]
        || sizes.contains(&None)
    {
        wrong.push(format!("largest bodies: nginx {sizes:?}"));
    }
    for (local, cloud) in [
        ("location = /rum {", "path_pattern               = \"/rum\""),
        ("proxy_read_timeout 15s;", "origin_read_timeout      = 15"),
        ("proxy_connect_timeout 1s;", "connection_timeout  = 1"),
        ("proxy_cache_lock on;", "origin_shield {"),
        (
            "proxy_cache_key \"$http_host$request_uri $encoding_key\";",
            "cache_policy_id            = aws_cloudfront_cache_policy.pages.id",
        ),
    ] {
        if nginx.contains(local) != distribution.contains(cloud) || !nginx.contains(local) {
            wrong.push(format!("nginx: {local}, CloudFront: {cloud}: one of them has changed"));
        }
    }
    if wrong.is_empty() { Ok(Outcome::Passed("10 properties".to_owned())) } else { Err(wrong.join("\n")) }
}

/// The function itself, asked under node.
pub fn function(tree: &Tree) -> Result<Outcome, String> {
    let test = tree.root.join("terraform/modules/edge/functions/shop.test.js");
    let printed = program::output(program::command("node")?.arg(test))?;
    Ok(Outcome::Passed(printed.trim().to_owned()))
}
