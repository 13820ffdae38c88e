// SPDX-License-Identifier: Apache-2.0
// <niteru-similar> on pages of another origin, under a policy that allows it just what doc/tag.md says.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { HEIGHT, links, loaded, loads, openPages, PRODUCT, shown } from "./foreign.mjs";
import { assertFits, openBrowser, openShop, until, violations } from "./support.mjs";

const shop = await openShop(40), browser = await openBrowser();
const SIMILAR = "**/v1/products/*/similar?*";
const RUN = "globalThis.ran=1";
const TITLES = [
    `<img src=x onerror="${RUN}"><script>${RUN}</script>`, "x".repeat(4000), "長い名前のワンピース、".repeat(40),
    "فستان طويل من القطن بنقشة مربعات باللون الأزرق", "\u202eevil\u2066 text", "👩‍👩‍👧‍👦".repeat(100), "Plain",
];
const ADDRESSES = [
    "/p/plain", `javascript:${RUN}`, `data:text/html,<script>${RUN}</script>`, " \tjava\nscript:" + RUN, "https://other.example/a?b=c",
    "//other.example/x", "blob:https://other.example/x", "vbscript:x", "", "file:///etc/passwd", "p/relative",
];

const listed = (await shop.ask("GET", "/v1/products?limit=1000")).products.map(({ product }) => product);
await shop.put(listed.map((product, i) => ({
    product, metadata: { title: TITLES[i % TITLES.length], url: ADDRESSES[i % ADDRESSES.length], category: "Dresses & more" },
})));

const pages = await openPages(browser, shop), { origin, key, makeKey, tag, pageOf, on, script: SCRIPT } = pages;
const bound = makeKey("publishable", "bound", "--origin", origin);
const elsewhere = makeKey("publishable", "elsewhere", "--origin", "https://shop.example");

const heightOf = (page) => page.locator("niteru-similar").first().evaluate((one) => one.getBoundingClientRect().height);
// What moved, after two frames in which the browser tells of it.
const shift = (page) => page.evaluate(() => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(globalThis.shift), 50)))));

const asked = [];
test("five photos under a heading, without a cookie", on(() => pageOf(tag(`link="/products/{id}?from={category}"`)), async (page) => {
    await until("five photos", async () => (await shown(page)) === 5);
    assert.deepEqual(await loads(page), [{ count: 5 }]);
    assert.equal(await page.locator("niteru-similar h2").textContent(), "Looks like this");
    const hrefs = await links(page).evaluateAll((all) => all.map((one) => one.getAttribute("href")));
    assert.equal(new Set(hrefs).size, 5);
    for (const href of hrefs) {
        assert.match(href, /^http:\/\/127\.0\.0\.1:\d+\/products\/[a-z0-9-]+\?from=Dresses%20%26%20more$/);
    }
    for (const photo of await page.locator("niteru-similar img").all()) {
        assert.match(await photo.evaluate((one) => one.currentSrc), /photos\/\d+\?w=256&key=nk_pub_/);
        assert.ok((await photo.getAttribute("alt")).length > 0);
    }
    assert.ok(asked.length >= 6);
    for (const request of asked) {
        assert.equal((await request.allHeaders()).cookie, undefined, request.url());
    }
}, { before: (page, context) => {
    page.on("request", (request) => request.url().includes("/v1/") && asked.push(request));
    return context.addCookies([{ name: "session", value: "secret", url: shop.url }]);
} }));

// The script arrives after the page was drawn.
const late = (page) => page.route("**/tag.js", async (route) => {
    await page.waitForFunction(() => performance.getEntriesByType("paint").length > 0);
    await route.continue();
});

test("how high a row is", on(() => pageOf(tag()), async (page) => {
    await loaded(page);
    pages.room = await heightOf(page); // what a page's own rule needs, in the tests below
    assert.ok(pages.room > 200 && pages.room < 400);
}));

test("nothing jumps: in sight, with the page's rule for a late script", on(() => pageOf(tag(), { attributes: 'class="kept"' }), async (page) => {
    await until("five photos", async () => (await shown(page)) === 5);
    assert.equal(await heightOf(page), pages.room);
    assert.equal(await shift(page), 0);
}, { before: late }));

test("without that rule it would: what is measured here can be seen", on(() => pageOf(tag()), async (page) => {
    await until("five photos", async () => (await shown(page)) === 5);
    assert.ok((await shift(page)) > 0);
}, { before: late }));

test("nothing jumps: in sight, with the script there first", on(() => pageOf(tag(), { head: `<script src="${shop.url}/tag.js"></script>` }), async (page) => {
    await until("five photos", async () => (await shown(page)) === 5);
    assert.equal(await shift(page), 0);
}));

