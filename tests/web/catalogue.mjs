// SPDX-License-Identifier: Apache-2.0
// The merchandiser's view, from an empty catalogue on: files in, what is the matter with products, editing and taking
// back, two people at once, and a server that goes away in the middle.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { assertFits, onPage, openBrowser, openPage, Shop, until, violations } from "./support.mjs";

const SHOTS = process.env.NITERU_SCREENSHOTS, COUNT = 24;
const shop = new Shop(COUNT), browser = await openBrowser();
after(() => shop.close());
shop.env.NITERU_CATALOGUE = join(shop.folder, "new.niteru"); // the drawn pictures lie beside it, and are not in it
await shop.start();
if (SHOTS) {
    mkdirSync(SHOTS, { recursive: true });
}

const photos = shop.photoFiles(), list = join(shop.folder, "photos/catalog.csv");
const lines = readFileSync(list, "utf8").trim().split("\n");
const rows = (page) => page.locator(".rows > li");
const row = (page, id) => rows(page).filter({ has: page.locator(".grow > span", { hasText: new RegExp(`^${id}( ·|$)`) }) });
const editor = (page) => page.locator("dialog.editor[open]");
const field = (page, name) => editor(page).locator(".field").filter({ has: page.getByText(name, { exact: true }) }).locator("input, textarea, select");
const button = (page, name) => editor(page).getByRole("button", { name, exact: true });
const jobs = (page) => page.locator(".jobs > li");
const chip = (page, name) => page.getByRole("button", { name: new RegExp(`^${name}`) });
const toast = (page, text) => page.locator(".toast", { hasText: text });
const product = (id) => shop.ask("GET", `/v1/products/${encodeURIComponent(id)}`);
const patch = (id, metadata) => shop.ask("PATCH", `/v1/products/${encodeURIComponent(id)}`, { metadata });
const textFile = (name, text, mimeType = "text/csv") => ({ name, mimeType, buffer: Buffer.from(text) });
const shot = (page, name) => (SHOTS ? page.screenshot({ path: join(SHOTS, `catalogue-${name}.png`) }) : undefined);
const on = (options, body) => onPage(browser, shop, options, body);

async function goCatalogue(page, query = "") {
    await page.goto("/catalogue" + query);
    await page.locator(".rows > li, .note").first().waitFor();
}

async function open(page, id) {
    await row(page, id).getByRole("button", { name: /^Edit/ }).click();
    await button(page, "Add a photo").waitFor();
}

const take = (page, files) => page.setInputFiles("input[type=file][accept*=csv]", files);
const finished = (page, name) => jobs(page).filter({ hasText: name }).filter({ hasText: /: (done|failed)/ }).first().waitFor();

async function drop(page, files) {
    const given = files.map((path) => ({ name: path.split("/").pop(), data: readFileSync(path).toString("base64") }));
    const data = await page.evaluateHandle((all) => {
        const transfer = new DataTransfer();
        for (const { name, data } of all) {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], name, { type: name.endsWith(".jpg") ? "image/jpeg" : "" }));
        }
        return transfer;
    }, given);
    await page.dispatchEvent(".import", "drop", { dataTransfer: data });
}

test("an empty catalogue says how to begin; a list dropped with its photos fills it", on({}, async (page) => {
    await goCatalogue(page);
    await page.getByText("There is no product yet. Add photos, or a list with its photos.").waitFor();
    await shot(page, "empty");
    await take(page, textFile("notes.md", "nothing", "text/markdown"));
    await page.getByText("There is neither a photo nor a list among these files.").waitFor();
    await drop(page, [list, ...photos]);
    await finished(page, "catalog.csv");
    await until("all products, without a reload", async () => (await rows(page).count()) === COUNT);
    assert.match(await jobs(page).first().textContent(), /24 products, 24 new, 0 with errors/);
    await until("the count", async () => (await chip(page, "All").textContent()).includes("24"));
    assert.equal(await page.getByText("There is neither").count(), 0);
    await jobs(page).first().getByRole("button", { name: "Clear" }).click();
    await until("no import is listed", async () => (await jobs(page).count()) === 0);
}));

