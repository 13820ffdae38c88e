// SPDX-License-Identifier: Apache-2.0
// What an engineer does: looks at the state, adds a network, compares two, judges without knowing, finds the way on the
// map.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { assertFits, onPage, openBrowser, openShop, until, violations } from "./support.mjs";

// Nothing is fetched: pip finds no index, and the cache is empty.
Object.assign(process.env, { PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_RETRIES: "0", XDG_CACHE_HOME: mkdtempSync(join(tmpdir(), "niteru-cache-")) });
after(() => rmSync(process.env.XDG_CACHE_HOME, { recursive: true }));
const NETWORK = join(process.env.NITERU_MODELS, "niteru-base.onnx");
const shop = await openShop(), browser = await openBrowser();

async function go(page, at, wait, query = "") {
    await page.goto(`/engine?at=${at}${query}`);
    await page.locator(wait).first().waitFor();
}

test("the state", onPage(browser, shop, {}, async (page) => {
    for (let i = 0; i < 5; i++) {
        await shop.ask("GET", "/v1/products/dress-001-green/similar");
    }
    await go(page, "", ".facts-list");
    const counts = page.getByRole("figure").first();
    await counts.getByText("As a table").click();
    assert.equal(await counts.locator("tbody tr").first().locator("td").count(), 5);
    assert.match(await page.locator(".table").last().textContent(), /vectors of niteru-base/);
    assert.match(await page.locator("main").textContent(), /There was none since the start/);
}));

test("a network is added, measured and shown", onPage(browser, shop, {}, async (page) => {
    await go(page, "models", ".rows li");
    const form = page.locator("form.add");
    await form.locator("input[type=file]").setInputFiles(NETWORK);
    await form.getByLabel("Name").fill("likewise");
    await form.getByRole("button", { name: "Add" }).click();
    await page.getByRole("alert").getByText("Name a preset").waitFor(); // the network does not tell
    await form.getByRole("combobox").selectOption("squash-01");
    await form.getByRole("button", { name: "Add" }).click();
    await form.getByText("likewise was added").waitFor();
    const row = page.locator(".rows li", { hasText: "likewise" });
    await row.getByRole("button", { name: "Measure" }).click();
    await row.getByText("ms for a photo").waitFor();
    await row.getByRole("button", { name: "Card" }).click();
    await row.locator("dl").getByText("parameters").waitFor();
    await page.goto("/engine?at=compare");
    await page.getByText("There is one model with vectors only").waitFor();
}));

test("a model is made ready beside the other, compared, used, and left again", onPage(browser, shop, {}, async (page) => {
    await go(page, "models", ".rows li");
    const row = (model) => page.locator(".rows li", { has: page.locator(".title", { hasText: model }) }).first();
    await row("likewise").getByRole("button", { name: "Prepare to use" }).click();
    await page.getByRole("heading", { name: "likewise is ready" }).waitFor();
    const table = page.getByRole("region", { name: "Comparison" }).getByRole("table");
    assert.equal(await table.locator("tbody tr").count(), 2);
    assert.match(await table.textContent(), /niteru-base.*%.*likewise.*%/);
    assert.match(await row("niteru-base").textContent(), /default/); // nothing is changed yet
    assert.ok((await page.locator(".differ a").count()) > 0);
    const product = new URL(await page.locator(".differ a").first().evaluate((link) => link.href)).searchParams.get("product");
    await page.locator(".differ a").first().click();
    await until("both answer", async () => (await page.locator(".five .tile").count()) === 10);
    assert.equal(new URL(page.url()).searchParams.get("product"), product);
    await page.goBack();
    await page.getByRole("button", { name: "Use likewise from now on" }).click();
    await until("it is used", async () => /default/.test(await row("likewise").textContent()));
    assert.equal((await shop.ask("GET", "/v1/products/dress-001-green/similar")).model, "likewise");
    await page.getByRole("button", { name: "Back to niteru-base" }).click();
    await until("the old one is used", async () => /default/.test(await row("niteru-base").textContent()));
    assert.equal((await shop.ask("GET", "/v1/products/dress-001-green/similar")).model, "niteru-base");
}));

test("networks by name, with licence and size; one that cannot be had says what to do", onPage(browser, shop, {}, async (page) => {
    await go(page, "models", ".rows li");
    const section = page.getByRole("region", { name: "Networks by name" });
    const lite = section.locator("li", { has: page.locator(".title", { hasText: "efficientnet-lite2" }) });
    assert.match(await lite.textContent(), /Apache-2\.0 · 23 MB/);
    await section.getByRole("button", { name: "Add efficientnet-lite0" }).click();
    await section.locator("li", { hasText: "efficientnet-lite0" }).getByText("SHA-256").waitFor();
    assert.equal(await section.getByText("added", { exact: true }).count(), 0);
}));

