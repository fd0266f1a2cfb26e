//! The write side of the port: what is allowed goes into the log, then into memory.

use std::{collections::HashMap, sync::Arc};

use console_model::{
    Labels,
    hashed::HashedMap,
    metric::{Exemplar, HistogramSample, MetricMetadata, Point, PointSeries, Sample},
};
use console_storage::{
    AppendError,
    metrics::{AppendOutcome, SampleAppender, SeriesBatch},
};

use crate::{
    Tsdb,
    block::Block,
    head::Head,
    index::SeriesId,
    limits,
    record::{Record, SeriesEntry, encode_series},
    series::{label_bytes, put_in_order, same},
    writer::{Writer, append_error},
};

/// Points of one record; larger writes become several.
const POINTS_PER_RECORD: usize = 50_000;
const LABEL_BYTES_PER_RECORD: usize = 8 << 20;

/// What a write has for one series, judged. Small: a write has thousands of them.
struct Planned<'a> {
    part: &'a SeriesBatch,
    id: Option<SeriesId>,
    label_bytes: u32,
    /// What stays of the series where it is not simply all of `part`.
    judged: Option<Box<Judged>>,
}

/// Points of a series that were looked at one by one.
#[derive(Default)]
struct Judged {
    samples: Vec<Sample>,
    histograms: Vec<HistogramSample>,
    exemplars: Vec<Exemplar>,
    /// The newest point of the series, with what is planned.
    newest_t: Option<i64>,
    /// From a time on, what blocks hold of the series; read when a point that old arrives.
    flushed: Option<(i64, PointSeries)>,
}

impl Planned<'_> {
    fn labels(&self) -> &Labels {
        &self.part.labels
    }

    fn samples(&self) -> &[Sample] {
        self.judged.as_ref().map_or(&self.part.samples, |j| &j.samples)
    }

    fn histograms(&self) -> &[HistogramSample] {
        self.judged.as_ref().map_or(&self.part.histograms, |j| &j.histograms)
    }

    /// Only what was judged has any.
    fn exemplars(&self) -> &[Exemplar] {
        self.judged.as_ref().map_or(&[], |j| &j.exemplars)
    }
}

/// Refused points and the first reason.
#[derive(Default)]
struct Refused {
    count: u64,
    first: Option<AppendError>,
}

impl Refused {
    fn add(&mut self, points: usize, reason: AppendError) {
        self.count += points as u64;
        self.first.get_or_insert(reason);
    }
}

/// A part of a planned series that goes into one record.
struct Piece<'a> {
    plan: &'a Planned<'a>,
    samples: &'a [Sample],
    histograms: &'a [HistogramSample],
    exemplars: &'a [Exemplar],
}

impl Piece<'_> {
    fn points(&self) -> usize {
        self.samples.len() + self.histograms.len()
    }
}

/// One write being judged.
struct Judge<'a> {
    db: &'a Tsdb,
    head: &'a Head,
    /// What ages are counted from, and what the clock says, in milliseconds.
    now: (i64, i64),
    /// The newest time that some block holds.
    flushed_until: i64,
}

impl SampleAppender for Tsdb {
    fn append(&self, batch: &[SeriesBatch]) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let mut refused = Refused::default();
        self.settle_log()?;
        let room = self.room(batch)?;
        let mut writer = self.writer.lock();
        let (planned, mut outcome) = self.plan(batch, &mut refused);
        for part in pieces(&planned) {
            let points: usize = part.iter().map(Piece::points).sum();
            match self.store(&part, &mut writer) {
                Ok(()) => {
                    outcome.accepted += points as u64;
                    outcome.exemplars += part.iter().map(|p| p.exemplars.len() as u64).sum::<u64>();
                }
                Err(e) if outcome.accepted == 0 => return Err(e),
                Err(e) => refused.add(points, e),
            }
        }
        // What was known already is in the log before this, and somebody may be waiting for it yet.
        let end = self.wal.end();
        drop(writer);
        self.note_memory(room);
        self.wal.acknowledge(end).map_err(append_error)?;
        Ok((AppendOutcome { rejected: refused.count, ..outcome }, refused.first))
    }

    fn known(&self, labels: &Labels) -> Option<Labels> {
        let head = self.head.read();
        let id = head.index.find(labels)?;
        head.get(id).map(|s| s.labels.clone())
    }

    fn put_metadata(&self, metadata: &[MetricMetadata]) -> Result<(), AppendError> {
        let limits = &self.config.limits;
        let mut writer = self.writer.lock();
        let fresh: Vec<MetricMetadata> = {
            let head = self.head.read();
            let room = limits.max_metadata.saturating_sub(head.metadata.len());
            let news = metadata.iter().filter(|m| head.metadata.get(&m.metric) != Some(*m));
            let fits =
                |m: &&MetricMetadata| m.help.len() + m.unit.len() + m.metric.len() <= limits.max_help_bytes;
            news.filter(fits).take(room).cloned().collect()
        };
        if fresh.is_empty() {
            return Ok(());
        }
        self.rotate_when_full(&mut writer)?;
        let record = Record::Metadata(fresh.clone()).encode();
        self.write(&mut writer, &record)?;
        let mut head = self.head.write();
        head.metadata.extend(fresh.into_iter().map(|m| (m.metric.clone(), m)));
        let end = self.wal.end();
        drop((head, writer));
        self.wal.acknowledge(end).map_err(append_error)
    }
}

