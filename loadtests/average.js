// An ordinary hour, squeezed into minutes: ramp up, hold, ramp down.
import { browse, checkout, search } from './flows/shop.js';
import { thresholds } from './thresholds.js';

const ramp = (exec, rate, vus) => ({
  executor: 'ramping-arrival-rate', exec, startRate: 1, timeUnit: '1s', preAllocatedVUs: vus, maxVUs: vus * 4,
  stages: [
    { duration: '30s', target: rate },
    { duration: __ENV.DURATION || '2m', target: rate },
    { duration: '15s', target: 0 },
  ],
});

export const options = {
  scenarios: { browse: ramp('browsing', 10, 20), search: ramp('searching', 5, 10), buy: ramp('buying', 3, 10) },
  thresholds,
};
export const browsing = () => { browse(); };
export const searching = () => { search(); };
export const buying = () => { checkout(); };