test("photos that are missing or broken: told by product, and kept as a CSV", on({}, async (page) => {
    await goCatalogue(page);
    const given = textFile("faulty.csv", "id,image,title\n=gone,gone.jpg,Gone\nbroken,broken.jpg,Broken\nfine,fine.jpg,Fine\n");
    await take(page, [given, { ...textFile("broken.jpg", "\xff\xd8 no photo"), mimeType: "image/jpeg" },
        { name: "fine.jpg", mimeType: "image/jpeg", buffer: readFileSync(photos[0]) }]);
    await finished(page, "faulty.csv");
    const job = jobs(page).filter({ hasText: "faulty.csv" });
    await job.getByRole("button", { name: "Errors" }).click();
    await until("both", async () => (await job.locator(".errors li").count()) === 2);
    const told = (await job.locator(".errors li").allTextContents()).join("\n");
    assert.match(told, /line 2.*=gone.*gone\.jpg/);
    assert.match(told, /line 3.*broken.*broken\.jpg/);
    await shot(page, "errors");
    const [download] = await Promise.all([page.waitForEvent("download"), job.getByRole("button", { name: "Download as CSV" }).click()]);
    assert.match(download.suggestedFilename(), /^errors-.*\.csv$/);
    const kept = readFileSync(await download.path(), "utf8").split("\r\n");
    assert.equal(kept[0], "\ufeffline,product,code,detail");
    assert.equal(kept.length, 3);
    assert.ok(kept[1].startsWith(`"2","'=gone","`), "no formula for a spreadsheet");
    for (const [name, id] of [["Unreadable photo", "broken"], ["Same photo twice", "fine"]]) {
        await chip(page, name).click();
        await row(page, id).waitFor();
    }
}));

test("photos without a list, and a folder", on({}, async (page) => {
    await goCatalogue(page);
    await take(page, [photos[1], photos[2]].map((path, i) => ({ name: `plain ${i}, "x".jpg`, mimeType: "image/jpeg", buffer: readFileSync(path) })));
    await finished(page, "photos.csv");
    assert.equal((await product('plain 0, "x"')).photos.length, 1);
    const folder = join(shop.folder, "drawer");
    mkdirSync(folder);
    cpSync(photos[3], join(folder, "in-a-folder.jpg"));
    writeFileSync(join(folder, "list.csv"), "id,image\nof-a-folder,in-a-folder.jpg\n");
    await page.setInputFiles("input[webkitdirectory]", folder);
    await finished(page, "list.csv");
    assert.equal((await product("of-a-folder")).photos.length, 1);
}));

test("what is without a photo is counted and listed", on({}, async (page) => {
    await shop.put([{ product: "bare", metadata: { title: "Bare" } }]);
    await goCatalogue(page);
    await chip(page, "No photo").click();
    await row(page, "bare").waitFor();
    await until("only those are listed", async () => await rows(page).count() === Number((await chip(page, "No photo").textContent()).match(/\d+/)[0]));
}));

const EVIL = '<img src=x onerror="globalThis.ran=1">', RTL = "فستان صيفي طويل";

test("every kind of field is edited, shown where it stood, and taken back", on({}, async (page) => {
    await shop.put([{ product: "edited", metadata: { title: "T", price: 5, available: true, tags: ["a", "b"], gone: "x", [EVIL]: "y" } }]);
    await goCatalogue(page);
    const place = (await rows(page).allTextContents()).findIndex((text) => text.includes("edited"));
    const before = (await product("edited")).metadata;
    await open(page, "edited");
    await field(page, "price").fill("much");
    await button(page, "Save").click();
    assert.ok(await field(page, "price").evaluate((input) => input.matches(":invalid")));
    await field(page, "price").fill(" 12.5 ");
    await field(page, "available").selectOption("false");
    await field(page, "tags").fill("a; c ;");
    await field(page, "gone").fill("");
    await field(page, EVIL).fill(EVIL);
    await editor(page).getByRole("textbox", { name: "New field" }).fill("fresh");
    await page.keyboard.press("Enter");
    await page.keyboard.type("new ".repeat(20)); // beyond what one line shows, and still the same field
    await field(page, "title").fill(RTL + "x".repeat(3985));
    await shot(page, "editor");
    await button(page, "Save").click();
    await editor(page).waitFor({ state: "detached" });
    const now = (await product("edited")).metadata;
    assert.deepEqual([now.price, now.available, now.tags, now.gone, now[EVIL], now.fresh, now.title.length],
        [12.5, false, ["a", "c"], undefined, EVIL, "new ".repeat(20), 4000]);
    await until("shown", async () => (await rows(page).nth(place).textContent()).includes(RTL));
    assert.equal(await page.evaluate(() => globalThis.ran), undefined);
    await assertFits(page, "a long title");
    await toast(page, "Saved.").getByRole("button", { name: "Undo" }).click();
    await toast(page, "Taken back.").waitFor();
    assert.deepEqual((await product("edited")).metadata, before);
}));

