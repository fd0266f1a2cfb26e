import assert from "node:assert/strict";
import { test } from "node:test";
import { moment, number, value } from "./format.js";

test("values are written as the server writes them", () => {
  assert.equal(value("Seconds", 0.00125), "1.25 ms");
  assert.equal(value("Seconds", 125), "2 min 5 s");
  assert.equal(value("Ratio", 0.125), "12.5 %");
  assert.equal(value("Bytes", 1500), "1.5 kB");
  assert.equal(value("PerSecond", 1234), "1.23 k/s");
  assert.equal(number(0.0042), "0.0042");
  assert.equal(number(Infinity), "+∞");
  assert.equal(value("Number", null), "–");
});

test("times are utc", () => {
  assert.equal(moment(1709164799042), "2024-02-28 23:59:59 UTC");
});
