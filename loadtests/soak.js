// RATE times the demo's traffic, for long. Memory is watched from outside: `make soak`.
import { browse, checkout, search } from './flows/shop.js';

const times = Number(__ENV.RATE || 3);
const flow = (exec, demo) => ({
  executor: 'constant-arrival-rate', exec, rate: demo * times, timeUnit: '1s', duration: __ENV.DURATION || '60m',
  preAllocatedVUs: 2 * demo * times, maxVUs: 8 * demo * times, gracefulStop: '10s',
});

export const options = {
  scenarios: { browsing: flow('browsing', 1), searching: flow('searching', 1), buying: flow('buying', 2) },
  systemTags: ['status', 'name'],
  thresholds: { checks: ['rate>0.97'], http_req_failed: ['rate<0.01'], orders_placed: ['count>0'] },
};

export const browsing = () => { browse(); };
export const searching = () => { search(); };
// One card in fifty is refused, as in life.
export const buying = () => { checkout(Math.random() < 0.02 ? 'tok_declined' : 'tok_visa'); };
