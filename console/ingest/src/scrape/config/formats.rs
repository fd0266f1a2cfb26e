//! Which formats are asked for, and what is read of histograms.

use super::{
    HistogramConfig,
    build::Section,
    raw::{RawGlobal, RawJob},
    yaml::Spanned,
};
use crate::scrape::{exposition::Histograms, protocol::Protocol};

/// What jobs inherit.
pub(super) struct Formats {
    protocols: Option<Vec<Protocol>>,
    histograms: Histograms,
}

impl Section<'_> {
    pub(super) fn global_formats(&mut self, raw: &RawGlobal) -> Formats {
        Formats {
            protocols: self.protocols(raw.scrape_protocols.as_ref()),
            histograms: Histograms {
                native: raw.scrape_native_histograms.unwrap_or(false),
                classic_too: raw.always_scrape_classic_histograms.unwrap_or(false),
                convert: raw.convert_classic_histograms_to_nhcb.unwrap_or(false),
            },
        }
    }

    pub(super) fn formats(
        &mut self,
        raw: &RawJob,
        global: &Formats,
    ) -> (Vec<Protocol>, Option<Protocol>, HistogramConfig) {
        let older = raw.scrape_classic_histograms.as_ref();
        if let (Some(older), Some(_)) = (older, raw.always_scrape_classic_histograms) {
            let message = "is the older name of always_scrape_classic_histograms, which is there too";
            self.add_at(older.referenced.line(), "scrape_classic_histograms", message);
        }
        let classic_too = raw.always_scrape_classic_histograms.or(older.map(|o| o.value));
        let read = Histograms {
            native: raw.scrape_native_histograms.unwrap_or(global.histograms.native),
            classic_too: classic_too.unwrap_or(global.histograms.classic_too),
            convert: raw.convert_classic_histograms_to_nhcb.unwrap_or(global.histograms.convert),
        };
        let factor = raw.native_histogram_min_bucket_factor.unwrap_or(0.0);
        if !factor.is_finite() || factor < 0.0 {
            self.add("native_histogram_min_bucket_factor", "must be a number from 0 on");
        }
        let protocols = self.protocols(raw.scrape_protocols.as_ref());
        let protocols = protocols
            .or_else(|| global.protocols.clone())
            .unwrap_or_else(|| Protocol::defaults(read.native).to_vec());
        let fallback =
            self.read("fallback_scrape_protocol", raw.fallback_scrape_protocol.as_ref(), Protocol::parse);
        let bucket_limit = raw.native_histogram_bucket_limit.unwrap_or(0);
        (protocols, fallback, HistogramConfig { read, bucket_limit, min_bucket_factor: factor })
    }

    fn protocols(&mut self, raw: Option<&Spanned<Vec<Spanned<String>>>>) -> Option<Vec<Protocol>> {
        let raw = raw?;
        let mut all = Vec::new();
        for (i, name) in raw.value.iter().enumerate() {
            let field = format!("scrape_protocols[{i}]");
            let Some(protocol) = self.read(&field, Some(name), Protocol::parse) else { continue };
            if all.contains(&protocol) {
                self.add_at(name.referenced.line(), &field, format!("{:?} is there twice", name.value));
            }
            all.push(protocol);
        }
        if raw.value.is_empty() {
            self.add_at(raw.referenced.line(), "scrape_protocols", "is empty");
        }
        Some(all)
    }
}
