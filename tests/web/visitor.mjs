// SPDX-License-Identifier: Apache-2.0
// A visitor made up in the engine's place: what they do changes what they see and like, and none of it is stored.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertFits, onPage, openBrowser, openShop, until, violations } from "./support.mjs";

// Every visitor gets the feed of their own, and none by chance.
const shop = await openShop(120, ["control_percent=0", "random_percent=0"]), browser = await openBrowser();
const products = (await shop.ask("GET", "/v1/products?limit=500")).products;

const grid = ".simulated .grid > li";
const settled = async (page) => {
    await page.locator(grid).first().waitFor();
    await until("the answer is there", async () => (await page.locator('.simulated .found[aria-busy="false"]').count()) === 1);
};
const go = async (page, query = "") => {
    await page.goto("/engine?at=visitor" + query);
    await settled(page);
};
const seen = (page) => page.locator(`${grid} > .title`).allTextContents();
const likes = (page) => page.locator(".tastes .title").allTextContents();
const did = async (page) => Object.fromEntries(await page.locator(".facts-list > div").evaluateAll((all) => all.map((one) => [one.querySelector("dt").textContent, Number(one.querySelector("dd").textContent)])));
const sum = (counts) => Object.values(counts).reduce((all, one) => all + one, 0);
const act = async (page, at, name) => {
    const before = page.url();
    await page.locator(grid).nth(at).getByRole("button", { name }).click();
    await until("an entry of its own", () => page.url() !== before);
    await settled(page);
};
const dresses = "&persona=" + encodeURIComponent(JSON.stringify({ field: "category", likes: [["Dress", 2], ["Sofa", 1]] }));

test("what a new visitor does changes what they see, and can be undone", onPage(browser, shop, {}, async (page) => {
    const answers = [];
    const hear = async (answer) => answer.url().endsWith("/v1/session/recommend") && answers.push((await answer.json()).products.map((one) => one.product));
    page.on("response", hear);
    await go(page);
    const first = await seen(page);
    assert.deepEqual(await likes(page), []);
    await act(page, 3, "Look at it");
    assert.deepEqual(await likes(page), [first[3]]);
    const second = await seen(page);
    await until("both answers", () => answers.length === 2);
    page.off("response", hear);
    const [before, after] = answers; // titles are not each a product's own
    assert.ok(!after.includes(before[3]));
    const fresh = after.filter((id) => !before.includes(id)).length;
    assert.equal(await page.locator(".fresh").count(), fresh);
    await page.getByText(`${fresh} new, ${before.filter((id) => !after.includes(id)).length} gone`).waitFor();
    await act(page, 0, "Buy it");
    await until("both are counted", async () => sum(await did(page)) === 2);
    assert.deepEqual(await did(page), { "Look at it": 1, "Buy it": 1 });
    await page.getByRole("button", { name: "Undo the last" }).click();
    await until("one is left", async () => sum(await did(page)) === 1);
    await until("the feed of before", async () => (await seen(page)).join() === second.join());
    await page.goBack();
    await until("undoing is undone", async () => sum(await did(page)) === 2);
    await page.reload();
    await settled(page);
    assert.deepEqual(await did(page), { "Look at it": 1, "Buy it": 1 });
    await page.goBack();
    await page.goBack();
    await until("the beginning", async () => (await seen(page)).join() === first.join());
    assert.deepEqual(await likes(page), []);
}));

test("what is turned away is not shown again", onPage(browser, shop, {}, async (page) => {
    await go(page);
    const [first] = await seen(page);
    await act(page, 0, "Turn it away");
    await until("it is gone", async () => !(await seen(page)).includes(first));
    assert.deepEqual(await likes(page), []);
}));

test("a persona goes ten actions on, of its own liking", onPage(browser, shop, {}, async (page) => {
    const asked = [];
    page.on("request", (request) => request.url().endsWith("/v1/session/recommend") && asked.push(JSON.parse(request.postData())));
    await go(page, dresses);
    await page.getByRole("button", { name: "Ten actions of theirs" }).click();
    await until("ten are counted", async () => sum(await did(page)) === 10);
    await settled(page);
    const { actions, log, session } = asked.at(-1), categoryOf = (id) => products.find((one) => one.product === id).metadata.category;
    assert.deepEqual([actions.length, log, session], [10, false, undefined]);
    for (const { kind, product } of actions) {
        assert.equal(["Dress", "Sofa"].includes(categoryOf(product)), kind !== "dismiss", `${kind} ${product}`);
    }
    assert.ok((await likes(page)).length > 0);
    const bars = await page.locator(".tastes meter").evaluateAll((all) => all.map((one) => one.value));
    assert.ok(Math.abs(bars.reduce((all, one) => all + one, 0) - 1) < 0.01 && bars.every((one, i) => i === 0 || one <= bars[i - 1]), bars.join());
    await page.getByRole("button", { name: "Undo the last" }).click();
    await until("nine are left", async () => sum(await did(page)) === 9);
}));

