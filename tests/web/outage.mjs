// SPDX-License-Identifier: Apache-2.0
// The server goes away in the middle and comes back: the page says so, and goes on by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { goProduct, goShop, gridSize, onPage, openBrowser, openShop, settled, tiles, titles, until } from "./support.mjs";

const shop = await openShop(20), browser = await openBrowser();
const on = (language, body) => onPage(browser, shop, { language }, body);

test("the shop says that the server is gone, counts down, and finds it again", on("en", async (page) => {
    await goShop(page);
    await shop.stop();
    await page.fill("#search", "dress");
    await page.getByText(/The server does not answer\. Trying again in \d+ s\./).waitFor();
    assert.ok((await tiles(page).count()) > 0, "what is here already stays");
    await shop.start();
    await until("the answer, without a click", async () => (await titles(page)).every((title) => /dress/i.test(title)));
    assert.equal(await page.locator(".note").count(), 0);
}));

test("a product likewise, in Japanese, and at once by the button", on("ja", async (page) => {
    await goProduct(page, "dress-001-green");
    const next = (await titles(page, ".found"))[0];
    await shop.stop();
    await tiles(page, ".found").first().click();
    await page.getByText("サーバー").first().waitFor();
    await shop.start();
    await page.locator(".note button").first().click();
    await until("the next product", async () => (await page.locator("h1").textContent()) === next);
    await settled(page);
    await until("no note", async () => (await page.locator(".note").count()) === 0);
}));

test("a dial moved while the server is gone is answered when it is back", on("en", async (page) => {
    await goProduct(page, "dress-001-green");
    await shop.stop();
    await page.locator("input[type=range]").fill("1");
    await page.locator(".found .note").waitFor();
    await shop.start();
    await until("the answer", async () => (await page.locator(".found .note").count()) === 0 && (await tiles(page, ".found").count()) > 0);
}));

test("a photo searched with while the server is gone is searched with when it is back", on("en", async (page) => {
    await goShop(page);
    await shop.stop();
    await page.setInputFiles("input[type=file]", shop.photoFiles()[3]);
    await page.getByText("The server does not answer.").waitFor();
    await shop.start();
    await settled(page);
    assert.match(await page.locator(".found .score").first().textContent(), /nearly the same/);
}));

test("a server that lost the photo gets it again", on("en", async (page) => {
    await goShop(page);
    await page.setInputFiles("input[type=file]", shop.photoFiles()[3]);
    await settled(page);
    await shop.stop();
    await shop.start();
    await page.locator(".box").press("Shift+ArrowLeft");
    await page.locator(".query > button").waitFor();
    await until("an answer to the box", async () => (await page.locator('.found[aria-busy="false"]').count()) === 1);
    assert.equal(await page.locator(".found .note").count(), 0);
    assert.ok((await tiles(page, ".found").count()) > 0);
}));

test("a page of the grid that did not come is asked for again, once, and in its place", on("en", async (page) => {
    await shop.put(Array.from({ length: 180 }, (_, i) => ({ product: `zz${i}`, metadata: { title: `Extra ${i}` } })));
    await goShop(page);
    let refused = 0;
    await page.route("**/v1/products?*after=*", (route) =>
        refused++ < 2 ? route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"code": "busy", "detail": "not now"}' }) : route.continue());
    const places = new Map();
    await until("all 200 came by, each at one place", async () => {
        for (const [place, href] of await page.locator(".grid > li").evaluateAll((all) => all.map((li) => [Number(li.ariaPosInSet), li.querySelector("a").href]))) {
            assert.equal(places.get(place) ?? href, href);
            places.set(place, href);
        }
        await page.mouse.wheel(0, 300);
        return (await gridSize(page)) === 200 && new Set(places.values()).size === 200;
    });
    assert.ok(refused >= 2);
    assert.equal(await page.locator(".note").count(), 0);
}));
