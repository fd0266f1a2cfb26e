//! Which traces are sampled from the start, as OpenTelemetry's environment variables say it
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! What is not sampled is recorded all the same, unless sampling is off: [`super::tail`] keeps it if it turns out to be
//! evidence of something wrong.

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

use crate::config::Env;

/// Share of traces that are sampled where nothing else is said.
const DEFAULT_RATIO: f64 = 0.05;

/// The attribute of a span whose sampling was drawn before it began: 0 or 1.
const PRIORITY: &str = "sampling.priority";

/// How traces are sampled.
#[derive(Debug, Clone)]
pub struct Sampling {
    head: Sampler,
    /// Whether what is not sampled may still be kept at its end.
    keeps_evidence: bool,
    /// Share of new traces that are sampled.
    ratio: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            head: parent_based(Sampler::TraceIdRatioBased(DEFAULT_RATIO)),
            keeps_evidence: true,
            ratio: DEFAULT_RATIO,
        }
    }
}

impl Sampling {
    /// Reads `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub(super) fn from_env(env: &mut Env) -> Self {
        let name: Option<String> = env.maybe("OTEL_TRACES_SAMPLER");
        let ratio: f64 = env.optional("OTEL_TRACES_SAMPLER_ARG", DEFAULT_RATIO);
        if !(0.0..=1.0).contains(&ratio) {
            env.note("OTEL_TRACES_SAMPLER_ARG must be a ratio between 0 and 1");
        }
        let by_ratio = Sampler::TraceIdRatioBased(ratio);
        let (head, ratio) = match name.as_deref().unwrap_or("parentbased_traceidratio") {
            "always_on" => (Sampler::AlwaysOn, 1.0),
            "always_off" => return Self { head: Sampler::AlwaysOff, keeps_evidence: false, ratio: 0.0 },
            "traceidratio" => (by_ratio, ratio),
            "parentbased_always_on" => (parent_based(Sampler::AlwaysOn), 1.0),
            "parentbased_always_off" => (parent_based(Sampler::AlwaysOff), 0.0),
            "parentbased_traceidratio" => (parent_based(by_ratio), ratio),
            _ => {
                env.note(
                    "OTEL_TRACES_SAMPLER must be always_on, always_off, traceidratio, parentbased_always_on, \
                     parentbased_always_off or parentbased_traceidratio",
                );
                return Self::default();
            }
        };
        Self { head, keeps_evidence: true, ratio }
    }

    /// Share of new traces that are sampled.
    pub(super) fn ratio(&self) -> f64 {
        self.ratio
    }
}

impl ShouldSample for Sampling {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self.head.should_sample(parent, trace, name, kind, attributes, links);
        if self.keeps_evidence
            && let Some(is_drawn) = drawn(attributes)
        {
            result.decision =
                if is_drawn { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        }
        if self.keeps_evidence && result.decision == SamplingDecision::Drop {
            result.decision = SamplingDecision::RecordOnly;
        }
        result
    }
}

/// What was drawn before the span began, if it was.
fn drawn(attributes: &[KeyValue]) -> Option<bool> {
    let found = attributes.iter().find(|attribute| attribute.key.as_str() == PRIORITY)?;
    Some(matches!(found.value, Value::I64(1..)))
}

fn parent_based(root: Sampler) -> Sampler {
    Sampler::ParentBased(Box::new(root))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceState};

    use super::*;

    fn decision(settings: &[(&str, &str)], parent: Option<TraceFlags>, trace: u128) -> SamplingDecision {
        let mut env = Env::from_pairs(settings.iter().copied());
        let sampling = Sampling::from_env(&mut env);
        env.finish().unwrap();
        let trace = TraceId::from(trace);
        let parent = parent.map(|flags| {
            let remote = SpanContext::new(trace, SpanId::from(7), flags, true, TraceState::default());
            Context::new().with_remote_span_context(remote)
        });
        sampling.should_sample(parent.as_ref(), trace, "GET /", &SpanKind::Server, &[], &[]).decision
    }

    #[test]
    fn a_small_share_is_sampled_and_the_rest_recorded_unless_told_otherwise() {
        let (low, high) = (1, u128::MAX);
        assert_eq!(decision(&[], None, low), SamplingDecision::RecordAndSample);
        assert_eq!(decision(&[], None, high), SamplingDecision::RecordOnly);
        let all = [("OTEL_TRACES_SAMPLER", "parentbased_always_on")];
        assert_eq!(decision(&all, None, high), SamplingDecision::RecordAndSample);
        let half = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1")];
        assert_eq!(decision(&half, None, high), SamplingDecision::RecordAndSample);
        assert_eq!(decision(&[("OTEL_TRACES_SAMPLER", "always_off")], None, low), SamplingDecision::Drop);
    }

    #[test]
    fn the_callers_decision_is_followed() {
        assert_eq!(decision(&[], Some(TraceFlags::SAMPLED), u128::MAX), SamplingDecision::RecordAndSample);
        assert_eq!(decision(&[], Some(TraceFlags::default()), 1), SamplingDecision::RecordOnly);
    }

    #[test]
    fn what_was_drawn_before_the_span_began_counts() {
        let sampling = Sampling::default();
        let decided = |drawn: i64, trace: u128| {
            let attributes = [KeyValue::new(PRIORITY, drawn)];
            let kind = SpanKind::Server;
            sampling.should_sample(None, TraceId::from(trace), "GET /", &kind, &attributes, &[]).decision
        };
        assert_eq!(decided(1, u128::MAX), SamplingDecision::RecordAndSample);
        assert_eq!(decided(0, 1), SamplingDecision::RecordOnly);
    }

    #[test]
    fn wrong_settings_are_problems_of_the_configuration() {
        for (name, value) in [
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
        ] {
            let mut env = Env::from_pairs([(name, value)]);
            let _ = Sampling::from_env(&mut env);
            assert!(env.finish().is_err(), "{name}={value}");
        }
    }
}
