// SPDX-License-Identifier: Apache-2.0
// A catalogue written by somebody who means ill: nothing of it runs, nothing leaves the origin, and the page keeps its
// shape on a phone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { assertFits, goProduct, goShop, gridSize, onPage, openBrowser, openShop, settled, tiles, until } from "./support.mjs";

const shop = await openShop(12, ["control_percent=0", "random_percent=0"]), browser = await openBrowser();
const TALL = 8000; // a window that all of the grid fits into
const RUN = "globalThis.ran=1";
const texts = [
    `<script>${RUN}</script>`,
    `<img src=x onerror="${RUN}">`,
    `"><svg onload=${RUN}>`,
    `</span><iframe srcdoc="<script>parent.ran=1</script>"></iframe>`,
    `javascript:${RUN}`,
    `data:text/html,<script>${RUN}</script>`,
    `{{constructor.constructor('${RUN}')()}}`,
    "'\"`\\${1}&lt;&#x3c;%3Cscript%3E",
    "https://elsewhere.invalid/beacon.png",
    "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈".repeat(8),
    "x".repeat(4000),
    "長い名前".repeat(1000),
    "\u202eمعطف صوف طويل جداً\u2066 evil \u2069",
    "פריט\u200f עם \u202dטקסט",
    "Z̷̢̛͓̺͖̈́̈".repeat(100),
    "a\u0007b\u001b[31mc\td\ne",
    "__proto__",
];
const ids = ["a/b", "../up", "x%2Fy", "%", "100%25", "q?x=1", "f#g", "ü☃ 日本", "a b+c&d=e", "<b>", "'\"", "..;/", "__proto__", "//host/x", "javascript:1"];
// Products whose photos are all alike, so that each is in the answer to each.
const photo = () => readFileSync(shop.photoFiles()[0]);

before(async () => {
    await shop.put(texts.map((text, i) => ({
        product: `evil-${i}`,
        metadata: { title: text, category: [...text].slice(0, 40).join(""), brand: text, url: text, image: text, "<i>field</i>": text, currency: text.slice(0, 3), price: 1e300 },
    })));
    await shop.put(ids.map((product) => ({ product, metadata: { title: `id ${product}`, price: -1 } })));
    for (let i = 0; i < texts.length; i++) {
        await shop.putPhoto(`evil-${i}`, photo());
    }
    for (const id of ids) {
        await shop.putPhoto(id, photo());
    }
});

const assertTame = async (page, what) => {
    assert.equal(await page.evaluate(() => globalThis.ran), undefined, what);
    assert.equal(await page.locator("main script, main iframe, main svg[onload], main b, main i").count(), 0, what);
    await assertFits(page, what);
};

for (const width of [360, 1440]) {
    const on = (body) => onPage(browser, shop, { width, height: TALL }, body);

    test(`the shop at ${width} px`, on(async (page) => {
        await goShop(page);
        await assertTame(page, "the grid");
        for (const summary of await page.locator(".facets summary").all()) {
            await summary.click();
            await assertTame(page, await summary.innerText());
        }
        const shown = await tiles(page).locator(".title").allTextContents();
        for (const text of texts.slice(0, 9)) {
            assert.ok(shown.includes(text), `${text} is shown as it is`);
        }
        await page.goto("/catalogue");
        await page.locator(".rows li").first().waitFor();
        await assertTame(page, "the catalogue");
    }));
}

test("each product on a phone", onPage(browser, shop, { width: 360 }, async (page) => {
    for (const [i, text] of texts.entries()) {
        await goProduct(page, `evil-${i}`);
        await assertTame(page, text.slice(0, 40));
    }
    await page.locator(".under button").first().click();
    await page.locator("dialog.why[open]").waitFor();
    await assertTame(page, "why");
}));

