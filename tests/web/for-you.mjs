// SPDX-License-Identifier: Apache-2.0
// The visitor's feed: it begins with what is popular and new, follows what is looked at, forgets what it is told to, and
// reports what was shown and clicked.
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { test } from "node:test";
import { assertFits, goProduct, onPage, openBrowser, openShop, tiles, until, violations } from "./support.mjs";

// Every visitor gets the feed of their own, and none by chance.
const shop = await openShop(120, ["control_percent=0", "random_percent=0"]), browser = await openBrowser();
const SEED = "dress-001-green", OTHER = "sofa-001-orange";

async function goFeed(page, query = "") {
    await page.goto("/for-you" + query);
    await tiles(page, ".rail").first().waitFor();
}

const look = async (page, ...products) => {
    for (const product of products) {
        const stored = page.waitForResponse((answer) => answer.url().endsWith("/v1/events") && answer.ok());
        await goProduct(page, product);
        await stored;
    }
};
const railTitles = (page) => page.locator(".rail h2").allTextContents();
const inFeed = (page) => page.locator(".feed .tile .title").allTextContents();
const titleOf = async (id) => (await shop.ask("GET", `/v1/products/${id}`)).metadata.title;
const session = (page) => page.evaluate(() => localStorage.getItem("visitor"));
const tastesOf = async (page) => (await shop.ask("POST", "/v1/session/recommend", { session: await session(page), log: false })).tastes.map((taste) => taste.product);

test("of whom nothing is known sees what is popular and new, something of everything, and how the feed begins", onPage(browser, shop, {}, async (page) => {
    await goFeed(page);
    assert.deepEqual(await railTitles(page), ["Popular and new"]);
    await page.getByText("Nothing is known of you yet").waitFor();
    assert.ok(await tiles(page, ".rail").count() >= 10);
    await page.getByRole("list", { name: "Goes on from here" }).locator("li").first().waitFor();
}));

test("a product that is looked at makes a rail, and is why its products are there", onPage(browser, shop, {}, async (page) => {
    await goFeed(page);
    const before = await inFeed(page);
    await look(page, SEED);
    await page.getByRole("link", { name: "For you" }).click();
    await page.getByRole("heading", { name: `Because you looked at \u2068${await titleOf(SEED)}\u2069` }).waitFor();
    const after = await inFeed(page);
    assert.notDeepEqual(after.slice(0, 10), before.slice(0, 10));
    assert.ok(!after.slice(0, 20).includes(await titleOf(SEED)));
    assert.equal(await page.getByText("Nothing is known of you yet").count(), 0);
    await page.locator(".rail .under button").first().click();
    await page.locator("dialog.why[open]").getByText(`You looked at “${await titleOf(SEED)}”`).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog.why[open]").waitFor({ state: "detached" });
}));

test("a taste that is forgotten is gone, after a second press", onPage(browser, shop, {}, async (page) => {
    await look(page, SEED, OTHER);
    await goFeed(page);
    assert.equal((await tastesOf(page)).length, 2);
    const head = page.locator(".rail-head", { hasText: await titleOf(SEED) }), cross = head.getByRole("button");
    await cross.click();
    assert.deepEqual((await tastesOf(page)).sort(), [SEED, OTHER].sort());
    await cross.click();
    await head.waitFor({ state: "detached" });
    assert.deepEqual(await tastesOf(page), [OTHER]);
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
    await page.reload();
    await tiles(page, ".rail").first().waitFor();
    assert.deepEqual((await railTitles(page)).filter((title) => title.startsWith("Because")), [`Because you looked at \u2068${await titleOf(OTHER)}\u2069`]);
}));

test("more of it comes at the end, nothing twice", onPage(browser, shop, {}, async (page) => {
    await look(page, SEED);
    await goFeed(page);
    const first = await page.locator(".rail").first().boundingBox();
    const place = () => page.evaluate(() => Number(document.querySelector(".feed > section:last-child .grid > li")?.ariaSetSize ?? 0));
    await until("all that the shop has", async () => {
        await page.mouse.wheel(0, 2000);
        return (await place()) + (await tiles(page, ".rail").count()) === 120;
    });
    await until("it is back at the top, where it was", async () => { // the wheel may still be turning
        await page.evaluate(() => scrollTo(0, 0));
        return isDeepStrictEqual(await page.locator(".rail").first().boundingBox(), first);
    });
    const shown = await page.locator(".rail .tile").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
    assert.equal(new Set(shown).size, shown.length);
}));

test("what is shown and clicked is reported, of its answer and place", onPage(browser, shop, {}, async (page) => {
    const events = [], counted = async () => (await shop.ask("GET", "/v1/scenarios/for-you/report")).arms.reduce(
        (sum, arm) => ({ impressions: sum.impressions + arm.impressions, clicks: sum.clicks + arm.clicks, views: sum.views + arm.views }), { impressions: 0, clicks: 0, views: 0 });
    page.on("request", (request) => request.url().endsWith("/v1/events") && events.push(...JSON.parse(request.postData())));
    await look(page, SEED);
    const before = await counted();
    await goFeed(page);
    await until("impressions are stored", async () => (await counted()).impressions > before.impressions);
    const third = tiles(page, ".rail").nth(2);
    await third.click();
    await page.locator(".query h1").waitFor();
    await until("the click and the look are stored", async () => (await counted()).clicks > before.clicks && (await counted()).views > before.views);
    const click = events.find((one) => one.kind === "click"), view = events.findLast((one) => one.kind === "view");
    assert.equal(click.position, 2);
    assert.equal(click.scenario, "for-you");
    assert.match(click.rec_id, /^r/);
    assert.deepEqual({ ...view, kind: "click" }, click);
    assert.ok(events.every((one) => one.session === click.session && /^[0-9a-f]{32}$/.test(one.session)));
    const seen = events.filter((one) => one.kind === "impression").map((one) => one.product);
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(seen.includes(click.product));
    await page.goBack();
    await page.locator(".rail-head", { hasText: await titleOf(click.product) }).waitFor();
}));

test("without a product there is nothing to show, and it says so", async (t) => {
    const empty = await openShop(1);
    await empty.ask("POST", "/v1/products:remove", { products: (await empty.ask("GET", "/v1/products")).products.map((one) => one.product) });
    await onPage(browser, empty, {}, async (page) => {
        await page.goto("/for-you");
        await page.getByText("There is no product yet").waitFor();
    })(t);
});

for (const [dark, language] of [[false, "en"], [true, "ja"]]) {
    test(`360 px, ${language}: it fits, arrows go along a rail, axe finds nothing`, onPage(browser, shop, { width: 360, height: 740, dark, language, bypassCSP: true }, async (page) => {
        await look(page, SEED, OTHER);
        await goFeed(page);
        await assertFits(page, "the feed");
        assert.deepEqual(await violations(page), []);
        await tiles(page, ".rail").first().focus();
        await page.keyboard.press("ArrowRight");
        assert.equal(await page.evaluate(() => [...document.querySelectorAll(".rail .tile")].indexOf(document.activeElement)), 1);
        await page.locator(".rail-head button").first().click();
        await assertFits(page, "the feed with a cross pressed");
        await page.locator(".rail .under button").first().click();
        await page.locator("dialog.why[open]").waitFor();
        assert.deepEqual(await violations(page), []);
    }));
}