impl Tsdb {
    /// Splits a write into what is allowed and what is not; answers also how much was known already.
    fn plan<'a>(&self, batch: &'a [SeriesBatch], refused: &mut Refused) -> (Vec<Planned<'a>>, AppendOutcome) {
        let head = self.head.read();
        let now_ms = (self.config.clock)();
        let judge = Judge {
            db: self,
            head: &head,
            now: (self.config.retention_clock.at(now_ms), now_ms),
            flushed_until: head.blocks.iter().map(|b| b.meta.last_t).max().unwrap_or(i64::MIN),
        };
        let mut planned: Vec<Planned<'a>> = Vec::with_capacity(batch.len());
        let mut seen: HashedMap<SeriesId, usize> = HashedMap::default();
        seen.reserve(batch.len());
        let mut fresh: HashMap<&Labels, usize> = HashMap::new();
        let mut known = AppendOutcome::default();
        let mut due: SeriesId = 0;
        for part in batch {
            // Writers repeat series in the order in which they first came, which is that of their numbers.
            let is_due = head.get(due).is_some_and(|s| s.labels.is_copy_of(&part.labels));
            let id = if is_due { Some(due) } else { head.index.find(&part.labels) };
            due = id.map_or(due, |id| id.wrapping_add(1));
            let before = match id {
                Some(id) => seen.insert(id, planned.len()),
                None => fresh.get(&part.labels).copied(),
            };
            let at = match (before, id) {
                (Some(at), id) => {
                    if let Some(id) = id {
                        seen.insert(id, at);
                    }
                    at
                }
                (None, Some(_)) => planned.len(),
                (None, None) => {
                    if let Err(e) = self.check_new(&part.labels, &head, fresh.len()) {
                        refused.add(part.points(), e);
                        continue;
                    }
                    fresh.insert(&part.labels, planned.len());
                    planned.len()
                }
            };
            if at < planned.len() {
                known.accepted += judge.slowly(&mut planned[at], part, refused);
                continue;
            }
            let series = id.and_then(|id| head.get(id));
            let newest_t = series.and_then(|s| s.last_t());
            let label_bytes = series.map_or_else(|| label_bytes(&part.labels), |s| s.label_bytes);
            let mut plan = Planned { part, id, label_bytes, judged: None };
            if !judge.is_plain(part, newest_t) {
                plan.judged = Some(Box::new(Judged { newest_t, ..Judged::default() }));
                known.accepted += judge.slowly(&mut plan, part, refused);
            }
            planned.push(plan);
        }
        if batch.iter().any(|part| !part.exemplars.is_empty()) {
            let ring = self.exemplars.read();
            for Planned { part, judged, .. } in &mut planned {
                if let Some(judged) = judged {
                    known.exemplars += ring.fresh(&part.labels, &mut judged.exemplars);
                }
            }
        }
        // An exemplar of a series that is not there says nothing.
        let has_points = |p: &Planned<'_>| !p.samples().is_empty() || !p.histograms().is_empty();
        planned.retain(|p| has_points(p) || (p.id.is_some() && !p.exemplars().is_empty()));
        (planned, known)
    }

    fn check_new(&self, labels: &Labels, head: &Head, fresh: usize) -> Result<(), AppendError> {
        limits::check_labels(labels, &self.config.limits)?;
        let limit = self.config.limits.max_series;
        if head.len() + fresh >= limit {
            let offender = self.explosion.lock().name(head, labels, (self.config.clock)());
            return Err(AppendError::Limit(format!(
                "series {labels} would exceed max_series ({limit}){offender}"
            )));
        }
        Ok(())
    }

    /// Writes one record and makes it visible.
    fn store(&self, pieces: &[Piece<'_>], writer: &mut Writer) -> Result<(), AppendError> {
        self.rotate_when_full(writer)?;
        let segment = writer.segment;
        let mut next = writer.next_number;
        let mut numbers = Vec::with_capacity(pieces.len());
        let record = {
            let head = self.head.read();
            let entries = pieces.iter().map(|p| {
                // A series that an earlier record of this write created is known by now.
                let id = p.plan.id.or_else(|| head.index.find(p.plan.labels()));
                let declared = id.and_then(|id| head.get(id)).and_then(|s| s.declared);
                let (number, labels) = match declared.filter(|(s, _)| *s == segment) {
                    Some((_, number)) => (number, None),
                    None => {
                        next += 1;
                        (next - 1, Some(p.plan.labels()))
                    }
                };
                numbers.push(number);
                SeriesEntry {
                    number,
                    labels,
                    samples: p.samples,
                    histograms: p.histograms,
                    exemplars: p.exemplars,
                }
            });
            let base = pieces.iter().find_map(|p| p.samples.first()).map_or(0, |s| s.t_ms);
            encode_series(entries, base)
        };
        self.write(writer, &record)?;
        writer.next_number = next;
        let mut newest = i64::MIN;
        {
            let mut head = self.head.write();
            for (p, number) in pieces.iter().zip(numbers) {
                let id = p.plan.id.unwrap_or_else(|| head.find_or_create(p.plan.labels()));
                let Some(series) = head.get_mut(id) else { continue };
                series.declared = Some((segment, number));
                for s in p.samples {
                    newest = newest.max(s.t_ms);
                    series.add(*s);
                }
                for h in p.histograms {
                    newest = newest.max(h.t_ms);
                    series.add_histogram(h);
                }
            }
        }
        if newest > i64::MIN {
            writer.note_newest(newest);
        }
        if pieces.iter().any(|p| !p.exemplars.is_empty()) {
            let mut ring = self.exemplars.write();
            for p in pieces {
                p.exemplars.iter().for_each(|e| ring.push(p.plan.labels(), e.clone()));
            }
        }
        Ok(())
    }
}