test("nothing jumps: scrolled to; it asks when it is near", on(() => pageOf('<div class="space"></div>' + tag()), async (page) => {
    await page.waitForFunction(() => customElements.get("niteru-similar") !== undefined);
    assert.equal(await shift(page), 0);
    assert.deepEqual(await loads(page), []);
    assert.equal(await heightOf(page), 0);
    while ((await shown(page)) < 5) {
        await page.mouse.wheel(0, 150);
        await page.evaluate(() => new Promise(requestAnimationFrame));
    }
    assert.equal(await shift(page), 0);
}, { before: late }));

for (const [name, answer, problem] of [
    ["is away", (route) => route.abort(), "unreachable"],
    ["answers nonsense", (route) => route.fulfill({ status: 200, body: "<html>", headers: { "Access-Control-Allow-Origin": "*" } }), "unreachable"],
    ["answers an error", (route) => route.fulfill({ status: 503, json: { code: "busy" }, headers: { "Access-Control-Allow-Origin": "*" } }), "busy"],
    ["never answers", () => {}, "timeout"],
    ["has nothing", (route) => route.fulfill({ json: { products: [] }, headers: { "Access-Control-Allow-Origin": "*" } }), undefined],
]) {
    const before = (page) => page.route(SIMILAR, answer);
    const expected = [problem === undefined ? { count: 0 } : { count: 0, problem }];
    test(`a service that ${name}: the room in sight is given back out of sight`, on(
        () => pageOf(tag() + '<div class="space"></div>', { attributes: 'class="kept"' }), async (page) => {
            await loaded(page);
            assert.deepEqual(await loads(page), expected);
            assert.ok((await heightOf(page)) > 200);
            assert.equal(await page.getByText("Looks like this").isVisible(), false);
            await page.mouse.wheel(0, 2 * HEIGHT);
            await page.waitForSelector("niteru-similar[empty]", { state: "attached" });
            assert.equal(await heightOf(page), 0);
            assert.equal(await shift(page), 0);
        }, { before }));
    test(`a service that ${name}: nothing was there`, on(() => pageOf(`<div class="space"></div>${tag()}`), async (page) => {
        await page.waitForFunction(() => customElements.get("niteru-similar") !== undefined);
        await page.mouse.wheel(0, 1.5 * HEIGHT);
        await page.waitForSelector("niteru-similar[empty]", { state: "attached" });
        assert.deepEqual(await loads(page), expected);
        assert.equal(await heightOf(page), 0);
        assert.equal(await shift(page), 0);
    }, { before }));
}

test("keys: of these pages, of others, none; of pages in files", on(() => pageOf(tag("", PRODUCT, bound)), async (page, context) => {
    await until("photos by a key of this origin", async () => (await shown(page)) === 5);
    for (const [by, problem] of [[elsewhere, "origin-not-allowed"], ["nk_pub_wrong", "unauthorized"], ["", "unauthorized"]]) {
        pages.make = () => pageOf(tag("", PRODUCT, by));
        await page.reload({ waitUntil: "commit" });
        await loaded(page);
        assert.deepEqual(await loads(page), [{ count: 0, problem }]);
    }
    const file = join(shop.folder, "page.html"), other = await context.newPage();
    writeFileSync(file, pageOf(tag('link="p-{id}.html"')));
    await other.goto(pathToFileURL(file).href);
    await until("photos in a file", async () => (await shown(other)) === 5);
    assert.match(await links(other).first().evaluate((one) => one.href), /^file:.*\/p-[a-z0-9-]+\.html$/);
}));

test("hostile titles and addresses stay text, and the page keeps its width", on(() => pageOf(tag('k="39"')), async (page) => {
    await loaded(page);
    assert.equal((await loads(page))[0].count, 39);
    await assertFits(page, "39 tiles");
    const hrefs = await links(page).evaluateAll((all) => all.map((one) => one.href));
    assert.ok(hrefs.length >= 10 && hrefs.length < 39);
    for (const href of hrefs) {
        assert.ok([`${origin}/p/plain`, `${origin}/p/relative`, "https://other.example/a?b=c", "http://other.example/x"].includes(href), href);
    }
    assert.equal(await page.locator("niteru-similar script, niteru-similar img[onerror]").count(), 0);
    const lengths = await page.locator("niteru-similar [part~=title]").evaluateAll((all) => all.map((one) => [one.textContent.length, one.offsetHeight]));
    assert.ok(lengths.every(([length, height]) => length < 3000 && height < 50));
    assert.equal(new Set(lengths.map(([, height]) => height)).size, 1);
}, { width: 360 }));

