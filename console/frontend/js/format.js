// Numbers with units, written as the server writes them (console/app/src/view/format.rs). Times are UTC.

/** At most three significant digits, no trailing zeros. */
function three(v) {
  if (v === 0) return "0";
  const digits = Math.floor(Math.log10(Math.abs(v)));
  const decimals = Math.min(6, Math.max(0, 2 - digits));
  const text = v.toFixed(decimals);
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

function scaled(v, units, separator) {
  let unit = units[0];
  for (const next of units.slice(1)) {
    if (Math.abs(v) < 1000) break;
    v /= 1000;
    unit = next;
  }
  return unit === "" ? three(v) : `${three(v)}${separator}${unit}`;
}

export function number(v) {
  if (Number.isNaN(v)) return "NaN";
  if (!Number.isFinite(v)) return v > 0 ? "+∞" : "−∞";
  return scaled(v, ["", "k", "M", "G", "T"], " ");
}

function seconds(s) {
  const a = Math.abs(s);
  const sign = s < 0 ? "-" : "";
  if (a === 0) return "0 s";
  if (a < 1e-6) return `${sign}${three(a * 1e9)} ns`;
  if (a < 1e-3) return `${sign}${three(a * 1e6)} µs`;
  if (a < 1) return `${sign}${three(a * 1e3)} ms`;
  if (a < 60) return `${sign}${three(a)} s`;
  const whole = Math.floor(a);
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${sign}${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${sign}${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

/** A value in the unit's words. `null` is a gap and is told as such. */
export function value(unit, v) {
  if (v === null || v === undefined) return "–";
  if (!Number.isFinite(v)) return number(v);
  switch (unit) {
    case "Seconds":
      return seconds(v);
    case "Ratio":
      return `${three(v * 100)} %`;
    case "Bytes":
      return scaled(v, ["B", "kB", "MB", "GB", "TB"], " ");
    case "PerSecond":
      return `${number(v)}/s`;
    default:
      return number(v);
  }
}

const pad = (n) => String(n).padStart(2, "0");

/** `2026-01-31 12:00:05 UTC`. */
export function moment(t_ms) {
  const t = new Date(t_ms);
  const day = `${t.getUTCFullYear()}-${pad(t.getUTCMonth() + 1)}-${pad(t.getUTCDate())}`;
  return `${day} ${pad(t.getUTCHours())}:${pad(t.getUTCMinutes())}:${pad(t.getUTCSeconds())} UTC`;
}
