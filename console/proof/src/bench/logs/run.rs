//! The whole run: each server alone, under each number of connections, then asked.

use std::path::Path;

use console_model::clock::now_ms;

use super::{
    count::count,
    load::{self, Load},
    options::Options,
    question::{everything, questions},
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
        let load = Load::new(options.gb, now_ms());
        eprintln!("{}: {} lines over {connections} connections", server.name(), load.lines());
        let (target, folder) = (server.target(&peer), server.logs_dir(&peer));
        let pushed = push(&target, connections, move |lane| load::lane(load, lane, connections));
        let taken = take(&peer, &folder, connections, options.rest(), pushed).await?;
        let kept = async |peer: &Peer| {
            let lines = lines(server, peer, load).await;
            answer_or_tell(server.name(), lines.map(|n| taken.share(n)))
        };
        let kept_share = kept(&peer).await;
        if at + 1 == options.connections.len() {
            let language = server.language();
            let asked = questions().into_iter().map(|q| {
                let asked = q.asked(language, load);
                (asked, move |answer: &[u8]| count(&q, language, answer))
            });
            answered = Some(ask(&peer, options.runs, asked.collect())?);
        }
        peer.crash().await?;
        let ready_seconds = peer.ready_after().as_secs_f64();
        let killed_share = kept(&peer).await;
        peer.stop().await?;
        loads.push(Loaded { taken, kept_share, ready_seconds, killed_share });
    }
    Ok(Outcome { server, loads, answered })
}

/// Lines that the server finds.
async fn lines(server: Server, peer: &Peer, load: Load) -> Result<u64, PeerError> {
    let (question, language) = (everything(), server.language());
    let answer = question.asked(language, load).once(peer.endpoint()).await?;
    count(&question, language, &answer)
}
