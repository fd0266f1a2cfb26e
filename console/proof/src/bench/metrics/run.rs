//! The whole run, part by part, each printed as soon as it is known.

use console_model::clock::now_ms;

use super::{
    disk, growth,
    ingest::ingest,
    load::{LANES, Load},
    options::{Options, Part},
    query::{Latencies, SET, measure_set},
    scrape,
    server::Server,
    verdict::{Result as Measurement, Results, verdict},
};
use crate::{
    bench::{
        ask::Measured,
        machine::{load_average, present},
        table::{mib, table, thousands},
    },
    peer::PeerError,
};

/// Runs what the options ask for. Fails only where something did not run, never for a figure.
pub async fn run(options: &Options) -> Result<(), PeerError> {
    let console = options.console.as_deref();
    println!("load average {}", load_average());
    let found = present(options.servers(), Server::name, |s| s.program(console))?;
    if found.is_empty() {
        println!("Nothing is measured.");
        return Ok(());
    }
    let servers: Vec<Server> = found.into_iter().map(|(server, _)| server).collect();
    let mut measured = Vec::new();
    if options.has(Part::Ingest) || options.has(Part::Queries) {
        for server in &servers {
            measured.push((*server, one(*server, options).await?));
        }
        show_ingest(&measured, options);
        if options.has(Part::Queries) {
            show_queries(&measured);
        }
    }
    let mut growth = None;
    if options.has(Part::Growth) && servers.contains(&Server::Console) {
        let grown = growth::grow(console, options.runs).await?;
        println!("\nQueries of the console, {} runs at least, median:\n{}", options.runs, grown.show());
        growth = Some(grown);
    }
    if options.has(Part::Scrape) {
        let scraped = scrape::scrape(&servers, console, options.scrape_seconds).await?;
        show_scrape(&servers, &scraped, options);
    }
    let find = |server| measured.iter().find(|(s, _)| *s == server).map(|(_, m)| m);
    let results = Results {
        console: find(Server::Console),
        prometheus: find(Server::Prometheus),
        victoria_metrics: find(Server::VictoriaMetrics),
        growth: growth.as_ref(),
    };
    println!("\nload average {}\n\n{}", load_average(), verdict(&results));
    Ok(())
}

/// One server, alone on the machine as far as this program is concerned.
async fn one(server: Server, options: &Options) -> Result<Measurement, PeerError> {
    let mut peer = server.start(options.console.as_deref(), None).await?;
    let load = Load::new(options.series, options.samples, now_ms());
    eprintln!("{}: {} samples of {} series", server.name(), load.samples(), load.series());
    let ingested = ingest(&peer, load, options.rest()).await?;
    let latencies = options.has(Part::Queries).then(|| measure_set(&peer, load, options.runs)).transpose()?;
    let disk = disk::measure(server, &mut peer, ingested.samples).await?;
    peer.stop().await?;
    Ok(Measurement { ingested, disk, latencies })
}

fn show_ingest(measured: &[(Server, Measurement)], options: &Options) {
    let rows: Vec<Vec<String>> = measured
        .iter()
        .map(|(server, m)| {
            let i = &m.ingested;
            let per_sample = |bytes: u64| format!("{:.2} B", bytes as f64 / i.samples as f64);
            vec![
                server.name().to_owned(),
                format!("{:.1} s", i.wall.as_secs_f64()),
                format!("{:.1} s", i.cpu_seconds),
                thousands(i.samples_per_cpu_second()),
                thousands(i.samples_per_cpu_second_with_rest()),
                mib(i.peak_rss_bytes),
                mib(i.idle_rss_bytes),
                per_sample(m.disk.as_it_lies_bytes),
                format!("{:.2} B", m.disk.block_bytes_per_sample()),
            ]
        })
        .collect();
    let samples = measured.first().map_or(0, |(_, m)| m.ingested.samples);
    println!(
        "\nRemote write of {samples} samples, {LANES} connections; at rest for {} s:\n{}",
        options.rest_seconds,
        table(
            &[
                "server",
                "wall",
                "CPU",
                "samples/CPU-s",
                "with rest",
                "peak RSS",
                "RSS at rest",
                "disk/sample",
                "in blocks",
            ],
            &rows
        )
    );
    println!(
        "disk/sample: as it lies after the rest (console: log and blocks; Prometheus: head, log and blocks; VictoriaMetrics: \
         after a restart).\nin blocks: console: a copy with every sample flushed and merged, as it lies hours later; \
         Prometheus: a snapshot; VictoriaMetrics: the same figure."
    );
}

fn show_queries(measured: &[(Server, Measurement)]) {
    let latencies: Vec<_> = measured.iter().filter_map(|(s, m)| Some((*s, m.latencies.as_ref()?))).collect();
    let row = |name: &str, of: &dyn Fn(&Latencies) -> Measured| {
        let find = |server| latencies.iter().find(|(s, _)| *s == server).map(|(_, l)| of(l));
        let all: Vec<Measured> = latencies.iter().map(|(_, l)| of(l)).collect();
        let mut row = vec![name.to_owned()];
        row.extend(all.iter().map(|m| format!("{:.2}", m.median.as_secs_f64() * 1000.0)));
        row.extend(all.iter().map(|m| format!("{:.1}", m.cpu_ms)));
        let ours = find(Server::Console);
        for peer in [Server::Prometheus, Server::VictoriaMetrics] {
            let pair = ours.zip(find(peer));
            let show = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}"));
            row.push(show(pair.map(|(ours, theirs)| ours.ratio(&theirs))));
            row.push(show(pair.and_then(|(ours, theirs)| ours.cpu_ratio(&theirs))));
        }
        let results: Vec<String> = all.iter().map(|m| m.results.to_string()).collect();
        row.push(if results.windows(2).all(|w| w[0] == w[1]) {
            results.first().cloned().unwrap_or_default()
        } else {
            results.join("/")
        });
        row
    };
    let mut rows = vec![row("HTTP alone", &|l| l.http)];
    rows.extend(SET.iter().enumerate().map(|(at, query)| row(query.name, &|l| l.queries[at])));
    let times = measured.iter().map(|(s, _)| format!("{} ms", s.short_name()));
    let cpus = measured.iter().map(|(s, _)| format!("{} CPU", s.short_name()));
    let head: Vec<String> = std::iter::once("query".to_owned())
        .chain(times)
        .chain(cpus)
        .chain(["/Prom", "/Prom CPU", "/VM", "/VM CPU", "results"].map(str::to_owned))
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    println!(
        "\nQueries: median wall time; CPU time of the server, ms; ours over theirs. HTTP alone is an answer that needs no \
         work, the server's check of readiness:\n{}",
        table(&head, &rows)
    );
}

fn show_scrape(servers: &[Server], scraped: &[scrape::Scraped], options: &Options) {
    let rows: Vec<Vec<String>> = servers
        .iter()
        .zip(scraped)
        .map(|(server, s)| {
            vec![
                server.name().to_owned(),
                s.series.to_string(),
                s.samples.to_string(),
                format!("{:.2} s", s.cpu_seconds),
                thousands(s.samples_in_time as f64 / s.cpu_seconds.max(0.01)),
                format!("{:.2} B", s.disk.as_it_lies_bytes as f64 / s.samples.max(1) as f64),
                format!("{:.2} B", s.disk.block_bytes_per_sample()),
            ]
        })
        .collect();
    println!(
        "\nA node exporter, scraped each second for {} s:\n{}",
        options.scrape_seconds,
        table(&["server", "series", "samples", "CPU", "samples/CPU-s", "disk/sample", "in blocks"], &rows)
    );
}
