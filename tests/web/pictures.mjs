// SPDX-License-Identifier: Apache-2.0
// Pictures of every view and state, to be looked at by a person: each at three widths, in both themes and languages, so
// that any two of these meet. What is checked here is that each comes about, and that none is wider than its window.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertFits, goProduct, goShop, openBrowser, openPage, openShop, settled, tiles, tryScenario, until } from "./support.mjs";

const FOLDER = process.env.NITERU_SCREENSHOTS, WIDTHS = [360, 768, 1440];
const shops = { many: await openShop(60), one: await openShop(1), empty: await openShop(1) }, browser = await openBrowser();
await shops.empty.ask("POST", "/v1/products:remove", { products: (await shops.empty.ask("GET", "/v1/products")).products.map((one) => one.product) });
mkdirSync(FOLDER, { recursive: true });

const LONG = "Handwoven organic long-staple cotton summer dress with detachable sleeves, hidden pockets and a belt ".repeat(3);
const RTL = ["فستان صيفي طويل من القطن العضوي", "שמלת קיץ ארוכה מכותנה אורגנית", "معطف صوف (XL) 50% خصم"];
for (const [kind, titles] of [["Long", [LONG, "Donaudampfschifffahrtsgesellschaftskapitän".repeat(4), "長い商品名の例です。".repeat(20)]], ["RTL", RTL]]) {
    await shops.many.put(titles.map((title, i) => ({ product: `${kind}${i}`, metadata: { title, category: kind, price: 12345678.9, currency: "JPY", stock: 0 } })));
    for (const i of titles.keys()) {
        await shops.many.putPhoto(`${kind}${i}`, readFileSync(shops.many.photoFiles()[3 * i]));
    }
}

await tryScenario(shops.many, "home", ["Long0", "RTL0"], 120);
await shops.many.ask("PUT", "/v1/scenarios/" + encodeURIComponent("장바구니 아래, a very long name of a place".slice(0, 40)), {});

const note = (page) => page.locator(".note").first().waitFor();
const held = (pattern) => async (page) => page.route(pattern, () => {});
const category = (name) => "?f=" + encodeURIComponent(`category:"${name}"`);

