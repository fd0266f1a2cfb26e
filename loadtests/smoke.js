// Every flow works at all: one shopper each, half a minute.
import { browse, checkout, search } from './flows/shop.js';
import { thresholds } from './thresholds.js';

const one = (exec) => ({ executor: 'constant-vus', exec, vus: 1, duration: __ENV.DURATION || '30s' });

export const options = {
  scenarios: { browse: one('browsing'), search: one('searching'), buy: one('buying') },
  thresholds,
};
export const browsing = () => { browse(); };
export const searching = () => { search(); };
export const buying = () => { checkout(); };