for (const width of [360, 1440]) {
    test(`the feed and a made-up visitor at ${width} px`, onPage(browser, shop, { width }, async (page) => {
        for (const id of ["evil-0", "evil-10", "a/b", "<b>"]) {
            const stored = page.waitForResponse("**/v1/events");
            await goProduct(page, id);
            await stored;
        }
        await page.goto("/for-you");
        await tiles(page, ".rail").first().waitFor();
        await assertTame(page, "the feed");
        await page.locator(".rail-head button").first().click();
        await assertTame(page, "a cross pressed");
        await page.locator(".rail .under button").first().click();
        await page.locator("dialog.why[open]").waitFor();
        await assertTame(page, "why it is shown");
        await page.goto("/engine?at=visitor");
        await page.locator(".simulated .grid > li").first().waitFor();
        const personas = page.locator(".values .chip:not(.button)");
        await until("personas", async () => (await personas.count()) > 1);
        await assertTame(page, "personas");
        await personas.nth(1).click();
        await page.getByRole("button", { name: "Ten actions of theirs" }).click();
        await page.locator(".tastes li").first().waitFor();
        await assertTame(page, "a visitor's tastes");
    }));
}

test("ids of any letters lead to their product, by click and by address", onPage(browser, shop, { height: TALL }, async (page) => {
    for (const id of ids) {
        await goShop(page);
        await tiles(page).filter({ hasText: `id ${id}` }).first().click();
        await settled(page);
        const heading = async () => (await page.locator("h1").textContent()) === `id ${id}`;
        await until(`${id} by click`, heading);
        await page.reload();
        await until(`${id} by address`, heading);
        await settled(page);
        const photo = page.locator(".query img");
        await until(`the photo of ${id}`, () => photo.evaluate((img) => img.complete && img.naturalWidth > 0));
    }
}));

test("values chosen by facets come through the address whole", onPage(browser, shop, {}, async (page) => {
    for (const text of [texts[0], texts[7]]) {
        await goShop(page);
        await page.locator(".facets summary", { hasText: "category" }).click();
        await page.locator(".facets details[open] .chip", { hasText: text.slice(0, 40) }).click();
        await until(`one has ${text}`, async () => (await gridSize(page)) === 1);
        await page.reload();
        await until(`one has ${text}, after reload`, async () => (await gridSize(page)) === 1);
    }
}));

test("an address written by hand does no harm", onPage(browser, shop, {}, async (page) => {
    const queries = ["?q=%3Cscript%3E", "?f=category", "?f=:::&f=__proto__:1&f=category:{}", "?lang=xx", "?lang=__proto__", "?q=%00", "?f=%22:null"];
    for (const query of queries) {
        await page.goto("/" + query);
        await page.locator(".tile:visible, .note").first().waitFor();
        await assertTame(page, query);
    }
    for (const query of ["?alike=NaN", "?alike=1e9&price=x", "?like=nobody&less=nobody", "?like=%00"]) {
        await page.goto("/p/evil-0" + query);
        await page.locator(".found .tile, .found .note").first().waitFor();
        await assertTame(page, query);
    }
}));

test("a photo that is missing or broken is told in its place", onPage(browser, shop, { height: TALL }, async (page) => {
    await shop.put([{ product: "aa-none", metadata: { title: "No photo at all" } }]);
    const url = "/v1/products/evil-0/photos/";
    await page.route((address) => address.pathname.startsWith(url), (route) => route.fulfill({ status: 200, contentType: "image/jpeg", body: "no picture" }));
    await page.route((address) => address.pathname.startsWith("/v1/products/evil-1/photos/"), (route) => route.fulfill({ status: 404 }));
    await goShop(page);
    await tiles(page).filter({ hasText: "No photo at all" }).getByText("No photo", { exact: true }).waitFor();
    for (const title of texts.slice(0, 2)) {
        const tile = tiles(page).filter({ hasText: title }).first();
        await tile.scrollIntoViewIfNeeded();
        await tile.getByText("The photo cannot be shown").waitFor();
    }
    await page.goto("/p/aa-none");
    await page.locator(".query .no-photo").waitFor();
    await page.getByText("It has no photo that could be read").waitFor();
    await assertFits(page, "no photo");
}));
