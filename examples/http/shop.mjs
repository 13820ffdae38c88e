// SPDX-License-Identifier: Apache-2.0
// Every job of the HTTP API with fetch (Node 18, or a browser). usage: node shop.mjs URL PHOTO OTHER-PHOTO
// NITERU_KEY: a secret key, where one is needed; it never belongs in a page, where a publishable one does for searches.
import { readFile } from 'node:fs/promises';

const [url, photoPath, otherPath] = process.argv.slice(2);
const photo = await readFile(photoPath), other = await readFile(otherPath);
const key = process.env.NITERU_KEY;

async function ask(method, path, body, headers = {}) {
  const plain = body !== undefined && !(body instanceof FormData) && !(body instanceof Uint8Array) && typeof body !== 'string';
  const answer = await fetch(url + path, {
    method,
    headers: { ...(plain ? { 'Content-Type': 'application/json' } : {}), ...(key ? { Authorization: `Bearer ${key}` } : {}), ...headers },
    body: plain ? JSON.stringify(body) : body,
  });
  if (!answer.ok) {
    const problem = await answer.json();
    throw new Error(`${problem.code} (${problem.field ?? path}): ${problem.detail}`);
  }
  return answer;
}
const json = async (...request) => (await ask(...request)).json();
const product = (id) => `/v1/products/${encodeURIComponent(id)}`;
const form = (fields) => Object.entries(fields).reduce((data, [name, value]) => (data.set(name, value), data), new FormData());

// Put products, then their photos; the next search finds them.
await ask('PUT', product('dress/1'), { metadata: { title: 'Blue linen dress', category: 'Dress', price: 49.9, stock: 3 } });
await ask('POST', product('dress/1') + '/photos', new Uint8Array(photo), { 'Content-Type': 'image/jpeg' });
await ask('PUT', product('dress/2'), { metadata: { title: '赤いワンピース', category: 'Dress', price: 59, group: 'red' } });
await ask('PUT', product('dress/2') + '/photos/0', form({ photo: new Blob([other]) }));

// Products that look like it, of which there are some in stock.
const where = encodeURIComponent('stock is missing or stock > 0');
const alike = await json('GET', product('dress/1') + `/similar?k=5&where=${where}`);
for (const found of alike.products) console.log(found.score, found.word, found.product, found.photo.url);

// Read, change, and be sure that nobody else has changed it meanwhile.
const tag = (await ask('GET', product('dress/1'))).headers.get('ETag');
await ask('PATCH', product('dress/1'), { metadata: { stock: 2 } }, { 'If-Match': tag });
await ask('PATCH', product('dress/1'), { metadata: { stock: 1 } }, { 'If-Match': tag }).then(
  () => { throw new Error('the tag is an old one'); },
  (error) => console.log('as it should be:', error.message));

// Its photo, small.
const small = await ask('GET', product('dress/1') + '/photos/0?w=128');
console.log(small.headers.get('Content-Type'), (await small.arrayBuffer()).byteLength, 'bytes');

// Products that look like a photo; then only like the middle of it, without sending it again.
const found = await json('POST', '/v1/search/image', form({ photo: new Blob([photo]), k: '3' }));
const middle = { upload: found.upload, box: { x: 0.25, y: 0.25, width: 0.5, height: 0.5 }, group: true };
console.log((await json('POST', '/v1/search/image', middle)).products.map((p) => p.product));

// By words, by examples, by a vector of one's own.
console.log((await json('POST', '/v1/search/text', { text: 'ワンピース', k: 3 })).products.map((p) => p.product));
await json('POST', '/v1/recommend', { positive: ['dress/1'], negative: ['dress/2'], k: 3 });
const length = (await json('GET', '/v1/models')).models[0].dimension;
await json('POST', '/v1/search/vector', { k: 3, vector: Array.from({ length }, (_, i) => i + 1) });

// Which values there are, for a page to offer.
console.log((await json('POST', '/v1/facets', { fields: ['category'] })).fields.category.values);

// Many products in one transaction. The Idempotency-Key makes it safe to send it again.
const mugs = { products: [{ product: 'mug/1', metadata: { price: 9 } }, { product: 'mug/2', metadata: { price: 12 } }] };
console.log((await json('POST', '/v1/products:batch', mugs, { 'Idempotency-Key': 'monday-3' })).products.map((p) => p.status));

// A list with photos, in the background.
const job = (await ask('POST', '/v1/products:import', { format: 'csv', source: 'spring' })).headers.get('Location');
await ask('PUT', job + '/list', 'id,image,title\nbag/1,bag.jpg,Canvas bag\nbag/2,,Bag without a photo yet\n');
await ask('PUT', job + '/photos/bag.jpg', new Uint8Array(other));
await ask('POST', job + ':start');
let state;
do {
  await new Promise((wake) => setTimeout(wake, 200));
  state = await json('GET', job);
} while (['queued', 'running'].includes(state.state));
console.log(state.state, state.counts.products, (await json('GET', job + '/results')).results.length);

// Products in pages.
let after = '', count = 0;
do {
  const page = await json('GET', `/v1/products?limit=100${after}`);
  count += page.products.length;
  after = page.next === undefined ? undefined : `&after=${encodeURIComponent(page.next)}`;
} while (after !== undefined);
console.log(count, 'products', await json('GET', '/readyz'));

// Away with them.
for (const id of ['dress/1', 'dress/2', 'mug/1', 'mug/2', 'bag/1', 'bag/2']) await ask('DELETE', product(id));
await ask('DELETE', job);
