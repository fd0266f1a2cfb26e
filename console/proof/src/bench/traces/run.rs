//! The whole run: each server alone, under each number of connections, then asked.

use std::path::Path;

use console_model::clock::now_ms;

use super::{
    count::count,
    load::{self, Load},
    options::Options,
    question::{self, Shape, questions},
    server::Server,
    show, verdict,
};
use crate::{
    bench::{
        machine::{load_average, present},
        outcome::{Loaded, Outcome, answer_or_tell, ask, show_answers},
        push::push,
        take::take,
    },
    peer::{Peer, PeerError},
};

/// Traces that are read to see what was kept; no server counts spans for its askers.
const SAMPLED_TRACES: usize = 1_000;
const NOT_FOUND: u16 = 404;

/// Runs what the options ask for. Fails only where something did not run, never for a figure.
pub async fn run(options: &Options) -> Result<(), PeerError> {
    println!("load average {}", load_average());
    let servers = present(options.servers(), Server::name, |s| s.program(options))?;
    if servers.is_empty() {
        println!("Nothing is measured.");
        return Ok(());
    }
    let mut outcomes = Vec::new();
    for (server, program) in servers {
        outcomes.push(one(server, &program, options).await?);
    }
    println!("\n{}", show::loads(&outcomes, options));
    println!("Questions over the whole range:\n{}", show_answers(&outcomes, Server::name));
    println!("load average {}\n\n{}", load_average(), verdict::verdict(&outcomes));
    Ok(())
}

async fn one(server: Server, program: &Path, options: &Options) -> Result<Outcome<Server>, PeerError> {
    let (mut loads, mut answered) = (Vec::new(), None);
    for (at, connections) in options.connections.iter().copied().enumerate() {
        let mut peer = server.start(program).await?;
        let load = Load::new(options.spans, now_ms());
        eprintln!("{}: {} spans over {connections} connections", server.name(), load.spans());
        let (target, folder) = (server.target(&peer), server.traces_dir(&peer));
        let pushed = push(&target, connections, move |lane| load::bodies(load, lane, connections));
        let taken = take(&peer, &folder, connections, options.rest(), pushed).await?;
        let kept_share = answer_or_tell(server.name(), found(server, &peer, load).await);
        if at + 1 == options.connections.len() {
            let asked = questions(load).into_iter().map(|q| {
                let asked = q.asked(server, load);
                (asked, move |answer: &[u8]| count(q.shape, answer))
            });
            answered = Some(ask(&peer, options.runs, asked.collect())?);
        }
        peer.crash().await?;
        let ready_seconds = peer.ready_after().as_secs_f64();
        let killed_share = answer_or_tell(server.name(), found(server, &peer, load).await);
        peer.stop().await?;
        loads.push(Loaded { taken, kept_share, ready_seconds, killed_share });
    }
    Ok(Outcome { server, loads, answered })
}

/// Of the spans of some traces, the share that the server finds.
async fn found(server: Server, peer: &Peer, load: Load) -> Result<f64, PeerError> {
    let (mut expected, mut found) = (0, 0);
    for (id, spans) in load.sample(SAMPLED_TRACES) {
        expected += spans as u64;
        match question::one(server, load, &id.hex()).once(peer.endpoint()).await {
            Ok(answer) => found += count(Shape::ById, &answer)?,
            Err(PeerError::Refused { status: NOT_FOUND, .. }) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(found as f64 / expected.max(1) as f64)
}
