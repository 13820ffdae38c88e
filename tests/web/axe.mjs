// SPDX-License-Identifier: Apache-2.0
// axe finds nothing on any view, in light and dark, in English and Japanese.
import assert from "node:assert/strict";
import { test } from "node:test";
import { goProduct, goShop, onPage, openBrowser, openShop, settled, tryScenario, violations } from "./support.mjs";

const shop = await openShop(60, ["control_percent=0", "random_percent=0"]), browser = await openBrowser();
await tryScenario(shop, "home", ["dress-001-blue", "nobody-sells-this"]);
const views = {
    shop: goShop,
    facets: async (page) => {
        await goShop(page);
        await page.locator(".facets summary").first().click();
        await page.locator(".facets .chip").first().click();
    },
    "nothing found": async (page) => {
        await page.goto("/?q=nothing-has-this-name");
        await page.locator(".note").waitFor();
    },
    product: async (page) => {
        await goProduct(page, "dress-001-green", "?less=dress-001-blue");
        await page.locator(".found .tile").first().click();
        await page.locator(".trail a").nth(1).waitFor();
        await settled(page);
    },
    why: async (page) => {
        await goProduct(page, "dress-001-green");
        await page.locator(".under button").first().click();
        await page.locator("dialog.why[open]").waitFor();
    },
    visitor: async (page) => {
        await page.goto("/engine?at=visitor");
        await page.locator(".simulated .grid > li").first().waitFor();
        await page.locator(".acts button").first().click();
        await page.locator(".tastes li").waitFor();
    },
    "for you": async (page) => {
        await page.goto("/for-you");
        await page.locator(".rail .tile").first().waitFor();
    },
    keys: async (page) => {
        await goShop(page);
        await page.keyboard.press("?");
        await page.locator("dialog[open]").waitFor();
    },
    "no such product": async (page) => {
        await page.goto("/p/nobody-sells-this");
        await page.locator(".note").waitFor();
    },
    catalogue: async (page) => {
        await page.goto("/catalogue");
        await page.locator(".rows li").first().waitFor();
    },
    "never shown": async (page) => {
        await page.goto("/catalogue?flag=never-shown");
        await page.locator(".rows li").first().waitFor();
    },
    scenarios: async (page) => {
        await page.goto("/catalogue?at=scenarios");
        await page.locator(".rows li").first().waitFor();
    },
    "a scenario": async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home&who=clicked&clicked=dress-001-green");
        await page.locator(".placed li").first().waitFor();
        for (const summary of await page.locator("summary").all()) {
            await summary.click();
        }
        await page.locator(".pick-from li").first().waitFor();
    },
    "a scenario, wrong": async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=other");
        await page.locator("textarea").first().fill("nosuch = 1");
        await page.locator(".field .error").waitFor();
    },
    "a version": async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home&version=1");
        await page.locator(".placed li").first().waitFor();
    },
    "what came of it": async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home&show=report");
        await page.locator(".charts canvas").first().waitFor();
        await page.locator("summary").click();
    },
    photo: async (page) => {
        await goShop(page);
        await page.setInputFiles("input[type=file]", shop.photoFiles()[0]);
        await settled(page);
        await page.locator(".box").press("Shift+ArrowLeft");
        await page.locator(".query > button").waitFor();
    },
};

for (const dark of [false, true]) {
    for (const language of ["en", "ja"]) {
        // The policy of the page keeps axe out, as it should; here it is let in.
        test(`${dark ? "dark" : "light"}, ${language}`, onPage(browser, shop, { dark, language, bypassCSP: true }, async (page) => {
            for (const [name, go] of Object.entries(views)) {
                await go(page);
                assert.deepEqual(await violations(page), [], name);
            }
        }));
    }
}