test("photos are added and removed; several products are deleted and come back with theirs", on({}, async (page) => {
    await goCatalogue(page);
    await open(page, "edited");
    await field(page, "title").fill("Kept while photos change");
    for (const [i, path] of photos.slice(4, 6).entries()) {
        await editor(page).locator("input[type=file]").setInputFiles(path);
        await until("it is there", async () => (await product("edited")).photos.length === i + 1);
        await until("it is shown", async () => (await button(page, "Remove").count()) === i + 1);
    }
    await button(page, "Remove").first().click();
    await until("one is left", async () => (await button(page, "Remove").count()) === 1);
    await button(page, "Save").click();
    await rows(page).getByText("Kept while photos change").waitFor();
    const ids = ["edited", "dress-001-blue"], before = await Promise.all(ids.map(product));
    for (const id of ids) {
        await row(page, id).getByRole("checkbox").check();
    }
    await page.getByText("2 chosen").waitFor();
    await page.locator(".chosen").getByRole("button", { name: "Delete" }).click();
    await toast(page, "2 deleted.").waitFor();
    await until("their rows are gone", async () => (await row(page, "edited").count()) + (await row(page, "dress-001-blue").count()) === 0);
    await page.locator(".toast").getByRole("button", { name: "Undo" }).click();
    await toast(page, "Taken back.").waitFor();
    assert.deepEqual(await Promise.all(ids.map(product)), before);
    await row(page, "edited").waitFor();
}));

test("two people: nothing is overwritten without a word", on({}, async (page) => {
    const other = await openPage(browser, shop);
    for (const one of [page, other]) {
        await goCatalogue(one);
        await open(one, "dress-001-green");
    }
    await field(other, "title").fill("Theirs");
    await button(other, "Save").click();
    await editor(other).waitFor({ state: "detached" });
    await field(page, "title").fill("Mine");
    await editor(page).locator("input[type=file]").setInputFiles(photos[7]); // a photo does not pass over it, either
    await editor(page).getByText("Somebody else has changed this product").waitFor();
    await editor(page).locator(".conflict").getByText("title: Theirs").waitFor();
    assert.equal((await product("dress-001-green")).photos.length, 1);
    await shot(page, "conflict");
    await button(page, "Take theirs").click();
    assert.equal(await field(page, "title").inputValue(), "Theirs");
    await patch("dress-001-green", { title: "Theirs again" });
    await field(page, "title").fill("Mine");
    await button(page, "Save").click();
    await button(page, "Save mine over it").click();
    await editor(page).waitFor({ state: "detached" });
    assert.equal((await product("dress-001-green")).metadata.title, "Mine");
    await patch("dress-001-green", { title: "Theirs once more" });
    await toast(page, "Saved.").getByRole("button", { name: "Undo" }).click();
    await toast(page, "1 could not be taken back").waitFor();
    assert.equal((await product("dress-001-green")).metadata.title, "Theirs once more");
    await other.context().close();
}));

