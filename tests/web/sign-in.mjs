// SPDX-License-Identifier: Apache-2.0
// Signing in with a key, what each kind of key shows, and what happens when a key is taken away while one works.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { assertFits, openBrowser, onPage, openPage, openShop, tiles, until, violations } from "./support.mjs";

const shop = await openShop(20), browser = await openBrowser();
const niteru = (...args) => spawnSync(process.env.NITERU, ["key", ...args], { env: shop.env, encoding: "utf8" }).stdout.trim();
const makeKey = (kind, name) => niteru("create", "-q", "--kind", kind, "--name", name);
const keys = { admin: makeKey("admin", "admin"), secret: makeKey("secret", "secret"), publishable: makeKey("publishable", "public") };
await until("keys are asked for", async () => (await fetch(shop.url + "/v1/models")).status === 401);

const key = (page) => page.locator("#key");
const rows = (page) => page.locator(".rows > li");
const headerOf = async (page) => (await page.locator(".head nav").innerText()).split(/\s{2,}|\n/).filter(Boolean);

async function signIn(page, as) {
    await key(page).fill(as);
    await key(page).press("Enter");
}

async function goCatalogue(page, as = keys.admin) {
    await page.goto("/catalogue");
    await signIn(page, as);
    await rows(page).first().waitFor();
}

const asKey = (key, path) => fetch(shop.url + path, { headers: { Authorization: `Bearer ${key}` } });
const titleOf = async (id) => (await (await asKey(keys.admin, `/v1/products/${id}`)).json()).metadata.title;

test("a wrong key is told, the right one opens what was asked for, and a reload keeps it", onPage(browser, shop, {}, async (page) => {
    await page.goto("/catalogue?flag=duplicate");
    await signIn(page, "nk_adm_" + "A".repeat(43));
    await page.getByText("This key is not known here, or was revoked.").waitFor();
    assert.equal(await key(page).getAttribute("aria-invalid"), "true");
    await signIn(page, `  ${keys.admin}\t`);
    await page.getByRole("button", { name: /^All/ }).waitFor();
    assert.equal(new URL(page.url()).search, "?flag=duplicate");
    const cookies = await page.context().cookies();
    assert.deepEqual(cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]), [[true, "Strict"]]);
    assert.equal(await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)), "{}{}");
    await page.reload();
    await page.getByRole("button", { name: /^All/ }).click();
    await rows(page).first().waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await key(page).waitFor();
    assert.equal(await page.getByRole("alert").count(), 0, "who signs out need not be told");
    assert.equal(await key(page).inputValue(), "");
    await page.reload();
    await key(page).waitFor();
    await page.goBack();
    await key(page).waitFor();
}));

test("a secret key edits, too", onPage(browser, shop, {}, async (page) => {
    await goCatalogue(page, keys.secret);
    assert.ok((await headerOf(page)).includes("Catalogue"));
}));

test("a publishable key in the address shows the shop, and nothing to edit", onPage(browser, shop, {}, async (page) => {
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(`/?q=dress&key=${keys.publishable}`);
    await tiles(page).first().waitFor();
    assert.equal(new URL(page.url()).search, "?q=dress");
    assert.deepEqual(asked.slice(1).filter((url) => url.includes("nk_pub_")), []);
    assert.ok(!(await headerOf(page)).includes("Catalogue"));
    await tiles(page).first().click();
    await tiles(page, ".found").first().waitFor();
    await page.goto("/catalogue");
    await page.getByText("Changing the catalogue needs a secret or an admin key.").waitFor();
    assert.equal(await page.getByText("That did not work").count(), 0);
    await signIn(page, keys.publishable);
    await until("it is taken, and changes nothing here", async () => (await key(page).inputValue()) === "");
    await page.locator(".head .name").click();
    await tiles(page).first().waitFor();
    await page.goto("/catalogue");
    await signIn(page, keys.admin);
    await rows(page).first().waitFor();
}));

test("a wrong key in the address leads to signing in", onPage(browser, shop, {}, async (page) => {
    await page.goto("/?key=nk_pub_wrong");
    await key(page).waitFor();
    assert.equal(new URL(page.url()).search, "");
}));

test("a key that is revoked while one types: asked for again, and what was typed is still there", onPage(browser, shop, {}, async (page) => {
    const brief = makeKey("secret", "brief");
    await page.goto("/catalogue");
    await until("the new key is known", async () => (await asKey(brief, "/v1/models")).ok);
    await signIn(page, brief);
    await rows(page).first().waitFor();
    const id = await rows(page).nth(2).locator(".quiet").first().textContent();
    await rows(page).nth(2).getByRole("button", { name: /^Edit/ }).click();
    const title = page.locator(".editor .field", { hasText: "title" }).locator("input, textarea");
    await title.fill("Typed before the key went");
    niteru("revoke", "brief");
    await page.getByText("You are not signed in any more").waitFor(); // the page looks for news by itself
    await signIn(page, keys.admin);
    await title.waitFor();
    assert.equal(await title.inputValue(), "Typed before the key went");
    await page.locator(".editor").getByRole("button", { name: "Save" }).click();
    await rows(page).getByText("Typed before the key went").waitFor();
    assert.equal(await titleOf(id.split(" · ")[0]), "Typed before the key went");
}));

