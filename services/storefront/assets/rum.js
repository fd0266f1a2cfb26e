// Tells the shop how this page loaded and what failed in it: no cookie, no id of the reader, nothing that was typed.
// Whoever asks not to be tracked (Global Privacy Control, Do Not Track) is not measured.
'use strict';
(() => {
  const MOST_BEACONS = 4, MOST_ERRORS = 5, MOST_CHARS = 200, ERROR_DELAY_MS = 2000;
  const page = performance.getEntriesByType('navigation')[0];
  if (!page || !navigator.sendBeacon || navigator.globalPrivacyControl || navigator.doNotTrack === '1') return;
  // The page's mark and the share of views to tell of. They stand in a header, not in the page: the page is the same for many.
  const said = Object.fromEntries((page.serverTiming || []).map((entry) => [entry.name, entry.description]));
  if (!said.view || !(Math.random() * 100 < Number(said.sample))) return;

  let beacons = 0, told = 0, soon;
  const errors = [], seen = new Set();
  const vitals = { lcp: undefined, cls: undefined, inp: undefined };

  function send(timings) {
    clearTimeout(soon);
    soon = undefined;
    if (beacons >= MOST_BEACONS) return;
    beacons += 1;
    const navigation = { reload: 'reload', back_forward: 'back_forward', prerender: 'prerender' }[page.type] || 'navigate';
    const report = { view: said.view, age: performance.now(), navigation, timings, errors: errors.splice(0) };
    navigator.sendBeacon('/rum', JSON.stringify(report));
  }

  function failed(kind, message, source, line) {
    // What other people's extensions do is not ours.
    if (source && !source.startsWith(location.origin + '/')) return;
    const path = source ? new URL(source).pathname : '';
    const text = String(message).slice(0, MOST_CHARS);
    const key = `${kind} ${text} ${path} ${line}`;
    if (told >= MOST_ERRORS || seen.has(key)) return;
    seen.add(key);
    told += 1;
    errors.push({ kind, message: text, source: path.slice(0, MOST_CHARS), line: line > 0 ? line : 0 });
    soon ||= setTimeout(() => send({}), ERROR_DELAY_MS);
  }
  addEventListener('error', (event) => {
    if (event.message) failed('error', event.message, event.filename, event.lineno);
  });
  addEventListener('unhandledrejection', (event) => {
    failed('rejection', (event.reason && event.reason.message) || event.reason, '', 0);
  });

  // A page that was loaded ahead begins when it is shown.
  const since = (time) => (time > 0 ? Math.max(0, time - (page.activationStart || 0)) : undefined);
  function watch(type, options, each) {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
    new PerformanceObserver((entries) => entries.getEntries().forEach(each)).observe({ type, buffered: true, ...options });
  }
  // Shifts count by sessions: at most a second apart, at most five long; the worst session counts.
  let session = 0, first = 0, last = 0;
  if (PerformanceObserver.supportedEntryTypes.includes('layout-shift')) vitals.cls = 0;
  watch('layout-shift', {}, (shift) => {
    if (shift.hadRecentInput) return;
    const goes = session && shift.startTime - last < 1000 && shift.startTime - first < 5000;
    if (!goes) { session = 0; first = shift.startTime; }
    session += shift.value;
    last = shift.startTime;
    vitals.cls = Math.max(vitals.cls, session);
  });
  watch('largest-contentful-paint', {}, (paint) => { vitals.lcp = since(paint.startTime); });
  // The slowest interaction, leaving out one of every fifty.
  const slowest = new Map();
  watch('event', { durationThreshold: 40 }, (event) => {
    if (!event.interactionId) return;
    slowest.set(event.interactionId, Math.max(slowest.get(event.interactionId) || 0, event.duration));
    if (slowest.size > 10) slowest.delete([...slowest].reduce((a, b) => (b[1] < a[1] ? b : a))[0]);
    const durations = [...slowest.values()].sort((a, b) => b - a);
    const skipped = Math.floor((performance.interactionCount || 0) / 50);
    vitals.inp = durations[Math.min(skipped, durations.length - 1)];
  });

  let painted = false;
  function firstPaint() {
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    if (!paint || painted) return undefined;
    painted = true;
    return since(paint.startTime);
  }
  function loaded() {
    send({
      ttfb: since(page.responseStart),
      fcp: firstPaint(),
      dom: since(page.domContentLoadedEventEnd),
      load: since(page.loadEventEnd),
    });
  }
  if (document.readyState === 'complete') setTimeout(loaded, 0);
  else addEventListener('load', () => setTimeout(loaded, 0));

  // What is known only when the reader goes. A quick page is loaded before it is painted.
  let over = false;
  function left() {
    if (over) return;
    over = true;
    send({ ...vitals, fcp: firstPaint() });
  }
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'hidden') left(); });
  addEventListener('pagehide', left);
})();