// name: [shop, what leads there].
const states = {
    "shop-many": ["many", goShop],
    "shop-facets": ["many", async (page) => {
        await goShop(page);
        await page.locator(".facets summary").first().click();
        await page.locator(".chip").first().click();
    }],
    "shop-long": ["many", (page) => goShop(page, category("Long"))],
    "shop-rtl": ["many", (page) => goShop(page, category("RTL"))],
    "shop-nothing": ["many", async (page) => {
        await page.goto("/" + category("None of these"));
        await page.locator(".note", { hasText: "66" }).waitFor();
    }],
    "shop-one": ["one", goShop],
    "shop-empty": ["empty", async (page) => {
        await page.goto("/");
        await note(page);
    }],
    "shop-loading": ["many", async (page) => {
        await held("**/v1/products?*")(page);
        await page.goto("/");
        await page.locator("#search").waitFor();
    }],
    "shop-photos-loading": ["many", async (page) => {
        await held("**/photos/*")(page);
        await goShop(page);
    }],
    "shop-gone": ["many", async (page) => {
        await page.route("**/v1/products?*", (route) => route.abort());
        await page.goto("/");
        await note(page);
    }],
    "visitor-new": ["many", async (page) => {
        await page.goto("/engine?at=visitor");
        await page.locator(".simulated .grid > li").first().waitFor();
    }],
    "visitor-acted": ["many", async (page) => {
        await page.goto("/engine?at=visitor");
        await page.locator(".acts button").first().click();
        await page.locator(".tastes li").waitFor();
    }],
    "visitor-empty": ["empty", async (page) => {
        await page.goto("/engine?at=visitor");
        await note(page);
    }],
    "for-you-new": ["many", async (page) => {
        await page.goto("/for-you");
        await tiles(page, ".rail").first().waitFor();
    }],
    "for-you-tastes": ["many", async (page) => {
        for (const id of ["Long0", "RTL0", "dress-001-green"]) {
            const stored = page.waitForResponse("**/v1/events");
            await goProduct(page, id);
            await stored;
        }
        await page.goto("/for-you");
        await page.locator(".rail-head").nth(1).waitFor();
    }],
    "for-you-empty": ["empty", async (page) => {
        await page.goto("/for-you");
        await note(page);
    }],
    "for-you-failed": ["many", async (page) => {
        await page.route("**/v1/session/recommend", (route) => route.abort());
        await page.goto("/for-you");
        await note(page);
    }],
    "product-many": ["many", async (page) => {
        await goProduct(page, "dress-001-green");
        await tiles(page, ".found").first().click();
        await page.locator(".trail a").nth(1).waitFor();
        await settled(page);
    }],
    "product-liked": ["many", (page) => goProduct(page, "dress-001-green", "?like=dress-001-blue&alike=5")],
    "product-long": ["many", (page) => goProduct(page, "Long0")],
    "product-rtl": ["many", (page) => goProduct(page, "RTL0")],
    "product-one": ["one", async (page) => {
        await goShop(page);
        await tiles(page).first().click();
        await note(page);
    }],
    "product-loading": ["many", async (page) => {
        await held("**/v1/products/**")(page);
        await page.goto("/p/dress-001-green");
        await page.locator(".dials").waitFor();
    }],
    "product-failed": ["many", async (page) => {
        await page.route("**/similar*", (route) => route.fulfill({ status: 500, json: { code: "internal", detail: "the disk is full" } }));
        await page.goto("/p/dress-001-green");
        await note(page);
    }],
    "product-none": ["many", async (page) => {
        await page.goto("/p/nobody-sells-this");
        await note(page);
    }],
    why: ["many", async (page) => {
        await goProduct(page, "dress-001-green");
        await page.locator(".under button").first().click();
        await page.locator("dialog.why[open]").waitFor();
    }],
    keys: ["many", async (page) => {
        await goShop(page);
        await page.keyboard.press("?");
        await page.locator("dialog[open]").waitFor();
    }],
    photo: ["many", async (page) => {
        await goShop(page);
        await page.setInputFiles("input[type=file]", shops.many.photoFiles()[0]);
        await settled(page);
        await page.locator(".box").press("Shift+ArrowLeft");
        await page.locator(".box").press("Shift+ArrowUp");
        await page.locator(".query > button").waitFor();
        await settled(page);
    }],
    "photo-unreadable": ["many", async (page) => {
        await goShop(page);
        await page.setInputFiles("input[type=file]", { name: "list.jpg", mimeType: "image/jpeg", buffer: Buffer.from("id,title\n") });
        await note(page);
    }],
    catalogue: ["many", async (page) => {
        await page.goto("/catalogue");
        await page.locator(".rows li").first().waitFor();
    }],
    "catalogue-never-shown": ["many", async (page) => {
        await page.goto("/catalogue?flag=never-shown");
        await page.locator(".rows li").first().waitFor();
    }],
    scenarios: ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios");
        await page.locator(".rows li").first().waitFor();
    }],
    "scenarios-none": ["one", async (page) => {
        await page.goto("/catalogue?at=scenarios");
        await note(page);
    }],
    scenario: ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home&who=clicked&clicked=dress-001-green");
        await page.locator(".placed li").first().waitFor();
    }],
    "scenario-rules": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home");
        await page.locator(".placed li").first().waitFor();
        await page.locator(".picked li").nth(1).waitFor();
        await page.locator(".rule").first().scrollIntoViewIfNeeded();
        await page.locator(".rule").first().evaluate((rule) => rule.scrollIntoView());
    }],
    "scenario-preview": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=other&who=clicked&clicked=dress-001-green");
        await page.locator(".placed li").first().waitFor();
        await page.locator(".values button", { hasText: /Share|割合/ }).click();
        await page.locator(".rule textarea").fill("category = 'Lamp'");
        await page.locator(".fresh").first().waitFor();
        await page.locator(".tried").evaluate((preview) => preview.scrollIntoView());
    }],
    "scenario-wrong": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=other");
        await page.locator("textarea").first().fill("nosuch = 1");
        await page.locator(".field .error").waitFor();
        await page.locator(".field .error").evaluate((error) => error.scrollIntoView({ block: "center" }));
    }],
    "scenario-conflict": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home");
        await page.locator("textarea").first().fill("price > 2");
        await page.route("**/v1/scenarios/home?if_version=*", (route) => route.fulfill({ status: 412, json: { code: "condition", detail: "another version" } }));
        await page.locator("button[type=submit]").last().click();
        await page.locator("div.conflict").waitFor();
        await page.locator("div.conflict").evaluate((told) => told.scrollIntoView());
    }],
    "scenario-version": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home&version=1");
        await page.locator(".placed li").first().waitFor();
    }],
    "scenario-versions": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home");
        await page.locator(".placed li").first().waitFor();
        await page.locator(".versions").evaluate((versions) => versions.scrollIntoView({ block: "center" }));
    }],
    report: ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home&show=report");
        await page.locator(".charts canvas").first().waitFor();
    }],
    "report-arms": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=home&show=report");
        await page.locator(".charts canvas").first().waitFor();
        await page.locator("summary").click();
        await page.locator(".by-arm").evaluate((table) => table.scrollIntoView({ block: "center" }));
    }],
    "report-none": ["many", async (page) => {
        await page.goto("/catalogue?at=scenarios&scenario=nowhere&show=report");
        await note(page);
    }],
    "sign-in": ["many", async (page) => {
        await page.route("**/v1/session", (route) => route.fulfill({ json: { access: "none", signed_in: false } }));
        await page.goto("/");
        await page.locator("#key").waitFor();
    }],
};

// All photos that are in the window are there, or it is known that they cannot be.
const drawn = (page) => page.evaluate(() => [...document.images].every((img) => {
    const { top, left, bottom } = img.getBoundingClientRect();
    return img.complete || bottom < 0 || top > innerHeight || left > innerWidth;
}));

for (const [s, [name, [shop, go]]] of Object.entries(states).entries()) {
    test(name, async () => {
        await Promise.all(WIDTHS.map(async (width, i) => {
            const dark = (s + i) % 2 === 1, language = ((s >> 1) + i) % 2 === 1 ? "ja" : "en";
            const page = await openPage(browser, shops[shop], { width, height: width === 360 ? 740 : 900, dark, language });
            await go(page);
            if (name !== "shop-photos-loading") {
                await until("the photos", () => drawn(page));
            }
            await assertFits(page, `${name} at ${width} px`);
            await page.screenshot({ path: join(FOLDER, `${name}-${width}-${dark ? "dark" : "light"}-${language}.png`) });
            assert.deepEqual(page.faults, []);
            await page.context().close();
        }));
    });
}