test("personas are of the catalogue's own values, one to four, and others can be had", onPage(browser, shop, {}, async (page) => {
    await go(page);
    const chips = page.getByRole("group", { name: "Who it is" }).locator(".chip"), categories = new Set(products.map((one) => one.metadata.category));
    await until("six and the new visitor", async () => (await chips.count()) === 7);
    assert.equal(await chips.first().getAttribute("aria-pressed"), "true");
    await chips.nth(1).click();
    await until("it is chosen", async () => (await chips.nth(1).getAttribute("aria-pressed")) === "true");
    const { field, likes: chosen } = JSON.parse(new URL(page.url()).searchParams.get("persona"));
    assert.equal(field, "category");
    assert.ok(chosen.length >= 1 && chosen.length <= 4 && chosen.every(([value]) => categories.has(value)), JSON.stringify(chosen));
    const before = await chips.allTextContents();
    await page.getByRole("button", { name: "Others" }).click();
    await until("others", async () => (await chips.allTextContents()).join() !== before.join());
}));

test("without fields a persona likes what looks like some products", onPage(browser, shop, {}, async (page, t) => {
    const bare = await openShop(12);
    for (const { product } of (await bare.ask("GET", "/v1/products?limit=500")).products) {
        const { metadata } = await bare.ask("GET", `/v1/products/${product}`);
        await bare.ask("PATCH", `/v1/products/${product}`, { metadata: Object.fromEntries(Object.keys(metadata).map((name) => [name, null])) });
    }
    await onPage(browser, bare, {}, async (other) => {
        await go(other);
        const chips = other.getByRole("group", { name: "Who it is" }).locator(".chip");
        await until("personas", async () => (await chips.count()) > 1);
        await chips.nth(1).click();
        await other.getByRole("button", { name: "Ten actions of theirs" }).click();
        await until("ten are counted", async () => sum(await did(other)) === 10);
    })(t);
}));

test("nothing of it is stored or reported", onPage(browser, shop, {}, async (page) => {
    const told = [], reports = () => Promise.all(["default", "for-you"].map((name) => shop.ask("GET", `/v1/scenarios/${name}/report?days=0`)));
    const popular = async () => (await shop.ask("POST", "/v1/session/recommend", { log: false, k: 60 })).products;
    page.on("request", (request) => request.url().includes("/v1/events") && told.push(request.url()));
    const before = [await reports(), await popular()];
    await go(page, dresses);
    await act(page, 0, "Buy it");
    await page.getByRole("button", { name: "Ten actions of theirs" }).click();
    await until("eleven are counted", async () => sum(await did(page)) === 11);
    await page.locator(grid).first().getByRole("button", { name: "Why this?" }).click();
    await page.locator("dialog.why[open]").waitFor();
    assert.deepEqual([await reports(), await popular()], before);
    assert.deepEqual(told, []);
}));

test("a scenario's settings are tried on them, who stay who they are", onPage(browser, shop, {}, async (page) => {
    await shop.ask("PUT", "/v1/scenarios/sofas%20only", { where: "category = 'Sofa'" });
    await go(page);
    await act(page, 0, "Look at it");
    const usual = await seen(page), choice = page.getByLabel("Scenario");
    await choice.selectOption("sofas only");
    const titleOf = (one) => one.metadata.title ?? one.product, sofas = new Set(products.filter((one) => one.metadata.category === "Sofa").map(titleOf));
    await until("sofas", async () => (await seen(page)).every((title) => sofas.has(title)));
    assert.deepEqual(await did(page), { "Look at it": 1 });
    await page.reload();
    await settled(page);
    assert.equal(await choice.inputValue(), "sofas only");
    assert.ok((await seen(page)).every((title) => sofas.has(title)));
    await choice.selectOption("none, as usual");
    await until("as before", async () => (await seen(page)).join() === usual.join());
    await shop.ask("DELETE", "/v1/scenarios/sofas%20only");
}));

test("an address that somebody made up is a new visitor", onPage(browser, shop, {}, async (page) => {
    for (const wrong of ["nonsense", "{}", '{"likes": [["a"]]}', '{"likes": "<b>"}', '{"field": 3, "likes": [["a", 1]]}']) {
        await go(page, "&persona=" + encodeURIComponent(wrong));
        assert.equal(await page.getByRole("button", { name: "A new visitor" }).getAttribute("aria-pressed"), "true");
    }
}));

for (const [dark, language] of [[false, "en"], [true, "en"], [true, "ja"]]) {
    test(`360 px, ${dark ? "dark" : "light"}, ${language}: it fits, and axe finds nothing`, onPage(browser, shop, { width: 360, height: 740, dark, language, bypassCSP: true }, async (page) => {
        await go(page, dresses);
        await page.locator(`${grid} .acts button`).first().press("Enter");
        await page.locator(".tastes li").waitFor();
        await settled(page);
        await assertFits(page, "the visitor");
        assert.deepEqual(await violations(page), []);
    }));
}