test("the server goes in the middle of sending and of a save: both go on", on({}, async (page) => {
    await goCatalogue(page);
    let sent = 0, held;
    await page.route("**/v1/jobs/*/photos/*", async (route) => {
        if (++sent === 3) {
            await (held = shop.stop());
        }
        await held;
        await route.continue();
    });
    await take(page, photos.slice(0, 8).map((path, i) => ({ name: `again-${i}.jpg`, mimeType: "image/jpeg", buffer: readFileSync(path) })));
    await page.getByText("The server does not answer. This goes on by itself when it does.").waitFor();
    await shot(page, "away");
    await page.unroute("**/v1/jobs/*/photos/*");
    await shop.start();
    await finished(page, "photos.csv");
    await until("all of it", async () => (await shop.ask("GET", "/v1/products?limit=1000")).products.filter((one) => one.product.startsWith("again-")).length === 8);
    for (let i = 0; i < 8; i++) {
        assert.equal((await product(`again-${i}`)).photos[0].error, undefined);
    }
    await open(page, "again-3");
    await editor(page).getByRole("textbox", { name: "New field" }).fill("title");
    await page.keyboard.press("Enter");
    await page.keyboard.type("Not lost");
    await shop.stop();
    await button(page, "Save").click();
    await editor(page).getByText("The server does not answer. Try again in a moment.").waitFor();
    await shop.start();
    await button(page, "Save").click();
    await rows(page).getByText("Not lost").waitFor();
    assert.equal((await product("again-3")).metadata.title, "Not lost");
}));

test("sending is cancelled, and a running import is stopped", on({}, async (page) => {
    await goCatalogue(page);
    await page.route("**/v1/jobs/*/photos/*", () => {});
    await take(page, photos.slice(0, 2));
    await page.getByText("Sending 0 of 2 photos").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await until("nothing is sent", async () => (await page.getByText(/^Sending/).count()) === 0);
    await page.unroute("**/v1/jobs/*/photos/*");
    await until("nothing waits for files", async () => (await shop.ask("GET", "/v1/jobs")).jobs.every((job) => job.state !== "waiting"));
    // A job that is long enough to be stopped: many rows without photos.
    await take(page, textFile("long.csv", "id,title\n" + Array.from({ length: 100_000 }, (_, i) => `zz-${i},Row ${i}`).join("\n")));
    await jobs(page).filter({ hasText: "long.csv" }).getByRole("button", { name: "Stop" }).click();
    const job = jobs(page).filter({ hasText: "long.csv" }).filter({ hasText: /: failed/ });
    await job.waitFor();
    await shot(page, "stopped");
    await job.getByRole("button", { name: "Clear" }).click();
    await job.waitFor({ state: "detached" });
}));

test("without a mouse: the editor keeps the focus, Escape closes it and gives it back", on({}, async (page) => {
    await goCatalogue(page);
    const opener = row(page, "dress-001-blue").getByRole("button", { name: /^Edit/ });
    await opener.focus();
    await page.keyboard.press("Enter");
    await button(page, "Add a photo").waitFor();
    for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog[open]") !== null));
    }
    await page.keyboard.press("Escape");
    await editor(page).waitFor({ state: "detached" });
    assert.ok(await opener.evaluate((element) => element === document.activeElement));
}));

for (const [dark, language, width] of [[false, "en", 1440], [true, "ja", 360], [true, "en", 360], [false, "ja", 1440]]) {
    test(`for everyone: ${dark ? "dark" : "light"}, ${language}, ${width}`, on({ dark, language, width, bypassCSP: true }, async (page) => {
        const name = `${width}-${dark ? "dark" : "light"}-${language}`;
        const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`field ${i}`, i % 3 === 0 ? "text ".repeat(i + 1) : i]));
        await shop.put([{ product: "0-wide", metadata: { title: "x".repeat(4000), ...many } }]);
        for (const path of (await product("0-wide")).photos.length > 0 ? [] : photos.slice(0, 20)) {
            await shop.putPhoto("0-wide", readFileSync(path));
        }
        await goCatalogue(page);
        await page.locator('.import:has(.jobs)').waitFor();
        await assertFits(page, name);
        await shot(page, name);
        assert.deepEqual(await violations(page), []);
        await rows(page).first().getByRole("button").click();
        await editor(page).locator(".field").nth(29).waitFor();
        await assertFits(page, `the editor, ${name}`);
        await shot(page, `editor-${name}`);
        assert.deepEqual(await violations(page), []);
    }));
}