test("the last change wins, several changes ask once, and what is taken away asks no more", on(() => pageOf(tag(), { attributes: 'class="kept"' }), async (page) => {
    await until("the first", async () => (await shown(page)) === 5);
    const held = [], ended = [];
    page.on("requestfailed", (request) => ended.push(new URL(request.url()).searchParams.get("k")));
    await page.route(SIMILAR, (route) => void (route.request().url().includes("k=4") ? held.push(route) : route.continue()));
    const set = (changes) => page.evaluate((all) => Object.entries(all).forEach(([name, value]) =>
        document.querySelector("niteru-similar").setAttribute(name, value)), changes);
    await set({ k: "4", where: "category = 'Dresses & more'", heading: "One" });
    await until("the slow one is asked", async () => held.length === 1);
    await set({ k: "3", heading: "Two <b>" });
    await loaded(page, 2);
    assert.deepEqual(await loads(page), [{ count: 5 }, { count: 3 }]);
    assert.equal(await page.locator("niteru-similar h2").textContent(), "Two <b>");
    assert.equal(await shift(page), 0);
    await set({ k: "4" });
    await until("another is asked", async () => held.length === 2);
    await page.evaluate(() => document.querySelector("niteru-similar").remove());
    await until("both slow ones were given up", async () => ended.filter((k) => k === "4").length === 2);
    assert.equal((await loads(page)).length, 2);
}));

test("a shop can count clicks, and follow them itself", on(() => pageOf(tag('link="/to/{id}"')), async (page) => {
    await until("five", async () => (await shown(page)) === 5);
    await page.evaluate(() => document.addEventListener("niteru-click", (event) => {
        globalThis.clicked = { ...event.detail, on: event.target.localName };
        event.preventDefault();
    }, { once: true }));
    const href = await links(page).nth(1).evaluate((one) => one.href);
    await links(page).nth(1).click();
    assert.deepEqual(await page.evaluate(() => globalThis.clicked), { id: href.split("/to/")[1], position: 2, on: "niteru-similar" });
    assert.equal(page.url(), origin + "/");
    await links(page).nth(1).press("Enter");
    await page.waitForURL(href);
}));

test("tags on one page share nothing but the script", on(
    () => pageOf(tag() + tag("", "no such product") + tag('k="2" lang="ja"') + tag("", "") + SCRIPT()), async (page) => {
        await loaded(page, 4);
        await until("the photos of two", async () => (await shown(page)) === 7);
        const all = await loads(page);
        assert.deepEqual(all.map(({ count }) => count).sort(), [0, 0, 2, 5]);
        assert.deepEqual(all.map(({ problem }) => problem ?? "").sort(), ["", "", "no-product", "not-found"]);
        assert.equal(await page.locator("niteru-similar h2").nth(2).textContent(), "見た目が似ている商品");
    }));

for (const dark of [false, true]) {
    for (const [width, lang] of [[360, "ja"], [1200, "ar"]]) {
        const attributes = `class="${dark ? "dark" : ""}" ${lang === "ar" ? 'dir="rtl"' : ""}`, name = `tag-${width}-${lang}-${dark ? "dark" : "light"}`;
        test(`for everyone: ${name}`, on(() => pageOf(tag('link="/p/{id}"'), { attributes, lang }), async (page) => {
            await until("photos", async () => (await shown(page)) >= 2);
            await assertFits(page, name);
            assert.deepEqual(await violations(page), []);
            const bar = await page.locator("niteru-similar ul").evaluate((one) => getComputedStyle(one).scrollbarColor);
            assert.equal(bar === "rgba(0, 0, 0, 0) rgba(0, 0, 0, 0)", width === 1200, "a scroll bar where there is something to scroll");
            await page.keyboard.press("Tab");
            const focused = await page.evaluate(() => {
                const one = document.querySelector("niteru-similar").shadowRoot.activeElement, { width, height } = one.getBoundingClientRect();
                return { outline: getComputedStyle(one).outlineStyle, least: Math.min(width, height) };
            });
            assert.equal(focused.outline, "solid");
            assert.ok(focused.least >= 44);
            if (process.env.NITERU_SCREENSHOTS) {
                mkdirSync(process.env.NITERU_SCREENSHOTS, { recursive: true });
                await page.screenshot({ path: join(process.env.NITERU_SCREENSHOTS, `${name}.png`) });
            }
        }, { width, bypassCSP: true }));
    }
}
