// SPDX-License-Identifier: Apache-2.0
// The page without a mouse.
import assert from "node:assert/strict";
import { test } from "node:test";
import { goProduct, goShop, onPage, openBrowser, openShop, settled, tiles, titles, until } from "./support.mjs";

const shop = await openShop(), browser = await openBrowser();
const on = (body) => onPage(browser, shop, { width: 1024, height: 800 }, body);
const focused = (page) => page.evaluate(() => document.activeElement?.closest("dialog, .tile, #search, button, #main")?.id ?? "");
const at = (page) => page.evaluate(() => [...document.querySelectorAll(".tile")].indexOf(document.activeElement));

test("arrows go by column and by row, and stop at the edges", on(async (page) => {
    await goShop(page);
    const tops = await page.locator(".grid > li").evaluateAll((all) => all.map((li) => li.offsetTop));
    const columns = tops.findIndex((top) => top !== tops[0]);
    assert.ok(columns >= 3);
    await tiles(page).first().focus();
    const steps = [["ArrowRight", 1], ["ArrowDown", 1 + columns], ["ArrowLeft", columns], ["ArrowUp", 0], ["ArrowUp", 0], ["ArrowLeft", 0]];
    for (const [key, place] of steps) {
        await page.keyboard.press(key);
        assert.equal(await at(page), place, key);
    }
    const place = () => page.evaluate(() => Number(document.activeElement.closest("li")?.ariaPosInSet ?? 0));
    for (let press = 0; press < 30; press++) { // through rows that come and go
        await page.keyboard.press("ArrowDown");
    }
    while ((await place()) < 60) {
        const before = await place();
        await page.keyboard.press("ArrowRight");
        await until("the next one", async () => (await place()) === before + 1);
    }
    await page.keyboard.press("ArrowDown");
    assert.equal(await place(), 60);
}));

test("Enter opens, Backspace goes back, and not while one types", on(async (page) => {
    await goShop(page);
    const title = (await titles(page))[2];
    await tiles(page).nth(2).focus();
    await page.keyboard.press("Enter");
    await settled(page);
    await until("its title", async () => (await page.locator("h1").textContent()) === title); // which comes apart from what is alike
    await page.keyboard.press("Backspace");
    await until("the shop again", () => new URL(page.url()).pathname === "/");
    await goProduct(page, "dress-001-green");
    await goShop(page);
    await page.locator("#search").pressSequentially("ab");
    await page.keyboard.press("Backspace");
    await until("one letter less", () => new URL(page.url()).searchParams.get("q") === "a");
    assert.equal(new URL(page.url()).pathname, "/");
}));

test("/ goes to the search, ? shows the keys", on(async (page) => {
    await goShop(page);
    await page.keyboard.press("/");
    assert.equal(await focused(page), "search");
    assert.equal(await page.inputValue("#search"), "");
    await page.keyboard.type("/?");
    assert.equal(await page.inputValue("#search"), "/?");
    await tiles(page).first().waitFor({ state: "hidden" });
    await page.locator("#search").blur();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
}));

// Tabs twice around what a dialog holds; the focus may only leave it for the browser's own bar, which is the body here.
async function assertTrapped(page) {
    const seen = new Set();
    for (let i = 0; i < 6; i++) {
        await page.keyboard.press("Tab");
        seen.add(await page.evaluate(() => (document.activeElement === document.body || document.activeElement.closest("dialog[open]") !== null ? "in" : document.activeElement.outerHTML)));
    }
    assert.deepEqual([...seen], ["in"]);
}

test("dialogs keep the focus, close on Escape, and give it back", on(async (page) => {
    await goProduct(page, "dress-001-green");
    for (const opener of [page.locator(".head button").first(), page.locator(".under button").first()]) {
        await opener.focus();
        await page.keyboard.press("Enter");
        await page.locator("dialog[open]").waitFor();
        await assertTrapped(page);
        await page.keyboard.press("Escape");
        await page.locator("dialog[open]").waitFor({ state: "detached" });
        assert.ok(await opener.evaluate((element) => element === document.activeElement), "the focus is where it was");
    }
}));

test("the first Tab offers to skip to the products", on(async (page) => {
    await goShop(page);
    await page.keyboard.press("Tab");
    const skip = page.locator(".skip");
    assert.ok(await skip.evaluate((link) => link === document.activeElement && link.getBoundingClientRect().width > 40));
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "main");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "search");
}));

test("what has the focus has a ring", on(async (page) => {
    await goShop(page);
    for (let i = 0; i < 12; i++) {
        await page.keyboard.press("Tab");
        const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.equal(ring, "solid", await page.evaluate(() => document.activeElement.outerHTML.slice(0, 100)));
    }
}));
