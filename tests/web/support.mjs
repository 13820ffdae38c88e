// SPDX-License-Identifier: Apache-2.0
// What the tests of the page share: a served shop of drawn pictures, a browser, and pages that keep account of what a
// page must never do. Nothing here waits for a time; it waits until something holds.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";

// The packages lie in the build folder and not beside these files.
const require = createRequire(join(process.env.NITERU_WEB, "package.json"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PATIENCE = 30_000;

// Waits until something holds; `what` says what did not.
export async function until(what, holds) {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await new Promise((go) => setTimeout(go, 25))) {
        if (await holds()) {
            return;
        }
    }
    assert.fail(`not in ${PATIENCE / 1000} s: ${what}`);
}

// A catalogue in a folder of its own, and a server on it.
export class Shop {
    constructor(count, settings = []) {
        this.settings = settings;
        this.folder = mkdtempSync(join(tmpdir(), "niteru-web-"));
        this.env = { ...process.env, NITERU_CATALOGUE: join(this.folder, "shop.niteru") };
        this.port = 0;
        process.on("exit", () => this.remove()); // whatever else goes wrong, no server is left behind
        this.run(process.env.NITERU_PICTURES, join(this.folder, "photos"), "--count", String(count));
        this.run(process.env.NITERU, "index", join(this.folder, "photos/catalog.csv"), "-q");
    }

    run(program, ...args) {
        const done = spawnSync(program, args, { env: this.env, encoding: "utf8" });
        assert.equal(done.status, 0, `${program} ${args.join(" ")}: ${done.stderr}`);
    }

    // Again on the port that it had.
    async start() {
        const listen = ["serve", "--listen", `127.0.0.1:${this.port}`, "--set", "log=errors", ...this.settings.flatMap((one) => ["--set", one])];
        this.process = spawn(process.env.NITERU, listen, { env: this.env, stdio: ["ignore", "pipe", "inherit"] });
        for await (const line of createInterface({ input: this.process.stdout })) {
            this.url = line.split(" at ")[1]?.trim();
            break;
        }
        assert.match(this.url ?? "", /^http:/, "the server did not start");
        this.port = Number(new URL(this.url).port);
        return this;
    }

    async stop(how = "SIGKILL") {
        const { process } = this;
        if (process !== undefined) {
            this.process = undefined;
            const ended = new Promise((done) => process.once("exit", done));
            process.kill(how);
            await ended;
        }
    }

    remove() {
        this.process?.kill("SIGKILL");
        rmSync(this.folder, { recursive: true, force: true });
    }

    async close() {
        await this.stop();
        this.remove();
    }

    photoFiles() {
        const folder = join(this.folder, "photos/images");
        return readdirSync(folder).sort().map((name) => join(folder, name));
    }

    async ask(method, path, body, type = "application/json") {
        const data = type === "application/json" && body !== undefined ? JSON.stringify(body) : body;
        const answer = await fetch(this.url + path, { method, body: data, headers: data === undefined ? {} : { "Content-Type": type } });
        const text = await answer.text();
        assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
        return text === "" ? undefined : JSON.parse(text);
    }

    // Products as { product, metadata }, as many as there are.
    async put(products) {
        for (let i = 0; i < products.length; i += 1000) {
            const answer = await this.ask("POST", "/v1/products:batch", { products: products.slice(i, i + 1000) });
            const failed = answer.products.filter((one) => one.status >= 300);
            assert.deepEqual(failed, []);
        }
    }

    putPhoto(id, bytes) {
        return this.ask("POST", `/v1/products/${encodeURIComponent(id)}/photos`, bytes, "application/octet-stream");
    }
}

// A shop for all tests of a file.
export async function openShop(count = 60, settings = []) {
    const shop = new Shop(count, settings);
    after(() => shop.close());
    return shop.start();
}

export async function openBrowser() {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, timeout: 120_000 });
    after(() => browser.close());
    return browser;
}

// A page in a context of its own. `faults` gathers what must not happen: an exception, a message of the console, a
// dialog, a window, a request that leaves the origin. Photos and answers that fail are of the tests that make them.
export async function openPage(browser, shop, { width = 1440, height = 900, dark = false, language = "en", ...more } = {}) {
    const context = await browser.newContext({
        baseURL: shop.url, viewport: { width, height }, colorScheme: dark ? "dark" : "light", reducedMotion: "reduce",
        locale: language === "ja" ? "ja-JP" : "en-GB", ...more,
    });
    const page = await context.newPage(), faults = [], asked = new Set();
    page.setDefaultTimeout(PATIENCE);
    page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource")) {
            faults.push(`console: ${message.text()}`);
        }
    });
    page.on("dialog", (dialog) => {
        faults.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
    });
    context.on("page", (other) => faults.push(`window: ${other.url()}`));
    for (const end of ["requestfinished", "requestfailed"]) {
        context.on(end, (request) => asked.delete(request.url()));
    }
    context.on("request", (request) => {
        asked.add(request.url());
        const { origin, protocol } = new URL(request.url());
        if (origin !== shop.url && protocol !== "blob:") {
            faults.push(`request: ${request.url().slice(0, 200)}`);
        }
    });
    return Object.assign(page, { faults, asked });
}

