// SPDX-License-Identifier: Apache-2.0
// A shopper at the page: looks around, narrows, opens a product, follows what is alike, and searches with a photo.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { goProduct, gridSize, goShop, onPage, openBrowser, openShop, settled, tiles, titles, until } from "./support.mjs";

const ONE = "dress-001-green";
const shop = await openShop(), browser = await openBrowser();
const on = (body) => onPage(browser, shop, {}, body);
const query = (page) => new URL(page.url()).searchParams;

test("the grid shows the products with their photos and how many there are", on(async (page) => {
    await goShop(page);
    assert.equal(await gridSize(page), 60);
    await page.getByText("60 products").waitFor();
    const first = tiles(page).first().locator("img");
    await until("the first photo is there", () => first.evaluate((img) => img.complete && img.naturalWidth > 0));
    assert.match(await first.getAttribute("alt"), /\w, \w/);
    assert.match(await tiles(page).first().locator(".price").textContent(), /\$\d/);
}));

test("the grid goes on below when the end comes near", on(async (page) => {
    const more = Array.from({ length: 40 }, (_, i) => ({ product: `zz${i}`, metadata: { title: `Extra ${i}`, stock: 0 } }));
    await shop.put(more);
    await goShop(page);
    await page.getByText("100 products").waitFor();
    const seen = new Set();
    await until("all 100 came by", async () => {
        for (const href of await page.locator(".grid .tile").evaluateAll((all) => all.map((one) => one.href))) {
            seen.add(href);
        }
        await page.mouse.wheel(0, 300);
        return (await gridSize(page)) === 100 && seen.size === 100;
    });
    await shop.ask("POST", "/v1/products:remove", { products: more.map((one) => one.product) });
}));

test("who goes to the end at once gets all that is there", on(async (page) => {
    const more = Array.from({ length: 240 }, (_, i) => ({ product: `zz${i}`, metadata: { title: `Extra ${i}` } }));
    await shop.put(more);
    await goShop(page);
    await page.keyboard.press("End");
    await until("all 300", async () => {
        await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
        return (await gridSize(page)) === 300;
    });
    await shop.ask("POST", "/v1/products:remove", { products: more.map((one) => one.product) });
}));

test("words narrow the grid, stand in the address, and are there again on Back", on(async (page) => {
    await goShop(page);
    const [word] = (await titles(page))[0].toLowerCase().split(" ");
    await page.fill("#search", word);
    await until("only what matches", async () => (await titles(page)).every((title) => title.toLowerCase().includes(word)));
    assert.equal(query(page).get("q"), word);
    await tiles(page).first().click();
    await settled(page);
    await page.goBack();
    await until("the words", async () => (await page.inputValue("#search")) === word);
    await page.fill("#search", "nothing-has-this-name");
    await page.getByText("No product matches.").waitFor();
}));

test("facets narrow the grid, and what is chosen can be taken back", on(async (page) => {
    await goShop(page);
    await page.locator(".facets summary", { hasText: "category" }).click();
    const chip = page.locator(".facets details[open] .chip").first();
    const [, value, count] = (await chip.innerText()).match(/^(.*?)\s+(\d+)$/s);
    await chip.click();
    await until("only the chosen", async () => (await gridSize(page)) === Number(count));
    assert.deepEqual(query(page).getAll("f"), [`category:${JSON.stringify(value)}`]);
    assert.equal(await chip.getAttribute("aria-pressed"), "true");
    for (const alt of await page.locator(".tile img").evaluateAll((all) => all.map((img) => img.alt))) {
        assert.ok(alt.endsWith(`, ${value}`), alt);
    }
    await page.goto(`/?f=${encodeURIComponent('category:"None of these"')}`);
    await page.getByText("60 would without the filters").waitFor();
    await page.getByRole("link", { name: "Remove the filters" }).click();
    await until("all are back", async () => (await gridSize(page)) === 60);
}));

test("a product has five alike beside it, a trail behind it, and a way back", on(async (page) => {
    await goShop(page);
    const start = (await titles(page))[3];
    await tiles(page).nth(3).click();
    await settled(page);
    assert.equal(await tiles(page, ".found").count(), 5);
    await until("its title", async () => (await page.locator("h1").textContent()) === start); // which comes apart from what is alike
    const second = (await titles(page, ".found"))[0];
    assert.equal(await page.title(), `${start} - niteru`);
    await tiles(page, ".found").first().click();
    await until("the next product", async () => (await page.locator("h1").textContent()) === second);
    await settled(page);
    assert.equal(await page.locator(".trail a").count(), 2);
    assert.equal(await page.locator('.trail [aria-current="page"]').count(), 1);
    await page.locator(".trail a").first().click();
    await until("the first product again", async () => (await page.locator("h1").textContent()) === start);
    await page.goBack();
    await until("back", async () => (await page.locator("h1").textContent()) === second);
}));

