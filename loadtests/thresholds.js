// A run that breaks one of these exits with 99 and fails the build.
export const thresholds = {
  checks: ['rate>0.99'],
  http_req_failed: ['rate<0.01'],
  'http_req_duration{name:product}': ['p(95)<250'],
  'http_req_duration{name:search}': ['p(95)<300'],
  checkout_duration: ['p(95)<1500'],
  orders_placed: ['count>0'],
};
