//! Attributes and intrinsics.

use super::Parser;
use crate::{ast::*, error::Error, lexer::Token};

impl Parser<'_> {
    /// `(a, b)`, at least one.
    pub(crate) fn attributes(&mut self) -> Result<Vec<Attribute>, Error> {
        self.expect("(")?;
        let mut out = Vec::new();
        loop {
            match self.attribute()? {
                Some(attribute) => out.push(attribute),
                None => return self.fail("an attribute"),
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(out)
    }

    pub(crate) fn attribute(&mut self) -> Result<Option<Attribute>, Error> {
        let found = match self.peek() {
            Token::Attribute { scope, name } => {
                let name = name.clone();
                let scope = match scope.as_str() {
                    "" => Scope::Any,
                    "span" => Scope::Span,
                    "resource" => Scope::Resource,
                    "event" => Scope::Event,
                    "link" => Scope::Link,
                    "instrumentation" => Scope::Instrumentation,
                    of_parent => {
                        let of = parents(of_parent, name);
                        self.at += 1;
                        return Ok(Some(Attribute::OfParent(Box::new(of))));
                    }
                };
                Attribute::Named { scope, name }
            }
            Token::Word(w) if w == "parent" => Attribute::Intrinsic(Intrinsic::Parent),
            Token::Word(w) => match plain_intrinsic(w) {
                Some(i) => Attribute::Intrinsic(i),
                None => return Ok(None),
            },
            Token::Scoped(scope, name) => match scoped_intrinsic(scope, name) {
                Some(i) => Attribute::Intrinsic(i),
                None => return self.fail("an intrinsic such as span:name or trace:id"),
            },
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(found))
    }
}

/// `parent.a`, `parent.duration`, `parent.span.a`, `parent.resource.a`.
fn parents(scope: &str, name: String) -> Attribute {
    match scope {
        "parent.span" => Attribute::Named { scope: Scope::Span, name },
        "parent.resource" => Attribute::Named { scope: Scope::Resource, name },
        _ => match plain_intrinsic(&name) {
            Some(i) => Attribute::Intrinsic(i),
            None => Attribute::Named { scope: Scope::Any, name },
        },
    }
}

pub(crate) fn plain_intrinsic(word: &str) -> Option<Intrinsic> {
    Some(match word {
        "duration" => Intrinsic::Duration,
        "name" => Intrinsic::Name,
        "status" => Intrinsic::Status,
        "statusMessage" => Intrinsic::StatusMessage,
        "kind" => Intrinsic::Kind,
        "childCount" => Intrinsic::ChildCount,
        "traceDuration" => Intrinsic::TraceDuration,
        "rootName" => Intrinsic::RootName,
        "rootServiceName" => Intrinsic::RootService,
        "nestedSetLeft" => Intrinsic::NestedSetLeft,
        "nestedSetRight" => Intrinsic::NestedSetRight,
        "nestedSetParent" => Intrinsic::NestedSetParent,
        _ => return None,
    })
}

pub(crate) fn scoped_intrinsic(scope: &str, name: &str) -> Option<Intrinsic> {
    Some(match (scope, name) {
        ("span", "duration") => Intrinsic::Duration,
        ("span", "name") => Intrinsic::Name,
        ("span", "status") => Intrinsic::Status,
        ("span", "statusMessage") => Intrinsic::StatusMessage,
        ("span", "kind") => Intrinsic::Kind,
        ("span", "childCount") => Intrinsic::ChildCount,
        ("span", "id") => Intrinsic::SpanId,
        ("span", "parentID") => Intrinsic::ParentId,
        ("trace", "id") => Intrinsic::TraceId,
        ("trace", "duration") => Intrinsic::TraceDuration,
        ("trace", "rootName") => Intrinsic::RootName,
        ("trace", "rootService") => Intrinsic::RootService,
        ("event", "name") => Intrinsic::EventName,
        ("event", "timeSinceStart") => Intrinsic::EventTimeSinceStart,
        ("link", "traceID") => Intrinsic::LinkTraceId,
        ("link", "spanID") => Intrinsic::LinkSpanId,
        ("instrumentation", "name") => Intrinsic::ScopeName,
        ("instrumentation", "version") => Intrinsic::ScopeVersion,
        _ => return None,
    })
}
