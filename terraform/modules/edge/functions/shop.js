// The shop's edge, as nginx is locally (xtask/src/platform/edge/nginx.rs): what is answered here, what is taken from a request
// before it goes on, and whose page is whose. A check holds the lists below against nginx' configuration, and runs the function.

// Probes, metrics and faults listen elsewhere; here they do not exist.
var HIDDEN = ['metrics', 'healthz', 'readyz', 'faults'];
// Whoever brings one of these cookies gets pages of their own: whole names end with `=`, the others are beginnings.
var PERSONAL = ['__Host-', '__Secure-', 'session=', 'cart=', 'csrf=', 'staff'];
// What our own processes tell each other, and what a client claims about itself.
var CLEARED = ['traceparent', 'tracestate', 'baggage', 'x-request-deadline-ms', 'authorization', 'forwarded'];
// Bytes.
var LARGEST_BODY = 262144;
var LARGEST_MEASUREMENT = 4096;
// A part of the key of kept pages, which only this function writes.
var READER = 'x-quarterdeck-reader';

function handler(event) {
  var request = event.request;
  var path = plain(request.uri);
  if (path === null) return answer(400, 'Bad Request', 'bad request\n');
  if (path === '/edge-health') return answer(200, 'OK', 'ok\n');
  if (HIDDEN.indexOf(path.split('/')[1]) >= 0) return answer(404, 'Not Found', 'not found\n');
  var length = request.headers['content-length'];
  var largest = path === '/rum' ? LARGEST_MEASUREMENT : LARGEST_BODY;
  if (length && Number(length.value) > largest) return answer(413, 'Payload Too Large', 'too large\n');

  var own = isPersonal(request.cookies) || request.headers.authorization !== undefined;
  CLEARED.forEach(function (name) { delete request.headers[name]; });
  delete request.headers[READER];
  // A key that nobody else has is a page that nobody else gets.
  if (own) request.headers[READER] = { value: event.context.requestId };
  return request;
}

function isPersonal(cookies) {
  return Object.keys(cookies).some(function (name) {
    return PERSONAL.some(function (mark) {
      return mark.slice(-1) === '=' ? name + '=' === mark : name.indexOf(mark) === 0;
    });
  });
}

// The path as a server reads it: decoded, with single slashes, without dots. Null for what cannot be decoded.
function plain(uri) {
  var decoded;
  try {
    decoded = decodeURIComponent(uri);
  } catch (e) {
    return null;
  }
  var parts = [];
  decoded.split('/').forEach(function (part) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  });
  return '/' + parts.join('/');
}

function answer(status, words, body) {
  return {
    statusCode: status,
    statusDescription: words,
    headers: { 'content-type': { value: 'text/plain' }, 'cache-control': { value: 'no-store' } },
    body: { encoding: 'text', data: body },
  };
}
