// SPDX-License-Identifier: Apache-2.0
// Pages of another origin than the service's, under a policy that allows the tag just what doc/tag.md says.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { after } from "node:test";
import { until } from "./support.mjs";

export const HEIGHT = 700, PRODUCT = "dress-001-green";

// For all tests of a file. `make` gives the page at the address /, `room` is what its own rule keeps for the row.
export async function openPages(browser, shop) {
    const pages = { make: () => "", room: 0 };
    const server = createServer((request, answer) => {
        const policy = `default-src 'none'; script-src ${shop.url}; connect-src ${shop.url}; img-src ${shop.url}; style-src 'self'; ` +
            "require-trusted-types-for 'script'";
        answer.setHeader("Content-Security-Policy", policy);
        if (request.url === "/page.css") {
            answer.setHeader("Content-Type", "text/css");
            answer.end(`body { margin: 16px; font: 16px/1.5 sans-serif } .space { height: ${3 * HEIGHT}px }
                .dark { background: #101012; color: #f4f4f5 }
                .kept niteru-similar:not(:defined) { display: block; min-height: ${pages.room}px }`);
        } else {
            answer.setHeader("Content-Type", "text/html; charset=utf-8");
            answer.end(request.url === "/" ? pages.make() : "<title>elsewhere</title>");
        }
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    after(() => server.close());
    pages.origin = `http://127.0.0.1:${server.address().port}`;
    pages.makeKey = (kind, name, ...more) => {
        const args = ["key", "create", "-q", "--kind", kind, "--name", name, ...more];
        return spawnSync(process.env.NITERU, args, { env: shop.env, encoding: "utf8" }).stdout.trim();
    };
    pages.key = pages.makeKey("publishable", "any");
    await until("keys are asked for", async () => (await fetch(shop.url + "/v1/models")).status === 401);

    pages.script = (more = "async") => `<script src="${shop.url}/tag.js" ${more}></script>`;
    pages.tag = (more = "", id = PRODUCT, by = pages.key) => `<niteru-similar product="${id}" key="${by}" ${more}></niteru-similar>`;
    pages.pageOf = (body, { head = pages.script(), attributes = "", lang = "en" } = {}) => `<!doctype html><html lang="${lang}"><head>
        <meta name="viewport" content="width=device-width, initial-scale=1"><title>A shop</title><link rel="stylesheet" href="/page.css">${head}</head>
        <body ${attributes}><main><h1>A product</h1>${body}<p id="below">Below.</p></main></body></html>`;

    // Opens a page with this content, which must do nothing wrong; `loads` gathers what niteru-load tells, in order.
    pages.on = (content, body, { width = 1200, before = async () => {}, ...more } = {}) => async () => {
        const context = await browser.newContext({ viewport: { width, height: HEIGHT }, bypassCSP: false, ...more });
        const page = await context.newPage(), faults = [];
        try {
            page.setDefaultTimeout(30_000);
            page.on("pageerror", (error) => faults.push(error.message));
            page.on("dialog", (dialog) => void dialog.dismiss().then(() => faults.push("dialog")));
            page.on("console", (message) => { // what the browser itself says of answers that failed is no fault of the tag
                if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource")) {
                    faults.push(message.text());
                }
            });
            await context.addInitScript(() => {
                Object.assign(globalThis, { loads: [], shift: 0 });
                document.addEventListener("niteru-load", ({ detail }) => globalThis.loads.push(detail));
                new PerformanceObserver((list) => {
                    globalThis.shift += list.getEntries().reduce((sum, { value }) => sum + value, 0);
                }).observe({ type: "layout-shift", buffered: true });
            });
            await before(page, context);
            pages.make = typeof content === "function" ? content : () => content;
            await page.goto(pages.origin, { waitUntil: "commit" });
            await body(page, context);
            assert.equal(await page.evaluate(() => globalThis.ran), undefined);
            assert.deepEqual(faults, []);
        } finally {
            await context.close();
        }
    };
    return pages;
}

export const links = (page) => page.locator("niteru-similar a");
export const loaded = (page, count = 1) => page.waitForFunction((n) => globalThis.loads.length >= n, count);
export const loads = (page) => page.evaluate(() => globalThis.loads);
// Photos that are shown: within the row's window, loaded.
export const shown = (page) => page.evaluate(() => [...document.querySelectorAll("niteru-similar, niteru-recommend")].flatMap((one) =>
    [...(one.shadowRoot?.querySelectorAll("img") ?? [])]).filter((photo) => photo.complete && photo.naturalWidth > 0).length);