test("two tabs share a session, whichever signed in last", onPage(browser, shop, {}, async (page) => {
    await goCatalogue(page);
    const renewed = await page.evaluate(async (key) => { // as another tab does
        const answer = await fetch("/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key }) });
        return answer.status;
    }, keys.admin);
    assert.equal(renewed, 200);
    await rows(page).first().getByRole("button").last().click();
    await page.locator(".editor .field input").first().fill("From the older tab");
    await page.locator(".editor").getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Taken back.").waitFor();
}));

test("a server that is started anew knows no session, and says so", onPage(browser, shop, {}, async (page) => {
    await goCatalogue(page);
    await page.locator("#search").fill("dress");
    await until("it is asked", async () => new URL(page.url()).searchParams.get("q") === "dress");
    await shop.stop();
    await shop.start();
    await page.getByText("You are not signed in any more").waitFor();
    await signIn(page, keys.admin);
    await rows(page).first().waitFor();
    assert.equal(await page.locator("#search").inputValue(), "dress");
}));

test("signing out while the server is away is not believed", onPage(browser, shop, {}, async (page) => {
    await goCatalogue(page);
    await page.route("**/v1/session", (route) => route.abort());
    await page.getByRole("button", { name: "Sign out" }).click();
    await until("it can be tried again", async () => (await page.getByRole("button", { name: "Sign out" }).count()) === 1);
    await page.unroute("**/v1/session");
    await page.getByRole("button", { name: "Sign out" }).click();
    await key(page).waitFor();
}));

test("a page of another origin cannot write or read in a session, nor sign in or out", async () => {
    const elsewhere = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<!doctype html><title>elsewhere</title>"));
    await new Promise((done) => elsewhere.listen(0, "127.0.0.1", done));
    after(() => elsewhere.close());
    const page = await openPage(browser, shop);
    await goCatalogue(page);
    const before = await titleOf("dress-001-blue");
    const other = await page.context().newPage();
    // Of the same site, which is any port of a host: SameSite does not keep the cookie from these requests.
    await other.goto(`http://127.0.0.1:${elsewhere.address().port}/`);
    const said = await other.evaluate(async ([url, key]) => {
        const send = (path, method, body, type) => fetch(url + path, {
            method, body, credentials: "include", mode: "cors", headers: type === undefined ? {} : { "Content-Type": type },
        }).then((answer) => answer.status, () => "refused");
        const blind = (path, method, body) => fetch(url + path, { method, body, credentials: "include", mode: "no-cors" })
            .then((answer) => answer.type, () => "refused");
        const form = document.createElement("form"), frame = document.createElement("iframe");
        Object.assign(form, { method: "POST", action: `${url}/v1/products:remove`, enctype: "text/plain", target: "there" });
        form.innerHTML = '<input name=\'{"products": ["dress-001-blue"], "x": "\' value=\'"}\'>';
        frame.name = "there";
        document.body.append(frame, form);
        form.submit();
        await new Promise((done) => (frame.onload = done));
        return {
            read: await send("/v1/products", "GET"),
            session: await send("/v1/session", "GET"),
            patch: await send("/v1/products/dress-001-blue", "PATCH", '{"metadata":{"title":"evil"}}', "application/json"),
            remove: await send("/v1/products/dress-001-blue", "DELETE"),
            signIn: await send("/v1/session", "POST", JSON.stringify({ key }), "application/json"),
            signOut: await send("/v1/session", "DELETE"),
            blind: await blind("/v1/products:remove", "POST", '{"products": ["dress-001-blue"]}'),
            blindPut: await blind("/v1/products:import", "POST", "{}"),
        };
    }, [shop.url, keys.secret]);
    const { blind, blindPut, ...answers } = said;
    assert.deepEqual(new Set(Object.values(answers)), new Set(["refused"]), JSON.stringify(said));
    assert.deepEqual([blind, blindPut], ["opaque", "opaque"]); // they were sent; what came of them is asked below
    assert.equal(await titleOf("dress-001-blue"), before);
    const jobs = await (await asKey(keys.admin, "/v1/jobs")).json();
    assert.deepEqual(jobs.jobs, []);
    await page.reload();
    await rows(page).first().waitFor(); // still signed in
    await page.context().close();
});

for (const [dark, language, width] of [[false, "en", 1440], [true, "ja", 360]]) {
    test(`for everyone: ${language}, ${width}`, onPage(browser, shop, { dark, language, width, bypassCSP: true }, async (page) => {
        await page.goto("/catalogue");
        await signIn(page, "wrong");
        await page.getByRole("alert").waitFor();
        await assertFits(page, "a wrong key");
        assert.deepEqual(await violations(page), []);
        await signIn(page, keys.publishable);
        await page.locator(".sign-in [role=status]").waitFor();
        await assertFits(page, "a publishable key");
        assert.deepEqual(await violations(page), []);
        if (process.env.NITERU_SCREENSHOTS) {
            await page.screenshot({ path: `${process.env.NITERU_SCREENSHOTS}/sign-in-${width}-${language}.png` });
        }
    }));
}
