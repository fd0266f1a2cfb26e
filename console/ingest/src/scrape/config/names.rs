//! Which names jobs take, and in which form they ask for them.

use super::{
    build::Section,
    raw::{RawGlobal, RawJob},
    yaml::Spanned,
};
use crate::scrape::names::{Escaping, NameConfig, NameScheme};

/// What jobs inherit.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub validation: NameScheme,
    escaping: Escaping,
}

impl Section<'_> {
    pub(super) fn global_names(&mut self, raw: &RawGlobal) -> Names {
        let validation = self.validation(raw.metric_name_validation_scheme.as_ref()).unwrap_or_default();
        let escaping = self.escaping(raw.metric_name_escaping_scheme.as_ref());
        Names { validation, escaping: escaping.unwrap_or_else(|| Escaping::of(validation)) }
    }

    /// A job with a validation of its own inherits no escaping: one that only says `legacy` must not ask for what it then
    /// refuses.
    pub(super) fn names(&mut self, raw: &RawJob, global: Names) -> NameConfig {
        let own = self.validation(raw.metric_name_validation_scheme.as_ref());
        let validation = own.unwrap_or(global.validation);
        let escaping = self
            .escaping(raw.metric_name_escaping_scheme.as_ref())
            .unwrap_or_else(|| own.map_or(global.escaping, Escaping::of));
        if validation == NameScheme::Legacy && escaping == Escaping::AllowUtf8 {
            let at = raw.metric_name_escaping_scheme.as_ref().or(raw.metric_name_validation_scheme.as_ref());
            let (field, message) = (
                "metric_name_escaping_scheme",
                "cannot be allow-utf-8 where metric_name_validation_scheme is legacy: such names are refused",
            );
            match at {
                Some(at) => self.add_at(at.referenced.line(), field, message),
                None => self.add(field, message),
            }
        }
        NameConfig { validation, escaping }
    }

    fn validation(&mut self, raw: Option<&Spanned<String>>) -> Option<NameScheme> {
        self.read("metric_name_validation_scheme", said(raw), NameScheme::parse)
    }

    fn escaping(&mut self, raw: Option<&Spanned<String>>) -> Option<Escaping> {
        self.read("metric_name_escaping_scheme", said(raw), Escaping::parse)
    }
}

/// An empty text says nothing.
fn said(raw: Option<&Spanned<String>>) -> Option<&Spanned<String>> {
    raw.filter(|raw| !raw.value.is_empty())
}