test("two models on one product", onPage(browser, shop, {}, async (page) => {
    await go(page, "compare", ".five .tile", "&product=dress-001-green");
    await until("both answer", async () => (await page.locator(".five .tile").count()) === 10);
    const rows = await page.locator(".five ul").evaluateAll((lists) => lists.map((list) => [...list.querySelectorAll("a")].map((a) => a.pathname)));
    const shared = rows[0].filter((path) => rows[1].includes(path)).length;
    assert.match(await page.locator(".five [role=status]").textContent(), new RegExp(`^${shared} of 5`));
    assert.match(page.url(), /product=dress-001-green/);
    await page.getByRole("button", { name: "Another" }).click();
    await until("another one is compared", async () => !page.url().includes("product=dress-001-green") && (await page.locator(".five .tile").count()) === 10);
}));

test("judging without knowing", onPage(browser, shop, {}, async (page) => {
    await go(page, "judge", ".five .tile");
    assert.doesNotMatch(await page.locator(".beside").textContent(), /niteru-base|likewise/); // whose row is whose
    const title = await page.locator(".beside h2").first().textContent();
    await page.getByRole("button", { name: "The first is better" }).click();
    await page.getByText("1 judged").waitFor();
    await until("the next comes", async () => (await page.locator(".five .tile").count()) > 0);
    await page.getByRole("button", { name: "Neither is better" }).click();
    await page.getByText("2 judged").waitFor();
    const { pairs } = await shop.ask("GET", "/v1/judgements");
    assert.equal(pairs.length, 1);
    assert.deepEqual([pairs[0].a, pairs[0].b, pairs[0].a_better + pairs[0].b_better, pairs[0].neither], ["likewise", "niteru-base", 1, 1]);
    assert.match(await page.locator("table").textContent(), /100% \(21% – 100%\)|0% \(0% – 79%\)/);
    assert.ok(title !== "");
}));

test("the map, by mouse and by keys", onPage(browser, shop, {}, async (page) => {
    await go(page, "map", ".legend");
    const { products } = await shop.ask("GET", "/v1/map?field=category");
    assert.match(await page.locator("main").textContent(), new RegExp(`${products.length} products`));
    const canvas = page.locator("canvas");
    const painted = async () => (await canvas.screenshot()).toString("base64");
    const all = await painted();
    await page.locator(".legend").first().click(); // one category less
    await until("some are hidden", async () => (await painted()) !== all);
    await page.locator(".legend").first().click();
    await until("they are back", async () => (await painted()) === all);
    await canvas.focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".map-tile img").waitFor();
    const first = await page.locator(".map-tile").textContent();
    await page.keyboard.press("ArrowUp");
    await until("another is shown", async () => (await page.locator(".map-tile").textContent()) !== first);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/p\//);
    await page.goBack();
    await until("the map is back", async () => (await page.locator(".legend").count()) > 0 && (await painted()) === all);
    // The mouse finds the same point where it is drawn.
    const at = await page.evaluate(async () => {
        const map = await (await fetch("/v1/map?field=category")).json(), box = document.querySelector("canvas").getBoundingClientRect();
        const scale = (Math.min(box.width, box.height) / 2 - 8) / 10000;
        return { x: box.left + box.width / 2 + map.x[0] * scale, y: box.top + box.height / 2 - map.y[0] * scale, product: map.products[0] };
    });
    await page.mouse.click(at.x, at.y);
    await page.waitForURL(/\/p\//);
}));

test("a model is removed with a second press", onPage(browser, shop, {}, async (page) => {
    await go(page, "models", ".rows li");
    const row = page.locator(".rows li", { hasText: "likewise" });
    await row.getByRole("button", { name: "Remove", exact: true }).click();
    await row.getByRole("button", { name: "Remove it with its vectors" }).waitFor();
    await page.getByRole("heading", { name: "Add a network" }).click(); // thought better of it
    await row.getByRole("button", { name: "Remove", exact: true }).click();
    await row.getByRole("button", { name: "Remove it with its vectors" }).click();
    await until("it is gone", async () => (await row.count()) === 0);
}));

for (const [dark, language, width] of [[false, "ja", 360], [true, "en", 1440]]) {
    test(`axe and width: ${dark ? "dark" : "light"}, ${language}, ${width}`, onPage(browser, shop, { dark, language, width, bypassCSP: true }, async (page) => {
        for (const [at, wait] of [["", ".facts-list"], ["models", ".rows li"], ["compare", ".note"], ["judge", ".note"], ["map", ".legend"]]) {
            await go(page, at, wait);
            assert.deepEqual(await violations(page), [], at);
            await assertFits(page, at);
        }
    }));
}