// Runs a test on a page, which is closed afterwards and must have done nothing wrong.
export const onPage = (browser, shop, options, body) => async (t) => {
    const page = await openPage(browser, shop, options);
    try {
        await body(page, t);
        assert.deepEqual(page.faults, []);
    } catch (fault) {
        const shown = await page.locator("body").innerText({ timeout: 2000 }).catch(String);
        const draws = await Promise.race([page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done(true)))), new Promise((done) => setTimeout(done, 2000, false))]).catch(String);
        console.log(`${page.url()} shows: ${shown.slice(0, 2000)}\nit draws: ${draws}\nfaults: ${page.faults.join("\n")}\nnot answered: ${[...page.asked].join("\n")}`);
        throw fault;
    } finally {
        await page.context().close();
    }
};

export const tiles = (page, within = "") => page.locator(`${within} .tile`);

// How many products the shop's grid has, of which those near the window are there.
export const gridSize = (page) => page.evaluate(() => Number(document.querySelector(".grid > li")?.getAttribute("aria-setsize") ?? 0));

// The shop's grid with its products in it.
export async function goShop(page, query = "") {
    await page.goto("/" + query);
    await tiles(page).first().waitFor();
}

// A product with its five alike, when these are the answer to the address as it is.
export async function settled(page) {
    await tiles(page, ".found").first().waitFor();
    await until("the answer is there", async () => (await page.locator('.found[aria-busy="false"]').count()) === 1);
}

export async function goProduct(page, id, query = "") {
    await page.goto(`/p/${encodeURIComponent(id)}${query}`);
    await settled(page);
}

export const titles = (page, within = "") => page.locator(`${within} .tile .title`).allTextContents();

// No wider than the window: a reader never scrolls sideways.
export async function assertFits(page, what) {
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(content <= window, `${what}: the page is ${content} px wide in a window of ${window}`);
}

// A scenario with rules, and answers of it with what came of them on the last days.
export async function tryScenario(shop, name, pinned, visitors = 60) {
    await shop.ask("PUT", `/v1/scenarios/${name}`, { k: 6, note: "first" });
    await shop.ask("PUT", "/v1/scenarios/for-you", { control_percent: 0, random_percent: 0 }); // the feed of the page itself is of tastes
    await shop.ask("GET", "/v1/users/somebody/recommend?k=1&scenario=without-settings");
    await shop.ask("PUT", `/v1/scenarios/${name}`, {
        k: 8, control_percent: 30, random_percent: 10, sources: { taste: 2.5, seen: 0 }, places: { new: 1 }, note: "winter sale",
        rules: [{ rule: "pin", products: pinned, position: 1, until: "2036-01-01T00:00:00Z", note: "until New Year" }, { rule: "cap", field: "category", most: 2 }, { rule: "hide", where: "price < 5", off: true }],
    });
    const now = Math.floor(Date.now() / 1000);
    for (let i = 0; i < visitors; i++) {
        const user = `tried${i}`, time = now - (i % 10) * 86_400;
        const feed = await shop.ask("GET", `/v1/users/${user}/recommend?k=5&scenario=${name}&metadata=false`);
        const events = feed.products.map((one) => ({ kind: "impression", product: one.product, user, rec_id: feed.rec_id, position: one.position, time }));
        events.push(...["click", "cart", "purchase"].slice(0, i % 4).map((kind) => ({ ...events[i % events.length], kind, ...(kind === "purchase" ? { value: 12.5 + i, currency: "EUR" } : {}) })));
        await shop.ask("POST", "/v1/events", events);
    }
}

// What axe finds, a line a rule; needs a page with bypassCSP, because axe is put into it.
export async function violations(page) {
    await page.evaluate(AXE);
    return page.evaluate(async () => {
        const found = await globalThis.axe.run();
        return found.violations.map(({ id, nodes }) => `${id}: ${nodes.length} ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary?.slice(0, 200)}`);
    });
}
