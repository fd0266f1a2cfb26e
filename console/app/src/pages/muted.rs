//! Why nobody is told of an alert that fires.

use console_model::silence::{Mute, Silence, Silencing};
use console_ui::{Badge, Tone};
use leptos::prelude::*;

use crate::view::format;

/// One reason in a few words, and all of them in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub short: &'static str,
    pub is_wanted: bool,
    pub full: Vec<String>,
}

/// The reasons of one alert; none when it is told.
pub fn reason(silencing: Option<&Silencing>, fingerprint: &str, now_ms: i64) -> Option<Reason> {
    let silencing = silencing?;
    let mute = silencing.mutes.get(fingerprint).filter(|m| !m.is_empty())?;
    let short = match mute {
        Mute { is_unsent: true, .. } => "Nobody is told",
        Mute { silences, .. } if !silences.is_empty() => "Silenced",
        Mute { inhibited_by, .. } if !inhibited_by.is_empty() => "Inhibited",
        _ => "Muted",
    };
    let silences = mute.silences.iter().map(|id| match silencing.find(id) {
        Some(silence) => words(silence, now_ms),
        None => format!("By the silence {id}."),
    });
    let inhibited = mute.inhibited_by.iter().map(|by| format!("Inhibited while the alert {by} fires."));
    let intervals = mute.intervals.iter().map(|name| format!("Muted by the time interval {name}."));
    let unsent = mute.is_unsent.then(|| {
        "Prometheus says that it fires, and Alertmanager does not know it: nobody is told.".to_owned()
    });
    let full = unsent.into_iter().chain(silences).chain(inhibited).chain(intervals).collect();
    Some(Reason { short, is_wanted: !mute.is_unsent, full })
}

fn words(silence: &Silence, now_ms: i64) -> String {
    let by = if silence.created_by.is_empty() { "somebody" } else { &silence.created_by };
    let until = format::time_utc(silence.ends_at_ms);
    // Whole minutes, the last one begun: nobody wants to know the seconds.
    let minutes = ((silence.ends_at_ms - now_ms).max(1) + 59_999) / 60_000;
    let left = format::duration_ns(minutes * 60_000_000_000);
    let left = left.trim_end_matches(" 0 s");
    let why = if silence.comment.is_empty() { String::new() } else { format!(": {}", silence.comment) };
    format!("Silenced by {by} until {until} UTC ({left} more){why}")
}

/// On the alert's row: the word, with everything in its title.
#[component]
pub fn MutedBadge(reason: Option<Reason>) -> impl IntoView {
    reason.map(|r| {
        let tone = if r.is_wanted { Tone::Neutral } else { Tone::Bad };
        view! { <span class="muted-badge" title=r.full.join(" ")><Badge tone>{r.short}</Badge></span> }
    })
}

/// All silences that have not ended.
#[component]
pub fn Silences(silences: Vec<Silence>, now_ms: i64) -> impl IntoView {
    let row = |s: Silence| {
        let begins =
            (s.starts_at_ms > now_ms).then(|| format!("from {} UTC", format::time_utc(s.starts_at_ms)));
        view! {
            <li class="silence-row">
                <code>{s.matchers.join(", ")}</code>
                <span>{s.comment}</span>
                <span class="muted">
                    {s.created_by}" "{begins}" until "{format::time_utc(s.ends_at_ms)}" UTC"
                </span>
            </li>
        }
    };
    view! { <ul class="list">{silences.into_iter().map(row).collect_view()}</ul> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_silenced_until_when_and_why_is_told_and_an_unsent_alert_is_loud() {
        let silence = Silence {
            id: "s1".into(),
            matchers: vec!["service=\"orders\"".into()],
            created_by: "kim".into(),
            comment: "upgrade".into(),
            starts_at_ms: 0,
            ends_at_ms: 3_600_000,
        };
        let mut silencing = Silencing { silences: vec![silence], ..Silencing::default() };
        let mute = |m: Mute| ("ff".to_owned(), m);
        silencing
            .mutes
            .extend([mute(Mute { silences: vec!["s1".into(), "gone".into()], ..Mute::default() })]);
        let told = reason(Some(&silencing), "ff", 1_800_000).unwrap();
        assert_eq!((told.short, told.is_wanted), ("Silenced", true));
        assert_eq!(
            told.full,
            ["Silenced by kim until 1970-01-01 01:00:00 UTC (30 min more): upgrade", "By the silence gone."]
        );
        silencing.mutes.extend([mute(Mute { is_unsent: true, ..Mute::default() })]);
        assert!(!reason(Some(&silencing), "ff", 0).unwrap().is_wanted);
        assert_eq!(reason(Some(&silencing), "00", 0), None);
        assert_eq!(reason(None, "ff", 0), None);
    }
}