test("a product whose category was changed is found, and the editor mends it", on({}, async (page) => {
    const more = join(shop.folder, "more");
    shop.run(process.env.NITERU_PICTURES, more, "--count", "120"); // enough for neighbours to agree
    shop.run(process.env.NITERU, "index", join(more, "catalog.csv"), "-q");
    const ids = readFileSync(join(more, "catalog.csv"), "utf8").trim().split("\n").slice(1).map((line) => line.split(",")[0]);
    let wrong, category;
    for (const id of ids) {
        const alike = (await shop.ask("GET", `/v1/products/${id}/similar?k=10`)).products.map((one) => one.metadata.category);
        category = (await product(id)).metadata.category;
        if (alike.filter((other) => other === category).length >= 9) {
            wrong = id;
            break;
        }
    }
    await patch(wrong, { category: "Kettles" });
    await goCatalogue(page);
    await chip(page, "Probably in the wrong").click();
    await row(page, wrong).getByText(new RegExp(`^Kettles: \\d+ % of its neighbours say ${category}$`)).waitFor();
    await page.getByText(/^Looked at all [\d,]+, found \d+$/).waitFor();
    await shot(page, "votes");
    await open(page, wrong);
    await field(page, "category").fill(category);
    await button(page, "Save").click();
    await until("mended, and where it stood", async () => (await row(page, wrong).count()) === 1 && (await row(page, wrong).locator(".warning").count()) === 0);
    assert.equal((await product(wrong)).metadata.category, category);
    await chip(page, "All").click();
    await chip(page, "Probably in the wrong").click();
    await page.getByText(/^Looked at all/).waitFor();
    assert.equal(await row(page, wrong).count(), 0);
}));

// The first page is on its way when the session comes, and is then asked for again.
test("a shop's own export is told from its header, with what could not be used", on({}, async (page) => {
    await goCatalogue(page);
    const shopify = "Handle,Title,Body (HTML),Vendor,Variant SKU,Variant Price,Image Src,Image Position\n" +
        "moved-mug,A mug,<p>Soft &amp; <b>warm</b></p>,Acme,S1,8.90,http://127.0.0.1:1/mug.jpg,1\nmoved-cup,A cup,,Acme,S2,4.50,,\n";
    await take(page, textFile("products_export.csv", shopify));
    await finished(page, "products_export.csv");
    const job = jobs(page).filter({ hasText: "products_export.csv" });
    await job.getByText("read as a Shopify export").waitFor();
    await job.getByRole("button", { name: "Errors" }).click();
    await job.locator(".errors li").first().waitFor();
    assert.match(await job.locator(".errors").textContent(), /moved-mug.*127\.0\.0\.1/); // a private address is not asked
    assert.equal((await product("moved-mug")).metadata.price, 8.9);
    const feed = `<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>fed-1</g:id><g:title>Lamp</g:title>` +
        `<g:price>12.00 EUR</g:price></item></channel></rss>`;
    await take(page, textFile("feed.xml", feed, "text/xml"));
    await finished(page, "feed.xml");
    await jobs(page).filter({ hasText: "feed.xml" }).getByText("read as a Google Merchant feed").waitFor();
    assert.equal((await product("fed-1")).metadata.currency, "EUR");
    await shot(page, "exports");
    await shop.ask("POST", "/v1/products:remove", { products: ["moved-mug", "moved-cup", "fed-1"] });
}));

test("a list that is asked for twice stands there once", on({}, async (page) => {
    let asked;
    const underWay = new Promise((done) => (asked = done)), came = [];
    await page.route("**/v1/products?*", async (route) => {
        asked();
        await new Promise((go) => setTimeout(go, 500));
        await route.continue();
    });
    page.on("response", (answer) => answer.url().includes("/v1/products?") && came.push(answer.url()));
    await page.goto("/catalogue");
    await underWay;
    await page.locator("#search").fill("x");
    await page.locator("#search").fill(""); // asks anew while the first answer is on its way
    await until("it came twice", async () => came.filter((url) => !url.includes("after=")).length > 1);
    await page.waitForLoadState("networkidle");
    const links = await rows(page).locator("a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    assert.ok(links.length >= 60);
    assert.equal(new Set(links).size, links.length);
}));
