// What shoppers do. Each flow is one function over the same session helpers, without JavaScript in the page: forms.
import http from 'k6/http';
import { check, fail } from 'k6';
import { Counter, Trend } from 'k6/metrics';

export const SHOP = __ENV.SHOP_URL || 'http://127.0.0.1:8080';
export const ordersPlaced = new Counter('orders_placed');
export const checkoutDuration = new Trend('checkout_duration', true);

// Of each shopper: one mailbox gets twenty mails about orders an hour, and a shopper may order every other second.
const MAILBOXES = 150;
const SEARCHES = ['rope', 'lamp', 'jacket', 'compass', 'knife', 'bag', 'anchor', 'glove', 'boot', 'chart'];

const get = (path, name) => http.get(`${SHOP}${path}`, { tags: { name } });
const post = (path, form, name) =>
  http.post(`${SHOP}${path}`, form, { tags: { name }, responseCallback: http.expectedStatuses({ min: 200, max: 399 }, 409, 422) });
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const links = (page, pattern) => [...new Set((page.body || '').match(pattern) || [])].map((m) => m.slice(6, -1));
const hidden = (page, field) => page.html().find(`input[name="${field}"]`).first().attr('value');

/** Home, a category, a product. Answers the product's page. */
export function browse() {
  const home = get('/', 'home');
  check(home, { 'home is there': (r) => r.status === 200 });
  const categories = links(home, /href="\/c\/[a-z0-9-]+"/g);
  if (categories.length === 0) fail('the home page links to no category');
  const category = get(pick(categories), 'category');
  check(category, { 'category is there': (r) => r.status === 200 });
  const products = links(category, /href="\/p\/[a-z0-9-]+"/g);
  if (products.length === 0) fail('the category lists no product');
  const product = get(pick(products), 'product');
  check(product, { 'product is there': (r) => r.status === 200 && r.body.includes('add-to-cart') });
  return product;
}

/** A search and one of its results. */
export function search() {
  const results = get(`/search?q=${pick(SEARCHES)}`, 'search');
  check(results, { 'search answers': (r) => r.status === 200 });
  const products = links(results, /href="\/p\/[a-z0-9-]+"/g);
  if (products.length > 0) check(get(pick(products), 'product'), { 'result is there': (r) => r.status === 200 });
}

/** A guest buys one thing. */
export function checkout(token = 'tok_visa') {
  http.cookieJar().clear(SHOP);
  const product = browse();
  const id = hidden(product, 'product_id');
  if (!id) return; // sold out: the page offers no form
  const started = Date.now();
  post('/cart/add', { csrf: hidden(product, 'csrf'), product_id: id, quantity: '1' }, 'cart add');
  const form = get('/checkout', 'checkout form');
  const fields = {
    name: 'Kim Harbour', email: `kim${__VU}.${__ITER % MAILBOXES}@example.com`, address1: '1 Quay Street', city: 'Kiel', postcode: '24103',
    country: 'DE', payment_token: token,
  };
  form.html().find('#checkout-form input[type="hidden"]').each((_, input) => {
    fields[input.getAttribute('name')] = input.getAttribute('value');
  });
  const placed = post('/checkout', fields, 'checkout');
  const ok = check(placed, { 'order is placed': (r) => r.status === 200 && r.body.includes('id="order-number"') });
  checkoutDuration.add(Date.now() - started);
  if (ok) ordersPlaced.add(1);
}
