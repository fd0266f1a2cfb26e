//! Prometheus' own client.

use std::process::Command;

use tokio::net::TcpListener;

use crate::harness::{Api, NOW_S};

async fn promtool(url: &str, args: &[&str]) -> String {
    let (url, args): (String, Vec<String>) = (url.to_owned(), args.iter().map(|a| (*a).to_owned()).collect());
    let run = move || {
        // `query KIND [flags] SERVER ARGUMENTS…`
        let (flags, rest): (Vec<&String>, Vec<&String>) = args[1..].iter().partition(|a| a.starts_with("--"));
        let mut command = Command::new(xtask_programs::path("promtool").unwrap());
        command.arg("query").arg(&args[0]).args(flags).arg(&url).args(rest).env("NO_PROXY", "*");
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn promtool_queries_as_it_queries_prometheus() {
    let api = Api::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, api.router.clone()).into_future());

    let at = format!("--time={NOW_S}");
    let instant = promtool(&url, &["instant", &at, "sort_desc(sum by (job) (up + 1))"]).await;
    assert_eq!(instant, format!("{{job=\"shop\"}} => 3 @[{NOW_S}]\n{{job=\"edge\"}} => 2 @[{NOW_S}]\n"));
    let scalar = promtool(&url, &["instant", &at, "1 + 1"]).await;
    assert_eq!(scalar, format!("scalar: 2 @[{NOW_S}]\n"));

    let (start, end) = (format!("--start={}", NOW_S - 30), format!("--end={NOW_S}"));
    let range = promtool(&url, &["range", &start, &end, "--step=15s", "sum(up)"]).await;
    let values = [30, 15, 0].map(|ago| format!("2 @[{}]\n", NOW_S - ago)).concat();
    assert_eq!(range, format!("{{}} =>\n{values}"));

    let series = promtool(&url, &["series", "--match=up{job=\"shop\"}", &start, &end]).await;
    let one = |instance: &str| format!("{{__name__=\"up\", instance=\"{instance}\", job=\"shop\"}}\n");
    assert_eq!(series, one("a") + &one("b"));
    assert_eq!(promtool(&url, &["labels", &start, &end, "job"]).await, "edge\nshop\n");
    server.abort();
}
