// Gentle traffic of the local platform: enough for every chart to move and every alert to be provable.
import { browse, checkout, search } from './flows/shop.js';

const flow = (exec, rate, vus) => ({
  executor: 'constant-arrival-rate', exec, rate, timeUnit: '1s', duration: '720h', preAllocatedVUs: vus, maxVUs: vus,
  gracefulStop: '1s',
});

export const options = {
  discardResponseBodies: false,
  scenarios: { browsing: flow('browsing', 1, 2), searching: flow('searching', 1, 2), buying: flow('buying', 2, 4) },
  systemTags: ['status', 'name'],
};

export const browsing = () => { browse(); };
export const searching = () => { search(); };
// One card in fifty is refused, as in life.
export const buying = () => { checkout(Math.random() < 0.02 ? 'tok_declined' : 'tok_visa'); };
