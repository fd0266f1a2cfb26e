// Run by `xtask infra` under node: what nginx does locally, asked of the function.
const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');

const source = fs.readFileSync(path.join(__dirname, 'shop.js'), 'utf8');
const handler = new Function(`${source}\nreturn handler;`)();

function ask(uri, { cookies = {}, headers = {}, method = 'GET' } = {}) {
  const valued = (all) => Object.fromEntries(Object.entries(all).map(([name, value]) => [name, { value }]));
  const request = { method, uri, querystring: {}, headers: valued(headers), cookies: valued(cookies) };
  return handler({ version: '1.0', context: { requestId: 'the-request' }, request });
}
const reader = (answer) => answer.headers['x-quarterdeck-reader']?.value;

assert.equal(ask('/edge-health').statusCode, 200);
for (const uri of ['/metrics', '/healthz', '/readyz', '/faults', '/faults/crash', '/%6detrics', '//metrics', '/a/../metrics', '/./readyz'])
  assert.equal(ask(uri).statusCode, 404, uri);
for (const uri of ['/', '/metricsx', '/products/metrics', '/faultsy/1']) assert.equal(ask(uri).uri, uri, uri);
assert.equal(ask('/%zz').statusCode, 400);

assert.equal(ask('/checkout', { method: 'POST', headers: { 'content-length': '262145' } }).statusCode, 413);
assert.equal(ask('/checkout', { method: 'POST', headers: { 'content-length': '262144' } }).uri, '/checkout');
assert.equal(ask('/rum', { method: 'POST', headers: { 'content-length': '4097' } }).statusCode, 413);
assert.equal(ask('/rum', { method: 'POST', headers: { 'content-length': '4096' } }).uri, '/rum');

for (const name of ['__Host-session', '__Secure-x', 'session', 'cart', 'csrf', 'staff', 'staff-session'])
  assert.equal(reader(ask('/', { cookies: { [name]: '1' } })), 'the-request', name);
for (const name of ['theme', 'sessions', 'my-cart', 'x__Host-']) assert.equal(reader(ask('/', { cookies: { [name]: '1' } })), undefined, name);
assert.equal(reader(ask('/', { headers: { authorization: 'Bearer x' } })), 'the-request');
// A client cannot choose a page's key.
assert.equal(reader(ask('/', { headers: { 'x-quarterdeck-reader': 'somebody' } })), undefined);

const cleared = { traceparent: '1', tracestate: '1', baggage: '1', 'x-request-deadline-ms': '1', authorization: '1', forwarded: '1' };
const left = Object.keys(ask('/', { headers: { ...cleared, accept: 'text/html' } }).headers);
assert.deepEqual(left, ['accept', 'x-quarterdeck-reader']);
console.log('ok');