fn last_t(part: &SeriesBatch) -> Option<i64> {
    part.samples.last().map(|s| s.t_ms).into_iter().chain(part.histograms.last().map(|h| h.t_ms)).max()
}

impl Judge<'_> {
    /// Whether a part is new beyond doubt: points of one kind, rising, newer than all that is known, in bounds; nothing else.
    fn is_plain(&self, part: &SeriesBatch, newest_t: Option<i64>) -> bool {
        if !part.exemplars.is_empty() || (!part.samples.is_empty() && !part.histograms.is_empty()) {
            return false;
        }
        let times = || part.samples.iter().map(|s| s.t_ms).chain(part.histograms.iter().map(|h| h.t_ms));
        let Some(first) = times().next() else { return true };
        let last = last_t(part).unwrap_or(first);
        first > self.flushed_until
            && newest_t.is_none_or(|n| n < first)
            && times().zip(times().skip(1)).all(|(a, b)| a < b)
            && limits::check_time(&part.labels, first, self.now, &self.db.config).is_ok()
            && limits::check_time(&part.labels, last, self.now, &self.db.config).is_ok()
    }

    /// Judges each point by itself; answers how many were known already.
    fn slowly(&self, plan: &mut Planned<'_>, part: &SeriesBatch, refused: &mut Refused) -> u64 {
        let (labels, id) = (&part.labels, plan.id);
        let whole = plan.part;
        let judged = plan.judged.get_or_insert_with(|| {
            // All of an earlier part of the same write was taken as it was.
            Box::new(Judged {
                samples: whole.samples.clone(),
                histograms: whole.histograms.clone(),
                newest_t: last_t(whole).max(id.and_then(|id| self.head.get(id)).and_then(|s| s.last_t())),
                ..Judged::default()
            })
        });
        let floats = part.samples.iter().map(|s| (s.t_ms, Point::Float(s.v)));
        let histograms = part.histograms.iter().map(|h| (h.t_ms, Point::Histogram(Arc::clone(&h.h))));
        let mut points: Vec<(i64, Point)> = floats.chain(histograms).collect();
        if !part.samples.is_empty() && !part.histograms.is_empty() {
            points.sort_by_key(|(t, _)| *t);
        }
        let mut known = 0;
        for (t_ms, point) in points {
            if t_ms <= self.flushed_until {
                judged.look_up(labels, &self.head.blocks, t_ms, self.db.config.out_of_order_ms);
            }
            let verdict = limits::check_time(labels, t_ms, self.now, &self.db.config)
                .and_then(|()| self.is_new(labels, id, judged, t_ms, &point));
            match verdict {
                Ok(true) => judged.add(t_ms, point),
                Ok(false) => known += 1,
                Err(e) => refused.add(1, e),
            }
        }
        judged.exemplars.extend(part.exemplars.iter().cloned());
        known
    }

    /// Whether the point is new (true) or known (false).
    fn is_new(
        &self,
        labels: &Labels,
        id: Option<SeriesId>,
        judged: &Judged,
        t_ms: i64,
        point: &Point,
    ) -> Result<bool, AppendError> {
        let Some(newest) = judged.newest_t.filter(|n| t_ms <= *n) else { return Ok(true) };
        let window_ms = self.db.config.out_of_order_ms;
        let held = || id.and_then(|id| self.head.get(id)).and_then(|s| s.at(t_ms));
        match judged.at(t_ms).or_else(|| if t_ms < newest.saturating_sub(window_ms) { None } else { held() })
        {
            Some(other) if same(&other, point) => Ok(false),
            Some(_) => Err(AppendError::Invalid(format!(
                "duplicate sample of {labels} at {t_ms} with another value"
            ))),
            None if t_ms < newest.saturating_sub(window_ms) => Err(AppendError::Invalid(format!(
                "out-of-order sample of {labels} at {t_ms}: more than {window_ms} ms behind the newest"
            ))),
            None => Ok(true),
        }
    }
}