test("the dial filters at once and stands in the address", on(async (page) => {
    await goProduct(page, ONE);
    const scores = async () => (await page.locator(".found .score, .rails .score").allTextContents()).map(parseFloat);
    const all = await scores(), middle = all[2];
    assert.ok(middle > all.at(-1));
    await page.locator("input[type=range]").fill(String(middle));
    await until("only what is so alike", async () => (await scores()).every((score) => score >= middle));
    assert.ok((await scores()).length < all.length);
    assert.equal(query(page).get("alike"), String(middle));
    await page.locator("input[type=range]").fill("0");
    await until("all again", async () => (await scores()).length === all.length);
    await page.locator("input[type=number]").fill("0.01");
    await page.getByText("Nothing is this alike.").waitFor();
}));

test("the dials stand right under the product, however much is found", onPage(browser, shop, { width: 768 }, async (page) => {
    await goProduct(page, ONE);
    const [product, dials] = await Promise.all([".query", ".dials"].map((part) => page.locator(part).boundingBox()));
    assert.ok(dials.y >= product.y + product.height && dials.y < product.y + product.height + 100);
}));

test("why opens both photos with a score in words", on(async (page) => {
    await goProduct(page, ONE);
    const score = await page.locator(".found .score").first().textContent();
    await page.locator(".under button").first().click();
    const dialog = page.locator("dialog.why[open]");
    await dialog.waitFor();
    assert.equal(await dialog.locator("img").count(), 2);
    const [number, word] = [parseFloat(score), score.replace(/^\d+\s*/, "")];
    assert.ok((await dialog.textContent()).includes(`Score ${number} of 100: ${word}.`));
    await dialog.getByRole("button", { name: "Close" }).click();
    await dialog.waitFor({ state: "hidden" });
}));

test("more and less like this change the answer until the start is asked for", on(async (page) => {
    await goProduct(page, ONE);
    const before = await titles(page, ".found");
    const last = page.locator(".found li").nth(4);
    await last.getByRole("button", { name: "Less like this" }).click();
    await until("another answer", async () => (await titles(page, ".found")).join() !== before.join());
    assert.equal(query(page).getAll("less").length, 1);
    await settled(page);
    await page.locator(".found li").first().getByRole("button", { name: "More like this" }).click();
    await until("it is in the address", () => query(page).getAll("like").length === 1);
    await page.getByRole("button", { name: "Start over" }).click();
    await until("the first answer", async () => (await titles(page, ".found")).join() === before.join());
}));

// Each way to give a photo, and what a browser does on it.
const photo = () => readFileSync(shop.photoFiles()[7]).toString("base64");
const give = (kind) => (page) => page.evaluate(([kind, base64]) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], "own.jpg", { type: "image/jpeg" }));
    const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}, [kind, photo()]);
const ways = {
    file: (page) => page.setInputFiles("input[type=file]", shop.photoFiles()[7]),
    drop: give("drop"),
    paste: give("paste"),
};
for (const [way, act] of Object.entries(ways)) {
    test(`search by photo: ${way}`, on(async (page) => {
        await goShop(page);
        await act(page);
        await settled(page);
        assert.match(page.url(), /\/photo/);
        assert.match(await page.locator(".found .score").first().textContent(), /^(100|9\d) nearly the same/);
    }));
}

test("the box on a photo moves by keyboard, and the answer with it", on(async (page) => {
    await goShop(page);
    await ways.file(page);
    await settled(page);
    const place = () => page.locator(".box").evaluate((box) => [box.style.left, box.style.top, box.style.width, box.style.height]);
    assert.deepEqual(await place(), ["0%", "0%", "100%", "100%"]);
    const asked = [];
    page.on("request", (request) => request.url().includes("/v1/search/image") && asked.push(request.postDataJSON?.()?.box));
    const corner = await page.evaluate(() => {
        const { left, top } = document.querySelector(".box-frame").getBoundingClientRect();
        return document.elementFromPoint(left - 4, top - 4)?.className;
    });
    assert.equal(corner, "handle nw", "a handle at the photo's edge can be taken outside of it too");
    await page.locator(".box").focus();
    for (const key of ["Shift+ArrowLeft", "Shift+ArrowUp", "ArrowRight"]) {
        await page.keyboard.press(key);
    }
    await until("the box has moved", async () => (await place()).join() === "2%,0%,98%,98%");
    await until("the server was asked for the box", () => asked.at(-1)?.width === 0.98 && asked.at(-1)?.x === 0.02);
    await settled(page);
    await page.getByRole("button", { name: "Whole photo" }).click();
    await until("the whole again", async () => (await place()).join() === "0%,0%,100%,100%");
}));

test("a file that is no photo is told in words", on(async (page) => {
    await goShop(page);
    await page.setInputFiles("input[type=file]", { name: "list.jpg", mimeType: "image/jpeg", buffer: Buffer.from("id,title\n1,x\n") });
    await page.getByText("list.jpg: not a photo niteru can read").waitFor();
    await until("no box on what cannot be drawn", async () => (await page.locator(".box").count()) === 0);
}));

test("the language changes everywhere and stays in the address", on(async (page) => {
    await goShop(page);
    await page.getByRole("button", { name: "日本語" }).click();
    await until("the language of the page", async () => (await page.locator("html").getAttribute("lang")) === "ja");
    assert.equal(query(page).get("lang"), "ja");
    await tiles(page).first().click();
    await settled(page);
    await page.getByRole("heading", { name: "見た目が似ている商品" }).first().waitFor();
    assert.equal(query(page).get("lang"), "ja");
}));