fn point_at(samples: &[Sample], histograms: &[HistogramSample], t_ms: i64) -> Option<Point> {
    let float = samples.iter().find(|s| s.t_ms == t_ms).map(|s| Point::Float(s.v));
    let histogram = || histograms.iter().find(|h| h.t_ms == t_ms).map(|h| Point::Histogram(Arc::clone(&h.h)));
    float.or_else(histogram)
}

impl Judged {
    fn at(&self, t_ms: i64) -> Option<Point> {
        let flushed = || {
            let (_, series) = self.flushed.as_ref()?;
            point_at(&series.samples, &series.histograms, t_ms)
        };
        point_at(&self.samples, &self.histograms, t_ms).or_else(flushed)
    }

    fn add(&mut self, t_ms: i64, point: Point) {
        match point {
            Point::Float(v) => self.samples.push(Sample { t_ms, v }),
            Point::Histogram(h) => self.histograms.push(HistogramSample { t_ms, h }),
        }
        self.newest_t = self.newest_t.max(Some(t_ms));
    }

    /// Reads what blocks hold of the series from `t_ms` on, unless the point is too late anyway.
    fn look_up(&mut self, labels: &Labels, blocks: &[Arc<Block>], t_ms: i64, out_of_order_ms: i64) {
        let too_late = self.newest_t.is_some_and(|n| t_ms < n.saturating_sub(out_of_order_ms));
        if too_late || self.flushed.as_ref().is_some_and(|(from, _)| *from <= t_ms) {
            return;
        }
        let mut all = PointSeries { labels: labels.clone(), samples: Vec::new(), histograms: Vec::new() };
        for block in blocks.iter().filter(|b| b.overlaps(t_ms, i64::MAX)) {
            match block.points(labels, (t_ms, i64::MAX)) {
                Ok(found) => {
                    all.samples.extend(found.samples);
                    all.histograms.extend(found.histograms);
                }
                Err(e) if block.note(&e) => {}
                Err(error) => tracing::warn!(%error, "cannot read block of metrics"),
            }
        }
        put_in_order(&mut all);
        let last = all.samples.last().map(|s| s.t_ms).max(all.histograms.last().map(|h| h.t_ms));
        self.newest_t = self.newest_t.max(last);
        self.flushed = Some((t_ms, all));
    }
}

/// Parts of at most [`POINTS_PER_RECORD`] points and about [`LABEL_BYTES_PER_RECORD`] of labels; a series' points stay in
/// order.
fn pieces<'a>(planned: &'a [Planned<'a>]) -> Vec<Vec<Piece<'a>>> {
    let mut out: Vec<Vec<Piece<'a>>> = vec![Vec::with_capacity(planned.len())];
    let (mut room, mut label_bytes) = (POINTS_PER_RECORD, 0);
    for plan in planned {
        label_bytes += plan.label_bytes as usize;
        let (mut samples, mut histograms, mut exemplars) =
            (plan.samples(), plan.histograms(), plan.exemplars());
        loop {
            let (floats, more_samples) = samples.split_at(samples.len().min(room));
            let (native, more_histograms) = histograms.split_at(histograms.len().min(room - floats.len()));
            let piece = Piece { plan, samples: floats, histograms: native, exemplars };
            (samples, histograms, exemplars) = (more_samples, more_histograms, &[]);
            room -= piece.points();
            let done = samples.is_empty() && histograms.is_empty();
            if let Some(part) = out.last_mut().filter(|_| piece.points() > 0 || !piece.exemplars.is_empty()) {
                part.push(piece);
            }
            if !done || label_bytes > LABEL_BYTES_PER_RECORD {
                out.push(Vec::new());
                (room, label_bytes) = (POINTS_PER_RECORD, 0);
            }
            if done {
                break;
            }
        }
    }
    out.retain(|part| !part.is_empty());
    out
}
